"""`majority`: always the most frequent label of the budget."""

from __future__ import annotations

__all__ = ["Majority"]

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, ConstantCandidate
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import Meter
from crossover.metrics import Metric
from crossover.model.base import LanguageModel
from crossover.records import Configuration, Example, Family, Inputs, TaskSpec


class Majority(Method):
    """Always answers the most frequent label; ties go to the first in the task's order."""

    name: ClassVar[str] = "majority"
    family: ClassVar[Family] = "baseline"
    summary: ClassVar[str] = "always the most frequent label"

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
        """Count labels."""
        meter = Meter(None)
        counts = Counter(e.target for e in labelled)
        answer = _most_frequent(counts, spec)
        # Leave-one-out: a row is judged by the majority of the others.
        held_out = [_most_frequent(counts - Counter([e.target]), spec) for e in labelled]
        scores = [metric.score(a, e, spec) for a, e in zip(held_out, labelled, strict=True)]
        dev = sum(scores) / len(scores) if len(labelled) > 1 else None
        return Fitted(
            candidate=ConstantCandidate(answer=answer),
            tried=(Configuration(settings={"answer": answer}, dev_score=dev),),
            dev_score=dev,
            labels_used=len(labelled),
            token_passes=0,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Nothing."""
        return Cost()


def _most_frequent(counts: Counter[str | None], spec: TaskSpec) -> str:
    return max(spec.labels, key=lambda label: (counts[label], -spec.labels.index(label)))
