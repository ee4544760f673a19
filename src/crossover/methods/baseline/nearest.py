"""`nearest`: the answer of the nearest labelled example, by words."""

from __future__ import annotations

__all__ = ["Nearest"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, NearestCandidate
from crossover.candidate.neighbours import Neighbours
from crossover.candidate.wording import joined
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import Meter
from crossover.metrics import Metric
from crossover.model.base import LanguageModel
from crossover.records import KINDS, Configuration, Example, Family, Inputs, Kind, TaskSpec


class Nearest(Method):
    """Looks the answer up: the text of a budget's rows that is nearest by TF-IDF has it."""

    name: ClassVar[str] = "nearest"
    family: ClassVar[Family] = "baseline"
    kinds: ClassVar[tuple[Kind, ...]] = tuple(kind for kind in KINDS if kind != "classification")
    summary: ClassVar[str] = "the answer of the nearest labelled example"

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
        """Keep the rows; each one's dev score is that of the nearest other's answer."""
        meter = Meter(None)
        pool = [(joined(row.inputs, spec.input_fields), str(row.target)) for row in labelled]
        dev = None
        if len(pool) > 1:
            known = [text for text, _ in pool]
            near = Neighbours(known).nearest(known, 1, without=range(len(known)))
            scores = [metric.score(pool[j][1], row, spec) for row, (j,) in zip(labelled, near, strict=True)]
            dev = sum(scores) / len(scores)
        return Fitted(
            candidate=NearestCandidate(fields=spec.input_fields, pool=tuple(pool)),
            tried=(Configuration(settings={}, dev_score=dev),),
            dev_score=dev,
            labels_used=len(labelled),
            token_passes=0,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Nothing."""
        return Cost()
