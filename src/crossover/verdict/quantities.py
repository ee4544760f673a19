"""The verdict's other numbers: what would settle it, what the test can see, where the curves cross, when a fit pays
back.
"""

from __future__ import annotations

__all__ = ["break_even", "crossover", "detectable", "further_test_examples"]

from dataclasses import replace
from math import isinf

import numpy as np
from numpy.typing import NDArray

from crossover.records import Crossover, TaskInfo
from crossover.stats import (
    Comparison,
    CurveRow,
    crossover_point,
    detectable_difference,
    further_examples,
    measured_detectable_difference,
)
from crossover.verdict.arms import ArmData
from crossover.verdict.economics import break_even as between
from crossover.verdict.nominate import Nomination
from crossover.verdict.standing import Standing


def further_test_examples(standing: Standing, unsettled: tuple[ArmData, ArmData] | None) -> int | None:
    """Return how many more test examples would settle it; None where seeds are what is missing."""
    if unsettled is None:
        return None
    found = standing.pairs.compare(*unsettled)
    if found.candidate_only:
        return None
    pooled = standing.pairs.is_pooled(*unsettled)
    return further_examples(found, margin=standing.margin, level=standing.level, pooled=pooled)


def detectable(
    standing: Standing, task: TaskInfo, primary: tuple[ArmData, ArmData] | None, compared: Comparison | None
) -> float | None:
    """Return the difference that a test of this size finds in 4 of 5 studies, with this study's variances where it has
    them.
    """
    if compared is not None and compared.candidate_only:
        return None
    if primary and compared and compared.n_examples > 1:
        pooled = standing.pairs.is_pooled(*primary)
        return measured_detectable_difference(compared, level=standing.level, pooled=pooled)
    if task.n_test < 2:
        return None
    seeds = max((arm.summary.seeds for arm in standing.nominees.values()), default=0)
    return detectable_difference(task.n_test, seeds, level=standing.level) if seeds else None


def crossover(standing: Standing) -> Crossover | None:
    """Return where the curve of the nominated weights method overtakes that of the nominated prompt method."""
    prompt, weights = standing.nominees.get("prompt"), standing.nominees.get("weights")
    if prompt is None or weights is None:
        return None
    curves = {"of": _curve(standing, weights), "over": _curve(standing, prompt)}
    # What one of them has not answered is left out of all: the luck of the examples stays in the interval.
    answered = ~np.any([np.isnan(arm.scores).any(axis=0) for curve in curves.values() for arm in curve], axis=0)
    if all(arm.summary.budget == 0 for arm in curves["over"]):
        # A prompt that uses no labels is as good at every budget: its curve is flat.
        flat = curves["over"][0]
        rows = [
            _row(flat, "over", arm.summary.budget, index, answered)
            for arm in curves["of"]
            for index in range(len(arm.seeds))
        ]
    else:
        rows = [
            _row(arm, "over", arm.summary.budget, index, answered)
            for arm in curves["over"]
            for index in range(len(arm.seeds))
        ]
    rows += [
        _row(arm, "of", arm.summary.budget, index, answered) for arm in curves["of"] for index in range(len(arm.seeds))
    ]
    clusters = None if weights.clusters is None else weights.clusters[answered]
    found = crossover_point(rows, of="of", over="over", level=standing.level, clusters=clusters)
    return Crossover(
        labels=found.labels,
        bound=found.bound,
        interval=found.interval,
        prompt_method=prompt.summary.method,
        weights_method=weights.summary.method,
    )


def _curve(standing: Standing, nominee: ArmData) -> list[ArmData]:
    """Return the nominee at all its budgets; where a prompt method has no start at 0 labels, another prompt method's.

    One that was nominated without labels is as good at every budget: what its method does with labels is another arm.
    """
    if not nominee.summary.budget:
        return [nominee]
    same = replace(nominee.key, seed=0, budget=0)
    curve = [arm for arm in standing.arms if arm.scored and replace(arm.key, seed=0, budget=0) == same]
    if nominee.family == "prompt" and all(arm.summary.budget > 0 for arm in curve):
        alike = [arm for arm in standing.arms if arm.key.precision == nominee.key.precision]
        starts = [arm for arm in alike if arm.scored and arm.family == "prompt" and arm.summary.budget == 0]
        there = {arm.summary.method: arm for arm in alike if arm.summary.budget == nominee.summary.budget}
        curve += sorted(starts, key=lambda arm: (-_rating(arm, there.get(arm.summary.method)), arm.name))[:1]
    return curve


def _rating(start: ArmData, there: ArmData | None) -> float:
    """Return how good an arm without labels is, the test apart; by the same method's with labels where need be."""
    found = start.summary.validation_score
    return found if found is not None else (0.0 if there is None else there.summary.dev_score or 0.0)


def _row(arm: ArmData, curve: str, labels: int, index: int, answered: NDArray[np.bool_]) -> CurveRow:
    row = min(index, len(arm.seeds) - 1)
    return CurveRow(
        labels=labels,
        method=curve,
        seed=arm.seeds[row] if row == index else index,
        score=float(arm.seed_means[row]),
        by_example=arm.scores[row][answered] if answered.any() else None,
    )


def break_even(nomination: Nomination) -> float | None:
    """Return the calls after which the weights arm's fitting has paid for itself against the prompt arm.

    In time where latency was measured (the fit's extra milliseconds by the milliseconds saved a call), else in tokens
    (token passes by tokens saved a call); None when a call does not become cheaper.
    """
    prompt, weights = nomination.arms.get("prompt"), nomination.arms.get("weights")
    if prompt is None or weights is None:
        return None
    found = between(weights.summary, prompt.summary)
    calls = found.tokens if found.time is None else found.time
    return None if calls is None or isinf(calls) else calls
