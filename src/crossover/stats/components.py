"""Two sources of chance, examples and seeds, in a matrix of values [seeds, examples].

The model is the two-way random one, x[s, i] = mean + A_s + B_i + E_si (Searle, Casella & McCulloch 1992, ch. 4). The
variance of the grand mean is estimated by (MS_seeds + MS_examples - MS_error) / (S N). With three seeds MS_seeds has
two degrees of freedom, and every approximation that first guesses and then believes one number of degrees of freedom
(Satterthwaite 1946) trusts lucky seeds: measured here, 7 to 8% false wins at a nominal 5% when seeds vary by 4 points.
So MS_seeds' ignorance is carried through: its expectation given the data is MS_seeds (S - 1) / u with u ~ chi²(S - 1)
(generalised inference, Weerahandi 1993; the Behrens-Fisher argument), and a tail probability is averaged over u by
Gauss-Legendre quadrature.

Two degrees of freedom are dear. Where comparable comparisons of the same study exist, their mean variance between seeds
(`pool`) stands in for `POOL_DEGREES` further ones, never to lower an estimate: the pool counts as at least the own
variance, and counts for less the more the own variance exceeds it, so that an unusually unstable arm is judged by its
own seeds.

Where examples belong together (one customer's, one document's), clusters take the examples' place: a cluster's part is
the sum of its rows' deviations from the mean, so that the grand mean is a ratio of sums (Cochran 1977, ch. 6) and its
variance the cluster-robust one (Liang & Zeger 1986). The sums are divided by sqrt(1 - the cluster's share of the rows),
which takes the bias of few and uneven clusters away (CR2; Bell & McCaffrey 2002). A t distribution's degrees of freedom
are those of the effective number of clusters, (sum m²)² / sum m⁴ of their sizes m: what Satterthwaite's formula gives
where a cluster's rows are all alike, the worst case (compare Carter, Schnepel & Steigerwald 2017).
"""

from __future__ import annotations

__all__ = ["POOL_DEGREES", "Clusters", "Components", "Spread", "components", "spread"]

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, gammaln, stdtr, stdtrit

Array = NDArray[np.float64]
Clusters = NDArray[np.intp]
"""Which cluster each example belongs to, as whole numbers from 0."""

POOL_DEGREES = 2.0
"""Degrees of freedom that a pool of other comparisons is worth; chosen by simulation (`benchmarks/validity.py`)."""

_NODES, _WEIGHTS = (np.asarray(part, dtype=np.float64) for part in np.polynomial.legendre.leggauss(32))
_ROOT: Array = (_NODES + 1) / 2
_QUANTILES: Array = _ROOT**3
_MASS: Array = _WEIGHTS / 2 * 3 * _ROOT**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Mean and mean squares of a matrix [seeds, examples]; with one seed `ms_seeds` and `ms_error` are 0.

    With clusters `n_examples` is their number, and the mean squares are theirs. `n_effective` of them count for degrees
    of freedom; None: all.
    """

    mean: float
    n_seeds: int
    n_examples: int
    ms_seeds: float
    ms_examples: float
    ms_error: float
    n_effective: float | None = None

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the examples' part."""
        return max(1.0, (self.n_examples if self.n_effective is None else self.n_effective) - 1)

    @property
    def example_variance(self) -> float:
        """Variance of the mean's example part times the number of examples: what one further example is worth."""
        return self.ms_examples / self.n_seeds

    @property
    def seed_variance(self) -> float:
        """Variance of a seed's own effect (A_s); never below 0."""
        return max(0.0, (self.ms_seeds - self.ms_error) / self.n_examples)

    @property
    def variance(self) -> float:
        """Variance of the grand mean; at least half of the examples' part."""
        cells = self.n_seeds * self.n_examples
        return max(self.ms_seeds - self.ms_error + self.ms_examples, self.ms_examples / 2) / cells

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's approximate degrees of freedom of `variance`; for information."""
        examples = self.ms_examples**2 / self.degrees
        if self.n_seeds == 1:
            return self.degrees
        cross = (self.n_seeds - 1) * self.degrees
        below = self.ms_seeds**2 / (self.n_seeds - 1) + examples + self.ms_error**2 / cross
        if below <= 0:
            return self.degrees
        return max(1.0, (self.variance * self.n_seeds * self.n_examples) ** 2 / below)


