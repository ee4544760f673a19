"""`cot`: chain of thought. The model reasons, as long as a bound allows, then answers."""

from __future__ import annotations

__all__ = ["ChainOfThought"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, PromptedCandidate
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import Meter
from crossover.methods.reasoning import choose_reasoning, reasoning_cost
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import Example, Family, Inputs, Kind, TaskSpec


class ChainOfThought(Method):
    """Reasoning before the answer (Wei et al. 2022, arXiv:2201.11903), with demonstrations of it or without.

    For math, `zero-shot` reasons already: its instruction asks for steps, and the wanted answers hold them. What `cot`
    adds is a bound on the reasoning, an answer behind it in every case, and demonstrations that compete with none on
    rows that are not shown. For questions it adds the reasoning.
    """

    name: ClassVar[str] = "cot"
    family: ClassVar[Family] = "prompt"
    kinds: ClassVar[tuple[Kind, ...]] = ("qa", "math")
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "generate"})
    min_budget: ClassVar[int] = 0
    summary: ClassVar[str] = "reasoning of bounded length before the answer, shown in demonstrations where that helps"

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
        """Choose demonstrations or none, and the length."""
        if model is None:
            raise TrialError("cot needs a language model")
        meter = Meter(model)
        chosen = choose_reasoning(spec, labelled, model, metric, effort, seed)
        return Fitted(
            candidate=PromptedCandidate(program=chosen.program),
            tried=chosen.tried,
            dev_score=chosen.dev_score,
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Two programs with three lengths answer the dev rows; one path for each test row."""
        return reasoning_cost(shape, budget, 1)
