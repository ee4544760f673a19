"""What a fitted method leaves: everything needed to predict, and nothing that needs code to load."""

from __future__ import annotations

__all__ = ["Candidate", "CandidateParts", "Predictor"]

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Self, TypeAlias

import torch

from crossover.model.base import Adapter, LanguageModel
from crossover.records import Inputs, Json, Prediction

Predictor: TypeAlias = Callable[[Sequence[Inputs]], list[Prediction]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateParts:
    """A candidate as plain data: what goes into files.

    Attributes:
        type: one of the closed set of candidate types, for example "prompted".
        config: JSON values.
        tensors: name -> tensor, for a safetensors file; empty when there are none.
    """

    type: str
    config: Mapping[str, Json]
    tensors: Mapping[str, torch.Tensor] = field(default_factory=dict, repr=False)


class Candidate(ABC):
    """Everything needed to predict, frozen. The types are a closed set: constant, copied, nearest, linear, head,
    prompted.

    A method from another package returns one of these too, so that a bundle never needs code.
    """

    type: ClassVar[str]

    @property
    @abstractmethod
    def needs_model(self) -> bool:
        """Whether predicting takes the language model."""

    @property
    def adapter(self) -> Adapter | None:
        """Weights that the language model computes with while it answers; None for its own alone."""
        return None

    @abstractmethod
    def predictor(self, model: LanguageModel | None) -> Predictor:
        """Return the function that answers inputs; one answer for each, in order. Only inside `opened`."""

    @contextmanager
    def opened(self, model: LanguageModel | None) -> Iterator[Predictor]:
        """Give a predictor with everything in place (an adapter is on) as long as the block runs."""
        if model is None or self.adapter is None:
            yield self.predictor(model)
            return
        with model.adapted(self.adapter):
            yield self.predictor(model)

    @abstractmethod
    def parts(self) -> CandidateParts:
        """Return the candidate as plain data; `from_parts` gives an equal candidate back."""

    @classmethod
    @abstractmethod
    def from_parts(cls, parts: CandidateParts) -> Self:
        """Rebuild a candidate. Unknown or missing fields are a ValueError."""


def predict(candidate: Candidate, inputs: Sequence[Inputs], model: LanguageModel | None) -> list[Prediction]:
    """Answer inputs with a candidate, one answer for each, in order."""
    with candidate.opened(model) as predictor:
        return predictor(inputs)
