"""What the next labels would buy, from the learning curve of the method that is recommended."""

from __future__ import annotations

__all__ = ["FURTHER_LABELS", "more_labels"]

from dataclasses import replace

import numpy as np

from crossover.records import MoreLabels
from crossover.stats import LabelPoint, further_gain
from crossover.verdict.arms import ArmData
from crossover.verdict.standing import CONSTANT_METHODS, Standing

FURTHER_LABELS = 100


def more_labels(standing: Standing, recommended: ArmData | None) -> MoreLabels | None:
    """Return what the next 100 labels would buy the recommended method, or the best nominated one that uses labels.

    The curve is read from the budgets above 0; where there is only one, from 0 labels on: the method's own arm there,
    or a prompt's, which is what a model answers that nothing was trained or chosen for. None where there is no second
    point, where budgets share fewer than two seeds, or where they have no example in common.
    """
    arm = recommended if recommended is not None and _learns(recommended) else None
    if arm is None:
        learning = [one for one in standing.nominees.values() if _learns(one)]
        arm = max(learning, key=lambda one: (one.score, one.name), default=None)
    if arm is None:
        return None
    curve = _curve(standing, arm)
    seeds = _common_seeds(curve)
    if len(curve) < 2 or len(seeds) < 2:
        return None
    rows = [one.scores[:1] if one.fixed else one.scores[[one.seeds.index(seed) for seed in seeds]] for one in curve]
    present = ~np.any([np.isnan(scores).any(axis=0) for scores in rows], axis=0)
    if not present.any():
        return None
    found = further_gain(
        [LabelPoint(labels=one.summary.budget, scores=at[:, present]) for one, at in zip(curve, rows, strict=True)],
        FURTHER_LABELS,
        level=standing.level,
        clusters=None if arm.clusters is None else arm.clusters[present],
    )
    return MoreLabels(
        labels=FURTHER_LABELS,
        gain=found.gain,
        interval=found.interval,
        method=arm.summary.method,
        measured=tuple(one.summary.budget for one in curve),
    )


def _learns(arm: ArmData) -> bool:
    return arm.summary.budget > 0 and arm.summary.method not in CONSTANT_METHODS


def _curve(standing: Standing, arm: ArmData) -> list[ArmData]:
    """Return the method's arms by rising budget; from 0 labels on where there is only one above."""
    same = replace(arm.key, seed=0, budget=0)
    own = [one for one in standing.arms if one.scored and replace(one.key, seed=0, budget=0) == same]
    own.sort(key=lambda one: one.summary.budget)
    above = [one for one in own if one.summary.budget > 0]
    if len(above) != 1 or own != above or arm.family == "baseline":
        return above if len(above) > 1 else own
    starts = [
        one
        for one in standing.arms
        if one.scored
        and one.family == "prompt"
        and one.summary.budget == 0
        and (one.key.model, one.key.precision) == (arm.key.model, arm.key.precision)
    ]
    # The bare prompt before the user's own: the longest way to go, and the one that every study has.
    starts.sort(key=lambda one: (one.summary.method != "zero-shot", one.name))
    return [*starts[:1], *above]


def _common_seeds(curve: list[ArmData]) -> list[int]:
    random = [set(one.seeds) for one in curve if not one.fixed]
    return sorted(set.intersection(*random)) if random else []
