"""`ia3`: keys, values and feed-forward states scaled, trained on the labels' answers."""

from __future__ import annotations

__all__ = ["Ia3"]

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

LEARNING_RATE = 3e-2
"""A guess, not yet judged (docs/log.md, 2026-11-25)."""


class Ia3(Method):
    """One factor for each key, value and feed-forward feature (Liu et al. 2022, arXiv:2205.05638), on the steps and
    rows of `lora`: some ten thousand numbers in place of millions.
    """

    name: ClassVar[str] = "ia3"
    family: ClassVar[Family] = "weights"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "train"})
    min_budget: ClassVar[int] = 4
    is_default: ClassVar[bool] = False
    goes_on_from: ClassVar[tuple[Family, ...]] = ("prompt",)
    summary: ClassVar[str] = "keys, values and feed-forward states scaled by trained factors"

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
            raise TrialError("ia3 needs a language model")
        program = begin(spec, start).program
        recipe = Recipe(name=self.name, adapter="ia3", learning_rate=LEARNING_RATE)
        layouts = None if start is None else (program.layout,)
        return fit_lora(program, labelled, spec, model, metric, effort, seed, layouts=layouts, recipes=around(recipe))

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """As `lora`."""
        return Lora().cost(shape, budget, effort)
