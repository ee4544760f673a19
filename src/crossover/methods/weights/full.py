"""`full`: all weights are trained, not an adapter beside them."""

from __future__ import annotations

__all__ = ["Full"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.start import begin
from crossover.methods.weights.lora import Lora, fit_lora
from crossover.methods.weights.recipe import Recipe, around
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import KINDS, Example, Family, Inputs, Kind, TaskSpec

LEARNING_RATE = 1e-4


class Full(Method):
    """Full fine-tuning, on the steps and rows of `lora`: as much memory as five models, and a copy of the model for
    every trial.
    """

    name: ClassVar[str] = "full"
    family: ClassVar[Family] = "weights"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "train", "train all weights"})
    min_budget: ClassVar[int] = 4
    is_default: ClassVar[bool] = False
    goes_on_from: ClassVar[tuple[Family, ...]] = ("prompt",)
    summary: ClassVar[str] = "all weights trained: a copy of the model for each candidate"

    def fit(
        self,
        spec: TaskSpec,
        labelled: Sequence[Example],
        unlabelled: Sequence[Inputs],
        *,
        model: LanguageModel | None,
        metric: Metric,
        effort: float,
        seed: int,
        start: Candidate | None = None,
    ) -> Fitted:
        """Train on the default prompt, or on what the step before found."""
        if model is None:
            raise TrialError("full needs a language model")
        program = begin(spec, start).program
        recipe = Recipe(name=self.name, full=True, learning_rate=LEARNING_RATE)
        layouts = None if start is None else (program.layout,)
        return fit_lora(program, labelled, spec, model, metric, effort, seed, layouts=layouts, recipes=around(recipe))

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """As `lora`."""
        return Lora().cost(shape, budget, effort)
