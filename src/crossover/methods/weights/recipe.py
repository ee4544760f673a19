"""Which adapter a fit trains, and how."""

from __future__ import annotations

__all__ = ["Recipe"]

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from crossover.candidate import PromptProgram
from crossover.model.base import TrainSettings
from crossover.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What one way of training adapters differs in from another one.

        Recipe(name="ia3", adapter="ia3", learning_rate=3e-2)

    Attributes:
        name: the method's, for messages.
        learning_rate: peak rate.
        adapter: as in `TrainSettings`.
        begins_as: of a soft prompt: the tokens that it takes the place of, for the program as it is laid out.
    """

    name: str
    learning_rate: float
    adapter: Literal["lora", "ia3", "soft"] = "lora"
    begins_as: Callable[[PromptProgram], tuple[int, ...]] | None = None

    def settings(self, program: PromptProgram, steps: int, seed: int) -> TrainSettings:
        """Return the hyperparameters of a fit on a program's prompts."""
        return TrainSettings(
            adapter=self.adapter,
            learning_rate=self.learning_rate,
            soft=self.begins_as(program) if self.begins_as else (),
            total_steps=steps,
            seed=seed,
        )

    def told(self, settings: TrainSettings) -> dict[str, Json]:
        """Return what the store keeps of them."""
        sizes: dict[str, Json] = {"rank": settings.rank} if self.adapter == "lora" else {}
        if self.adapter == "soft":
            sizes = {"virtual_tokens": len(settings.soft)}
        return {**sizes, "learning_rate": settings.learning_rate}
