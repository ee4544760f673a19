"""`full`: all weights are trained, not an adapter beside them."""

from __future__ import annotations

__all__ = ["Full"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.methods.weights.lora import Lora
from crossover.methods.weights.recipe import Recipe, around
from crossover.model.base import Capability, LanguageModel
from crossover.records import Inputs

LEARNING_RATE = 1e-4
"""As good as three times more or less (docs/log.md, 2026-11-25)."""


class Full(Lora):
    """Full fine-tuning, on the steps and rows of `lora`. fp32 masters, AdamW's moments and gradients take several times
    the model's memory (`Footprint.all_trained`), and every trial leaves a copy of the model.
    """

    name: ClassVar[str] = "full"
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "train", "train all weights"})
    is_core: ClassVar[bool] = False
    is_default: ClassVar[bool] = False
    summary: ClassVar[str] = "all weights trained: a copy of the model for each candidate"

    def recipes(self, inputs: Sequence[Inputs], model: LanguageModel) -> Sequence[Recipe]:
        """Return a low learning rate, half and twice of it."""
        return around(Recipe(name=self.name, full=True, learning_rate=LEARNING_RATE))
