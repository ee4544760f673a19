"""Which adapter a fit trains, and how."""

from __future__ import annotations

__all__ = ["Recipe", "around"]

from collections.abc import Callable
from dataclasses import dataclass, replace
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
        adapter: as in `TrainSettings`, and so what stands up to `use_dora`.
        begins_as: of a soft prompt: the tokens that it takes the place of, for the program as it is laid out.
    """

    name: str
    learning_rate: float
    adapter: Literal["lora", "ia3", "soft"] = "lora"
    full: bool = False
    rank: int = 16
    alpha: int = 32
    use_rslora: bool = False
    use_dora: bool = False
    begins_as: Callable[[PromptProgram], tuple[int, ...]] | None = None

    def settings(self, program: PromptProgram, steps: int, seed: int) -> TrainSettings:
        """Return the hyperparameters of a fit on a program's prompts."""
        return TrainSettings(
            adapter=self.adapter,
            full=self.full,
            rank=self.rank,
            alpha=self.alpha,
            use_rslora=self.use_rslora,
            use_dora=self.use_dora,
            learning_rate=self.learning_rate,
            soft=self.begins_as(program) if self.begins_as else (),
            total_steps=steps,
            seed=seed,
        )

    def told(self, settings: TrainSettings) -> dict[str, Json]:
        """Return what the store keeps of them."""
        rate: dict[str, Json] = {"learning_rate": settings.learning_rate}
        if self.full:
            return rate
        if self.adapter == "soft":
            return {"virtual_tokens": len(settings.soft), **rate}
        variants: dict[str, Json] = {}
        if self.adapter == "lora":
            variants["rank"] = settings.rank
        if self.use_rslora or self.use_dora:
            variants["variant"] = "rsLoRA" if self.use_rslora else "DoRA"
        return {**variants, **rate}


def around(recipe: Recipe) -> tuple[Recipe, ...]:
    """Return a recipe, and the same at half and at twice its learning rate."""
    return (recipe, *(replace(recipe, learning_rate=recipe.learning_rate * by) for by in (0.5, 2)))
