"""A linear head on the model's pooled hidden states, those of the frozen model or of an adapted one."""

from __future__ import annotations

__all__ = ["ADAPTER", "HeadCandidate", "head_tokens"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch

from crossover.candidate.base import Candidate, CandidateParts, Predictor
from crossover.candidate.fields import mapping, optional, texts
from crossover.candidate.logistic import Logistic, array
from crossover.candidate.wording import joined
from crossover.model.base import Adapter, LanguageModel
from crossover.records import Inputs, Prediction

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

ADAPTER = "adapter/"
"""Stands before the names of an adapter's tensors: they lie beside the head's own."""


def head_tokens(model: LanguageModel, inputs: Inputs, fields: Sequence[str]) -> tuple[int, ...]:
    """Return what the model reads for a head: a user's turn with the bare text, which is what it was tuned on."""
    return model.render([{"role": "user", "content": joined(inputs, fields)}])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadCandidate(Candidate):
    """Standardised pooled states times weights. `mean` and `scale` are [features].

    `adapter` has the LoRA weights with which the states are computed, or is None for the frozen model.
    """

    type: ClassVar[str] = "head"
    fields: tuple[str, ...]
    mean: FloatArray
    scale: FloatArray
    head: Logistic
    adapter: Adapter | None = None

    @property
    def needs_model(self) -> bool:
        """The language model computes the states."""
        return True

    def predictor(self, model: LanguageModel | None) -> Predictor:
        """Return the function that embeds and answers."""
        if model is None:
            raise ValueError("a head needs its language model")

        def answer(inputs: Sequence[Inputs]) -> list[Prediction]:
            if not inputs:
                return []
            tokens = [head_tokens(model, i, self.fields) for i in inputs]
            features = (model.embed(tokens) - self.mean) / self.scale
            return self.head.answers(features, prompt_tokens=[len(t) for t in tokens])

        return answer

    def parts(self) -> CandidateParts:
        """Return the weights as plain data."""
        adapter: dict[str, torch.Tensor] = {}
        if self.adapter is not None:
            adapter = {f"{ADAPTER}{name}": weights for name, weights in self.adapter.weights.items()}
        return CandidateParts(
            type=self.type,
            config={
                "fields": self.fields,
                "labels": self.head.labels,
                "adapter": None if self.adapter is None else dict(self.adapter.config),
            },
            tensors={
                "mean": torch.from_numpy(self.mean),
                "scale": torch.from_numpy(self.scale),
                "weights": torch.from_numpy(self.head.weights),
                "bias": torch.from_numpy(self.head.bias),
                **adapter,
            },
        )

    @classmethod
    def from_parts(cls, parts: CandidateParts) -> Self:
        """Rebuild the candidate."""
        n = parts.tensors["mean"].numel()
        mean, scale = array(parts, "mean", (n,)), array(parts, "scale", (n,))
        if not (scale > 0).all():
            raise ValueError("tensor 'scale' must be above zero")
        # A head that was written before there were adapters for it does not have the field.
        config = optional(parts.config, "adapter", mapping) if "adapter" in parts.config else None
        weights = {name.removeprefix(ADAPTER): t for name, t in parts.tensors.items() if name.startswith(ADAPTER)}
        if (config is None) != (not weights):
            raise ValueError("field 'adapter' and tensors 'adapter/...' must be there together")
        return cls(
            fields=texts(parts.config, "fields"),
            mean=mean,
            scale=scale,
            head=Logistic.of_parts(parts, n),
            adapter=None if config is None else Adapter(config=config, weights=weights),
        )
