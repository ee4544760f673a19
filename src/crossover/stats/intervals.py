"""Intervals of one mean score that stay inside 0..1."""

from __future__ import annotations

__all__ = ["MeanScore", "arm_interval", "wilson"]

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from crossover.records import Interval
from crossover.stats.components import Clusters, components, spread


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanScore:
    """A mean score with its interval.

    Attributes:
        mean: fraction of 1.
        interval: two-sided, both variance components inside.
        n_effective: independent right-or-wrong examples that would give the same uncertainty.
    """

    mean: float
    interval: Interval
    n_effective: float


def wilson(successes: float, n: float, level: float = 0.95) -> Interval:
    """Return Wilson's score interval of a proportion (Wilson 1927); `n` 0 gives 0..1.

    `successes` and `n` need not be whole: an effective sample size is allowed.
    """
    if n <= 0:
        return Interval(low=0.0, high=1.0)
    return _wilson(successes / n, n, float(ndtri((1 + level) / 2)))


def arm_interval(scores: NDArray[np.float64], *, level: float = 0.95, clusters: Clusters | None = None) -> MeanScore:
    """Return the mean of `scores` [seeds, examples] with an interval for other seeds and other examples.

    With `clusters` [examples], which name the examples that belong together, it is for other clusters.

    One row of 0s and 1s gets Wilson's interval itself. Otherwise the variance of the mean, both components in it, is
    turned into an effective number of right-or-wrong examples, and Wilson's formula is used with the quantile that the
    uncertain variance asks for (see `components`). Rows that are all alike count as one.
    """
    values = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    n_seeds, n = values.shape
    if n == 0 or n_seeds == 0:
        return MeanScore(mean=float("nan"), interval=Interval(low=0.0, high=1.0), n_effective=0.0)
    if n_seeds > 1 and bool((values == values[0]).all()):
        values, n_seeds = values[:1], 1
    mean = min(1.0, max(0.0, float(values.mean())))
    binary = bool(((values == 0) | (values == 1)).all())
    if n_seeds == 1 and binary and clusters is None:
        return MeanScore(mean=mean, interval=wilson(mean * n, n, level), n_effective=float(n))
    parts = components(values, clusters)
    if parts.variance <= 0 or not 0 < mean < 1:
        units = float(parts.n_examples)
        return MeanScore(mean=mean, interval=wilson(mean * units, units, level), n_effective=units)
    known = spread(parts)
    variance = parts.variance
    n_effective = mean * (1 - mean) / variance
    if binary:
        n_effective = min(n_effective, float(n * n_seeds))
    quantile = known.half_width(level) / sqrt(variance)
    return MeanScore(mean=mean, interval=_wilson(mean, n_effective, quantile), n_effective=n_effective)


def _wilson(proportion: float, n: float, quantile: float) -> Interval:
    square = quantile * quantile
    centre = (proportion + square / (2 * n)) / (1 + square / n)
    half = quantile * sqrt(max(0.0, proportion * (1 - proportion) / n + square / (4 * n * n))) / (1 + square / n)
    return Interval(low=max(0.0, min(proportion, centre - half)), high=min(1.0, max(proportion, centre + half)))
