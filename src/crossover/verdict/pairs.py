"""Comparisons between arms, each made once, with the study's own knowledge of how much seeds vary."""

from __future__ import annotations

__all__ = ["Pairs"]

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crossover.stats import Clusters, Comparison, LostShare, compare, lost_share
from crossover.verdict.arms import ArmData

Array = NDArray[np.float64]


class Pairs:
    """Compares arms of one study.

    Rows are paired by seed; arms without a common seed by the order of their seeds, which is as good where seeds are
    independent. Examples that any of the rows lacks are left out on both sides.
    """

    def __init__(self, arms: Sequence[ArmData], *, level: float) -> None:
        self._arms = [arm for arm in arms if arm.scored]
        self._level = level
        self._done: dict[tuple[str, str], Comparison] = {}
        self._pools: dict[tuple[object, ...], list[tuple[str, str, float]]] = {}

    def compare(self, a: ArmData, b: ArmData) -> Comparison:
        """Return a minus b, strict scores."""
        if (a.name, b.name) not in self._done:
            self._done[a.name, b.name] = self._compare(a, b, a.scores, b.scores)
        return self._done[a.name, b.name]

    def compare_lenient(self, a: ArmData, b: ArmData) -> Comparison | None:
        """Return a minus b when badly formed answers are read again; None where no lenient scores were recorded."""
        if bool(np.isnan(a.lenient).all()) or bool(np.isnan(b.lenient).all()):
            return None
        return self._compare(a, b, a.lenient, b.lenient)

    def format_share(self, a: ArmData, b: ArmData) -> LostShare | None:
        """Return the share of a's gain over b, both answering freely, that is gone when both are constrained.

        None where free answers were not asked for beside, or show no gain.
        """
        free, held = _rows(a, b, a.free, b.free), _rows(a, b, a.scores, b.scores)
        gain, rest = free[0] - free[1], held[0] - held[1]
        present = ~(np.isnan(gain).any(axis=0) | np.isnan(rest).any(axis=0))
        if not present.any():
            return None
        return lost_share(
            gain[:, present], rest[:, present], level=self._level, clusters=_among(a.clusters, np.asarray(present))
        )

    def is_pooled(self, a: ArmData, b: ArmData) -> bool:
        """Return whether other arms tell how much the seeds of this comparison vary."""
        return self._pool(a, b, len(_common_seeds(a, b))) is not None

    def _compare(self, a: ArmData, b: ArmData, left: Array, right: Array) -> Comparison:
        left, right = _rows(a, b, left, right)
        pool = self._pool(a, b, max(len(left), len(right)))
        present = ~(np.isnan(left).any(axis=0) | np.isnan(right).any(axis=0))
        if not present.all():
            left, right = left[:, present], right[:, present]
        return compare(
            left,
            right,
            level=self._level,
            a_is_random=not a.fixed and a.family != "baseline",
            b_is_random=not b.fixed and b.family != "baseline",
            seed_variance_pool=pool,
            clusters=_among(a.clusters, np.asarray(present)),
        )

    def _pool(self, a: ArmData, b: ArmData, n_seeds: int) -> float | None:
        """Return the mean variance between seeds of comparable differences: same two families, same budget on both
        sides.

        Where one side is without chance, it is that of the other side's family alone.
        """
        if n_seeds < 2 or (a.fixed and b.fixed):
            return None
        moving = tuple(sorted({arm.family for arm in (a, b) if not arm.fixed}))
        lone = a.fixed or b.fixed
        seeds = _common_seeds(a, b) or min(a.seeds, b.seeds)
        key = (moving, lone, seeds)
        if key not in self._pools:
            self._pools[key] = self._variances(moving, seeds, lone=lone)
        found = [value for x, y, value in self._pools[key] if not {x, y} <= {a.name, b.name}]
        return float(np.mean(found)) if found else None

    def _variances(
        self, families: tuple[str, ...], seeds: tuple[int, ...], *, lone: bool
    ) -> list[tuple[str, str, float]]:
        """Return the variance between these seeds' means for each arm (`lone`) or each pair of arms that has them."""
        sides = [
            [arm for arm in self._arms if not arm.fixed and set(seeds) <= set(arm.seeds) and arm.family == f]
            for f in families
        ]
        if lone:
            return [(arm.name, arm.name, float(_at(arm, seeds).var(ddof=1))) for arm in sides[0]]
        first, second = sides[0], sides[-1]
        if not first or not second:
            return []
        differences = (
            np.stack([_at(x, seeds) for x in first])[:, None] - np.stack([_at(y, seeds) for y in second])[None]
        )
        variances = differences.var(axis=2, ddof=1)
        return [
            (x.name, y.name, float(variances[i, j]))
            for i, x in enumerate(first)
            for j, y in enumerate(second)
            if x.summary.budget == y.summary.budget and (len(sides) > 1 or i < j)
        ]


def _at(arm: ArmData, seeds: tuple[int, ...]) -> Array:
    """Return an arm's mean score with each of these seeds."""
    means: Array = arm.seed_means[[arm.seeds.index(seed) for seed in seeds]]
    return means


def _among(clusters: Clusters | None, present: NDArray[np.bool_]) -> Clusters | None:
    return None if clusters is None else clusters[present]


def _common_seeds(a: ArmData, b: ArmData) -> tuple[int, ...]:
    if a.fixed or b.fixed:
        return (b if a.fixed else a).seeds
    return tuple(seed for seed in a.seeds if seed in set(b.seeds))


def _rows(a: ArmData, b: ArmData, left: Array, right: Array) -> tuple[Array, Array]:
    """Return the two sides' rows, paired; a side without chance gives one row."""
    if a.fixed or b.fixed:
        return (left[:1] if a.fixed else left), (right[:1] if b.fixed else right)
    common = _common_seeds(a, b)
    if common:
        return left[[a.seeds.index(seed) for seed in common]], right[[b.seeds.index(seed) for seed in common]]
    n = min(len(left), len(right))
    return left[:n], right[:n]
