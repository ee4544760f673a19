"""The candidate that always gives the same answer."""

from __future__ import annotations

__all__ = ["ConstantCandidate"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from crossover.candidate.base import Candidate, CandidateParts, Predictor
from crossover.candidate.fields import text
from crossover.model.base import LanguageModel
from crossover.records import Inputs, Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantCandidate(Candidate):
    """Answers `answer`, whatever it is asked."""

    type: ClassVar[str] = "constant"
    answer: str

    @property
    def needs_model(self) -> bool:
        """No model is needed."""
        return False

    def predictor(self, model: LanguageModel | None) -> Predictor:
        """Return a function that always gives the answer."""

        def answer(inputs: Sequence[Inputs]) -> list[Prediction]:
            return [Prediction(answer=self.answer) for _ in inputs]

        return answer

    def parts(self) -> CandidateParts:
        """Return the answer as plain data."""
        return CandidateParts(type=self.type, config={"answer": self.answer})

    @classmethod
    def from_parts(cls, parts: CandidateParts) -> Self:
        """Rebuild the candidate."""
        return cls(answer=text(parts.config, "answer"))
