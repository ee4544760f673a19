"""`lora+knn-few-shot`: each input's nearest labelled examples in the training prompt and in the served one."""

from __future__ import annotations

__all__ = ["LoraKnnFewShot"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, Demonstration
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import planned_allowance
from crossover.methods.frozen import LAYOUT_ROWS
from crossover.methods.start import begin
from crossover.methods.weights.lora import fit_lora, recipes
from crossover.methods.written import DEV_ROWS, shown_within
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import KINDS, Example, Family, Inputs, Kind, TaskSpec

NEIGHBOURS = 4


class LoraKnnFewShot(Method):
    """4 nearest labelled examples, by words, stand above every input, trained and served.

    In training a row stands below the nearest of the others, and all answers of such a sequence are learned: see
    `Lessons`.
    """

    name: ClassVar[str] = "lora+knn-few-shot"
    family: ClassVar[Family] = "both"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "train"})
    min_budget: ClassVar[int] = 8
    goes_on_from: ClassVar[tuple[Family, ...]] = ("prompt",)
    summary: ClassVar[str] = "adapters trained on, and served with, each input's nearest labelled examples"

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
        """Train below neighbours."""
        if model is None:
            raise TrialError("lora+knn-few-shot needs a language model")
        program = begin(spec, start).bare
        k = min(NEIGHBOURS, len(labelled) // 4)
        if program.is_open:
            k = shown_within(labelled, program, model, k)
        program = program.with_retrieval([Demonstration.of(e) for e in labelled], k)
        return fit_lora(program, labelled, spec, model, metric, effort, seed, recipes=recipes())

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """As `lora`'s training; a test row is read with its neighbours."""
        k = min(NEIGHBOURS, budget // 4)
        added = k * (shape.row + shape.answer)
        trained = planned_allowance(shape, budget, effort) // 3
        if shape.written:
            answered = min(budget // 4, DEV_ROWS) + shape.n_test
            read = shape.prefix * 4 + answered * (shape.row + added) + 2 * LAYOUT_ROWS * (shape.row + shape.answer)
            return Cost(read=read, trained=trained, written=answered * shape.written, added=added, each=added)
        read = shape.prefix * 2 + budget // 4 * (shape.row + added + shape.answer_tree)
        return Cost(read=read + shape.n_test * (shape.test_row + added), trained=trained, added=added, each=added)
