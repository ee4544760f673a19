"""`ia3`: keys, values and feed-forward states scaled, trained on the labels' answers."""

from __future__ import annotations

__all__ = ["Ia3"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.methods.weights.lora import Lora
from crossover.methods.weights.recipe import Recipe, around
from crossover.model.base import LanguageModel
from crossover.records import Inputs

LEARNING_RATE = 3e-2
"""Better than 1e-2 on each set of three (docs/log.md, 2026-11-25)."""


class Ia3(Lora):
    """One factor for each key, value and feed-forward feature (Liu et al. 2022, arXiv:2205.05638), on the steps and
    rows of `lora`: some ten thousand numbers in place of millions.
    """

    name: ClassVar[str] = "ia3"
    is_core: ClassVar[bool] = False
    is_default: ClassVar[bool] = False
    summary: ClassVar[str] = "keys, values and feed-forward states scaled by trained factors"

    def recipes(self, inputs: Sequence[Inputs], model: LanguageModel) -> Sequence[Recipe]:
        """Return a high learning rate, half and twice of it: the factors are few and lie about 1."""
        return around(Recipe(name=self.name, adapter="ia3", learning_rate=LEARNING_RATE))
