"""How much a test can see: said before a run, and after an unsure one."""

from __future__ import annotations

__all__ = ["detectable_difference", "examples_needed", "further_examples", "measured_detectable_difference"]

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtr, ndtri, stdtr, stdtrit

from crossover.stats.components import POOL_DEGREES
from crossover.stats.paired import Comparison

Array = NDArray[np.float64]

DISAGREEMENT = 0.32
"""Share of examples that one of two arms gets right and the other wrong, where nothing is known yet."""
SEED_SD = 0.02
"""Standard deviation of an arm's score between seeds, where nothing is known yet."""
PERSISTENT = 0.6
"""Share of the disagreement's variance that belongs to the example and not to the seed."""
PLANNED_POOL_DEGREES = 0.75 * POOL_DEGREES
"""What the pool is worth in a plan: it is an estimate itself, and counts for less where it falls short."""
MOST_EXAMPLES = 1_000_000

_NODES, _WEIGHTS = (np.asarray(part, dtype=np.float64) for part in np.polynomial.legendre.leggauss(24))
_ROOT: Array = (_NODES + 1) / 2
_MASS: Array = _WEIGHTS / 2 * 3 * _ROOT**2
_DRAWS: Array = (np.arange(8) + 0.5) / 8


def detectable_difference(
    n_test: int,
    seeds: int,
    *,
    disagreement: float = DISAGREEMENT,
    seed_sd: float = SEED_SD,
    power: float = 0.8,
    level: float = 0.95,
    pooled: bool = True,
) -> float:
    """Return the smallest true difference, a fraction of 1, that `compare` finds with probability `power`.

    Args:
        n_test: test examples, at least 2.
        seeds: on both sides; 1 stands for two methods without chance (`seed_sd` is then not used).
        disagreement: share of examples on which exactly one of the two arms is right.
        seed_sd: of one arm's score, a fraction of 1; the two arms' seeds are taken to be independent.
        pooled: whether other arms of the study tell how much seeds vary (see `compare`), as they do from two arms a
            family on.
    """
    if n_test < 2 or seeds < 1:
        raise ValueError(f"n_test must be at least 2 and seeds at least 1, but got {n_test} and {seeds}")
    plan = _assumed(disagreement, seed_sd, seeds, power=power, level=level, pooled=pooled)
    return min(1.0, plan.detectable(n_test))


def examples_needed(
    difference: float,
    seeds: int,
    *,
    disagreement: float = DISAGREEMENT,
    seed_sd: float = SEED_SD,
    power: float = 0.8,
    level: float = 0.95,
    pooled: bool = True,
) -> int | None:
    """Return the test examples with which `difference` is found with probability `power`; None: only more seeds can do
    it.
    """
    plan = _assumed(disagreement, seed_sd, seeds, power=power, level=level, pooled=pooled)
    return _smallest(lambda n: plan.detectable(n) <= abs(difference), 2)


def measured_detectable_difference(
    comparison: Comparison, *, power: float = 0.8, level: float = 0.95, pooled: bool = False
) -> float:
    """Return `detectable_difference` with the variances that a comparison measured in place of assumed ones."""
    plan = _measured(comparison, power=power, level=level, pooled=pooled)
    return min(1.0, plan.detectable(comparison.parts.n_examples))


