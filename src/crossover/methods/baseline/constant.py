"""`constant`: always the labelled answer that is most like the others."""

from __future__ import annotations

__all__ = ["Constant"]

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from crossover.candidate import Candidate, ConstantCandidate
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import Meter
from crossover.metrics import Metric
from crossover.model.base import LanguageModel
from crossover.records import KINDS, Configuration, Example, Family, Inputs, Kind, TaskSpec

_MOST_ANSWERS = 40
"""Every answer is scored against every other: so many of them at most."""


class Constant(Method):
    """The labelled answer that scores best as the answer to the other labelled rows; the first of equals."""

    name: ClassVar[str] = "constant"
    family: ClassVar[Family] = "baseline"
    kinds: ClassVar[tuple[Kind, ...]] = tuple(kind for kind in KINDS if kind != "classification")
    summary: ClassVar[str] = "always the same answer, the one most like the labelled ones"

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
        """Score every answer on all rows but its own."""
        meter = Meter(None)
        rows = labelled[:_MOST_ANSWERS]
        answers = [str(row.target) for row in rows]
        scores = np.array([[metric.score(answer, row, spec) for row in rows] for answer in answers])
        np.fill_diagonal(scores, np.nan)
        means = np.nanmean(scores, axis=1) if len(rows) > 1 else np.zeros(1)
        best = int(means.argmax())
        return Fitted(
            candidate=ConstantCandidate(answer=answers[best]),
            tried=(Configuration(settings={"answer": answers[best]}, dev_score=_dev_score(scores)),),
            dev_score=_dev_score(scores),
            labels_used=len(labelled),
            token_passes=0,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Nothing."""
        return Cost()


def _dev_score(scores: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> float | None:
    """Return what the choice scores on a row that has no say in it: each row is left out in turn."""
    n = len(scores)
    if n < 3:
        return None
    found = []
    for left_out in range(n):
        others = np.delete(scores, left_out, axis=1)
        means = np.nanmean(others, axis=1)
        means[left_out] = -np.inf  # its own answer
        found.append(scores[int(means.argmax()), left_out])
    return float(np.mean(found))
