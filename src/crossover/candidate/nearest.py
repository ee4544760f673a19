"""The candidate that answers with the target of the nearest labelled example, without a language model."""

from __future__ import annotations

__all__ = ["NearestCandidate"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from crossover.candidate.base import Candidate, CandidateParts, Predictor
from crossover.candidate.fields import sequence, text, texts
from crossover.candidate.neighbours import Neighbours
from crossover.candidate.wording import joined
from crossover.model.base import LanguageModel
from crossover.records import Inputs, Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestCandidate(Candidate):
    """Answers with the answer of the pool's nearest text (see `Neighbours`).

    Attributes:
        fields: input fields, read one below the other.
        pool: texts and their answers.
    """

    type: ClassVar[str] = "nearest"
    fields: tuple[str, ...]
    pool: tuple[tuple[str, str], ...]

    @property
    def needs_model(self) -> bool:
        """No model is needed."""
        return False

    def predictor(self, model: LanguageModel | None) -> Predictor:
        """Index the pool and return a function that looks inputs up."""
        index = Neighbours([known for known, _ in self.pool])

        def answer(inputs: Sequence[Inputs]) -> list[Prediction]:
            if not inputs:
                return []
            found = index.nearest([joined(one, self.fields) for one in inputs], 1)
            return [Prediction(answer=self.pool[near][1]) for (near,) in found]

        return answer

    def parts(self) -> CandidateParts:
        """Return fields and pool."""
        pool = [{"text": known, "answer": target} for known, target in self.pool]
        return CandidateParts(type=self.type, config={"fields": self.fields, "pool": pool})

    @classmethod
    def from_parts(cls, parts: CandidateParts) -> Self:
        """Rebuild the candidate."""
        pool = []
        for entry in sequence(parts.config, "pool"):
            if not isinstance(entry, Mapping):
                raise ValueError(f"field 'pool' must hold objects, got {entry!r}")
            pool.append((text(entry, "text"), text(entry, "answer")))
        if not pool:
            raise ValueError("field 'pool' must not be empty")
        return cls(fields=texts(parts.config, "fields"), pool=tuple(pool))