def components(values: Array, clusters: Clusters | None = None) -> Components:
    """Return mean and mean squares of `values` [seeds, examples] (analysis of variance, one value a cell).

    Args:
        values: one value a seed and example.
        clusters: which examples belong together, [examples]; None: each stands alone.
    """
    if clusters is not None:
        return _of_clusters(values, clusters)
    seeds, examples = values.shape
    by_seed, by_example = values.mean(axis=1), values.mean(axis=0)
    mean = float(by_seed.mean())
    squares_seeds = examples * float(np.square(by_seed - mean).sum())
    squares_examples = seeds * float(np.square(by_example - mean).sum())
    squares_error = float(np.square(values - mean).sum()) - squares_seeds - squares_examples
    return Components(
        mean=mean,
        n_seeds=seeds,
        n_examples=examples,
        ms_seeds=squares_seeds / (seeds - 1) if seeds > 1 else 0.0,
        ms_examples=squares_examples / (examples - 1) if examples > 1 else 0.0,
        ms_error=max(0.0, squares_error) / ((seeds - 1) * (examples - 1)) if seeds > 1 and examples > 1 else 0.0,
    )


def _of_clusters(values: Array, clusters: Clusters) -> Components:
    seeds, rows = values.shape
    _, places = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(places).astype(np.float64)
    count = sizes.size
    by_seed = values.mean(axis=1)
    mean = float(by_seed.mean())
    sums = np.stack([np.bincount(places, weights=row) for row in values - by_seed[:, None]])
    # One cluster alone shows nothing of how clusters differ.
    unbiased = 1 / (1 - sizes / rows) if count > 1 else np.zeros(1)
    of_all = sums.mean(axis=0)
    examples = float((np.square(of_all) * unbiased).sum()) / rows**2
    error = float((np.square(sums - of_all) * unbiased).sum()) / rows**2
    return Components(
        mean=mean,
        n_seeds=seeds,
        n_examples=count,
        ms_seeds=count * float(np.square(by_seed - mean).sum()) / (seeds - 1) if seeds > 1 else 0.0,
        ms_examples=examples * seeds * count,
        ms_error=error * count / (seeds - 1) if seeds > 1 else 0.0,
        n_effective=float(np.square(sizes).sum() ** 2 / (sizes**4).sum()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What is known of a mean's variance: possible variances with their weights (sum 1), each with `examples` - 1
    df.
    """

    variances: Array
    weights: Array
    degrees: float

    def two_sided(self, distance: float) -> float:
        """Return the two-sided p-value of a mean that lies `distance` from the value asked about."""
        if distance == 0:
            return 1.0
        tails = stdtr(self.degrees, -abs(distance) / np.sqrt(self.variances))
        return float(min(1.0, 2 * np.dot(self.weights, tails)))

    def half_width(self, level: float) -> float:
        """Return the half-width of the two-sided interval with coverage `level`."""
        factor = float(stdtrit(self.degrees, (1 + level) / 2))
        deviations = np.sqrt(self.variances)
        low, high = factor * float(deviations.min()), factor * float(deviations.max())
        if high <= low * (1 + 1e-9):
            return high
        # Newton's method on the logarithms: the tail falls almost like a power of the width.
        width, power = low, (self.degrees + 1) / 2
        density = float(np.exp(gammaln(power) - gammaln(self.degrees / 2))) / float(np.sqrt(self.degrees * np.pi))
        for _ in range(50):
            ratio = width / deviations
            tail = 2 * float(np.dot(self.weights, stdtr(self.degrees, -ratio)))
            heights = (1 + ratio * ratio / self.degrees) ** -power * ratio
            slope = -2 * density * float(np.dot(self.weights, heights)) / tail
            step = (np.log(1 - level) - np.log(tail)) / slope
            width = min(high, max(low, width * float(np.exp(min(1.0, max(-1.0, step))))))
            if abs(step) < 1e-10:
                break
        return width


def spread(parts: Components, *, floor: float = 0.0, pool: float | None = None) -> Spread:
    """Return what is known of the variance of `parts.mean`.

    Args:
        parts: the mean squares.
        floor: variance added to the examples' part, for the differences that a finite sample cannot have shown.
        pool: mean variance between seed means of comparable comparisons, or None.
    """
    cells = parts.n_seeds * parts.n_examples
    degrees = parts.degrees
    examples = parts.ms_examples / cells + floor
    if parts.n_seeds == 1:
        return Spread(variances=np.array([max(examples, 1e-18)]), weights=np.ones(1), degrees=degrees)
    own = parts.ms_seeds / cells
    extra, pooled = 0.0, own
    if pool is not None and pool > 0:
        typical = pool / parts.n_seeds
        extra = POOL_DEGREES * (min(1.0, typical / own) if own > 0 else 1.0)
        pooled = max(typical, own)
    squares = own * (parts.n_seeds - 1) + pooled * extra
    between = squares / _chi_squared_quantiles(parts.n_seeds - 1 + extra)
    variances = np.maximum(between - parts.ms_error / cells + examples, examples / 2)
    return Spread(variances=np.maximum(variances, 1e-18), weights=_MASS, degrees=degrees)


@lru_cache(maxsize=4096)
def _chi_squared_quantiles(degrees: float) -> Array:
    return np.asarray(2 * gammaincinv(degrees / 2, _QUANTILES), dtype=np.float64)
