"""The candidate that answers with its input, or with the beginning of it."""

from __future__ import annotations

__all__ = ["CopiedCandidate", "last_sentence", "lead_sentences", "whole_sentences"]

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from crossover.candidate.base import Candidate, CandidateParts, Predictor
from crossover.candidate.fields import integer, text
from crossover.model.base import LanguageModel
from crossover.records import Inputs, Prediction

_SENTENCE_END = re.compile(r"(?<=[.!?。！？…])[\"'”’)\]]*(?:\s+|$)|\n+")  # full-width signs end sentences too


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedCandidate(Candidate):
    """Answers with an input field.

    Attributes:
        field: which.
        sentences: how many of its first sentences; 0 for all of it.
    """

    type: ClassVar[str] = "copied"
    field: str
    sentences: int = 0

    @property
    def needs_model(self) -> bool:
        """No model is needed."""
        return False

    def predictor(self, model: LanguageModel | None) -> Predictor:
        """Return a function that copies."""

        def answer(inputs: Sequence[Inputs]) -> list[Prediction]:
            texts = [one[self.field].strip() for one in inputs]
            return [Prediction(answer=lead_sentences(t, self.sentences) if self.sentences else t) for t in texts]

        return answer

    def parts(self) -> CandidateParts:
        """Return field and number of sentences."""
        return CandidateParts(type=self.type, config={"field": self.field, "sentences": self.sentences})

    @classmethod
    def from_parts(cls, parts: CandidateParts) -> Self:
        """Rebuild the candidate."""
        sentences = integer(parts.config, "sentences")
        if sentences < 0:
            raise ValueError(f"field 'sentences' must be 0 or more, got {sentences}")
        return cls(field=text(parts.config, "field"), sentences=sentences)


def lead_sentences(whole: str, n: int) -> str:
    """Return the first n sentences; a line's end ends one too.

    >>> lead_sentences("It rains. We stay in. Why not?", 2)
    'It rains. We stay in.'
    """
    end = 0
    for place, found in enumerate(_SENTENCE_END.finditer(whole), start=1):
        end = found.end()
        if place == n:
            return whole[:end].strip()
    return whole


def last_sentence(whole: str) -> str:
    """Return the last sentence, or the last line where it is shorter.

    >>> last_sentence("It rains. We stay in.")
    'We stay in.'
    """
    text = whole.strip()
    starts = [found.end() for found in _SENTENCE_END.finditer(text) if found.end() < len(text)]
    return text[starts[-1] :].strip() if starts else text


def whole_sentences(cut: str) -> str:
    """Return a text that was cut somewhere without its last, unfinished sentence; all of it where no sentence ends.

    >>> whole_sentences("It rains. We stay in. Why n")
    'It rains. We stay in.'
    """
    ends = [found.end() for found in _SENTENCE_END.finditer(cut)]
    return cut[: ends[-1]].strip() if ends else cut.strip()
