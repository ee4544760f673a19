"""`lora+few-shot`: demonstrations in the training prompt and in the served one."""

from __future__ import annotations

__all__ = ["LoraFewShot"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, Demonstration
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import folds
from crossover.methods.effort import planned_allowance
from crossover.methods.frozen import LAYOUT_ROWS
from crossover.methods.start import begin
from crossover.methods.weights.lora import fit_lora, recipes
from crossover.methods.written import DEV_ROWS, shown_within
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import KINDS, Example, Family, Inputs, Kind, TaskSpec

DEMONSTRATIONS = 4


class LoraFewShot(Method):
    """Up to 4 demonstrations stand in every prompt, trained and served.

    The demonstrations are the prompts' shared beginning: the engine computes them once a step.
    """

    name: ClassVar[str] = "lora+few-shot"
    family: ClassVar[Family] = "both"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "train"})
    min_budget: ClassVar[int] = 8
    goes_on_from: ClassVar[tuple[Family, ...]] = ("prompt",)
    summary: ClassVar[str] = "adapters trained on, and served with, demonstrations in the prompt"

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
        """Draw the demonstrations, train on all rows: a demonstration is asked below the others."""
        if model is None:
            raise TrialError("lora+few-shot needs a language model")
        program = begin(spec, start).bare
        k = min(DEMONSTRATIONS, len(labelled) // 4)
        if program.is_open:
            k = shown_within(labelled, program, model, k)
        parts = folds(labelled, max(len(labelled) // k, 2), seed)
        shown = max(reversed(parts), key=len)[:k]
        program = program.with_demonstrations([Demonstration.of(labelled[i]) for i in shown])
        return fit_lora(program, labelled, spec, model, metric, effort, seed, recipes=recipes())

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """As `lora`, below a longer prefix."""
        prefix = shape.prefix + DEMONSTRATIONS * (shape.row + shape.answer)
        # Longer prompts leave fewer steps: the token passes are those of a default fit (`Lessons.n_steps`).
        trained = planned_allowance(shape, budget, effort) // 3
        if shape.written:
            answered = min(budget // 4, DEV_ROWS) + shape.n_test
            read = prefix * 4 + (answered + 2 * LAYOUT_ROWS) * (shape.row + shape.answer)
            return Cost(read=read, trained=trained, written=answered * shape.written, added=prefix - shape.prefix)
        read = (budget // 4 + 2 * LAYOUT_ROWS) * (shape.row + shape.answer_tree) + shape.n_test * shape.test_row
        return Cost(read=prefix * 2 + read, trained=trained, added=prefix - shape.prefix)