def further_examples(
    comparison: Comparison, *, margin: float = 0.03, power: float = 0.8, level: float = 0.95, pooled: bool = False
) -> int | None:
    """Return how many test examples, beside those compared, would settle an unsure comparison; None when no number
    would.

    Settled means that the difference, should it stay what it is, is found or is shown to lie within ± margin, whichever
    takes fewer examples, with probability `power`. None says that the seeds are what is uncertain: more seeds, not more
    examples.
    """
    parts = comparison.parts
    plan = _measured(comparison, power=power, level=level, pooled=pooled)
    gap = abs(comparison.difference)
    room = margin - gap
    slack = (float(ndtri(level)) + float(ndtri(power))) / (float(ndtri((1 + level) / 2)) + float(ndtri(power)))

    def settled(n: int) -> bool:
        seen = plan.detectable(n)
        return seen <= gap or slack * seen <= room

    total = _smallest(settled, max(2, parts.n_examples))
    if total is None:
        return None
    # With clusters the plan counts these: as many rows more as such clusters have on average.
    return max(1, ceil((total - parts.n_examples) * comparison.n_examples / parts.n_examples))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The variances of a difference, by what they belong to, and what is asked of a test.

    Attributes:
        stable: variance that belongs to the example; `error`: to example and seed together; `between`: to the seed.
    """

    stable: float
    error: float
    between: float
    seeds: int
    power: float
    level: float
    pooled: bool

    def detectable(self, n: int) -> float:
        """Return the difference found with probability `power`, averaged over how the seeds' mean square may fall
        out.
        """
        examples = (self.stable + self.error / self.seeds) / n
        floor = 1.0 / (n * n)
        if self.seeds == 1:
            factor = float(stdtrit(n - 1, (1 + self.level) / 2)) + float(stdtrit(n - 1, self.power))
            return sqrt(examples + floor) * factor
        noise = self.error / (n * self.seeds)
        typical = self.between / self.seeds + noise
        own = typical * 2 * gammaincinv((self.seeds - 1) / 2, _DRAWS) / (self.seeds - 1)
        extra = PLANNED_POOL_DEGREES * np.minimum(1.0, typical / np.maximum(own, 1e-18)) if self.pooled else 0 * own
        squares = own * (self.seeds - 1) + np.maximum(own, typical) * extra
        quantiles = 2 * gammaincinv((self.seeds - 1 + extra)[:, None] / 2, (_ROOT**3)[None, :])
        variances = squares[:, None] / quantiles - noise + examples + floor
        critical = _critical(np.sqrt(np.maximum(variances, examples / 2 + floor)), float(n - 1), self.level)
        true = sqrt(self.between / self.seeds + examples)
        low, high = 0.0, float(critical.max()) + 4 * true
        for _ in range(30):
            middle = (low + high) / 2
            if float(ndtr((middle - critical) / true).mean()) < self.power:
                low = middle
            else:
                high = middle
        return high


def _assumed(disagreement: float, seed_sd: float, seeds: int, *, power: float, level: float, pooled: bool) -> _Plan:
    return _Plan(
        stable=PERSISTENT * disagreement,
        error=(1 - PERSISTENT) * disagreement,
        between=2 * seed_sd**2,
        seeds=seeds,
        power=power,
        level=level,
        pooled=pooled,
    )


def _measured(comparison: Comparison, *, power: float, level: float, pooled: bool) -> _Plan:
    parts = comparison.parts
    stable = max(parts.ms_examples - parts.ms_error, 0.0) / parts.n_seeds
    if stable + parts.ms_error <= 0:
        # No disagreement seen: as in `compare`, one unseen disagreement is assumed.
        stable = 1.0 / parts.n_examples
    return _Plan(
        stable=stable,
        error=parts.ms_error,
        between=parts.seed_variance,
        seeds=parts.n_seeds,
        power=power,
        level=level,
        pooled=pooled,
    )


def _smallest(reached: Callable[[int], bool], lowest: int) -> int | None:
    """Return the smallest number of examples, to about 1%, for which a condition that more examples can only help
    holds.
    """
    if not reached(MOST_EXAMPLES):
        return None
    if reached(lowest):
        return lowest
    low, high = float(lowest), float(MOST_EXAMPLES)
    while high > low * 1.01 and high - low > 1:
        middle = sqrt(low * high)
        low, high = (low, middle) if reached(int(middle)) else (middle, high)
    return ceil(high)


def _critical(deviations: Array, degrees: float, level: float) -> Array:
    """Return, for each row of possible standard deviations, the distance with two-sided tail probability 1 - level."""
    factor = float(stdtrit(degrees, (1 + level) / 2))
    low, high = factor * deviations.min(axis=1), factor * deviations.max(axis=1)
    for _ in range(14):
        middle = np.sqrt(low * high)
        tail = 2 * stdtr(degrees, -middle[:, None] / deviations) @ _MASS
        outside = tail > 1 - level
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    result: Array = high
    return result
