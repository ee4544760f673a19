"""The difference between two arms that answered the same examples with the same seeds."""

from __future__ import annotations

__all__ = ["Comparison", "compare"]

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from crossover.records import Interval
from crossover.stats.components import Clusters, Components, Spread, components, spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Mean of a minus mean of b.

    Attributes:
        difference: fraction of 1.
        level: of `interval`.
        p: two-sided.
        standard_error: of the difference.
        degrees_of_freedom: Satterthwaite's, for information; the p-value does not rely on them.
        n_seeds, n_examples: what was compared.
        n_clusters: groups of examples that belong together; None where each stands alone.
        candidate_only: True when a random method had one seed only: the statement is about this candidate, not about
            the method.
        parts: the mean squares, for planning.
        known: what is known of the variance, for one-sided statements.
    """

    difference: float
    level: float
    p: float
    standard_error: float
    degrees_of_freedom: float
    n_seeds: int
    n_examples: int
    candidate_only: bool
    parts: Components
    known: Spread
    n_clusters: int | None = None

    @property
    def interval(self) -> Interval:
        """Two-sided, for other examples and other seeds; contains 0 exactly when p is above 1 - level.

        No two scores differ by more than 1, which a few groups of rows would have it do.
        """
        half = self.known.half_width(self.level)
        return Interval(low=max(self.difference - half, -1.0), high=min(self.difference + half, 1.0))

    def p_at_most(self, bound: float) -> float:
        """Return the one-sided p-value against "the true difference is `bound` or more": small when it is surely
        less.
        """
        p = self.known.two_sided(self.difference - bound)
        return p / 2 if self.difference < bound else 1 - p / 2

    def equivalent(self, margin: float) -> bool:
        """Return whether the true difference surely lies within ± margin (two one-sided tests, Schuirmann 1987)."""
        return max(self.p_at_most(margin), self.p_at_least(-margin)) < 1 - self.level

    def p_at_least(self, bound: float) -> float:
        """Return the one-sided p-value against "the true difference is `bound` or less": small when it is surely
        more.
        """
        return 1 - self.p_at_most(bound)


def compare(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    level: float = 0.95,
    a_is_random: bool = True,
    b_is_random: bool = True,
    seed_variance_pool: float | None = None,
    clusters: Clusters | None = None,
) -> Comparison:
    """Return mean(a) - mean(b) with its uncertainty, paired by example and by seed.

    Args:
        a, b: scores [seeds, examples], same examples in the same order; row s of both was fitted on seed s's sample.
            One row stands for a method without chance in it and is paired with every row of the other.
        level: of the interval.
        a_is_random, b_is_random: whether another seed could have given other scores.
        seed_variance_pool: mean variance between the seed means of differences of comparable pairs of arms in the same
            study, in fractions squared (see `components`); None judges by these seeds alone.
        clusters: which examples belong together, [examples]; None: each stands alone (see `components`).

    The differences d[s, i] are read as a two-way random model and the variance between seeds is never taken for known
    (see `components`). To the examples' part 1/N² (times the largest |d|, squared) is added, one disagreement that was
    not seen, of a whole cluster where there are clusters: ten equal answers are no proof of equality (Agresti & Min
    2005 add as much to a paired table).

    Raises:
        ValueError: when shapes do not fit or there is nothing to compare.
    """
    left, right = (np.atleast_2d(np.asarray(side, dtype=np.float64)) for side in (a, b))
    if left.shape[1] != right.shape[1] or left.shape[1] == 0 or min(left.shape[0], right.shape[0]) == 0:
        raise ValueError(
            f"a and b must hold the same examples, at least 1, but got shapes {left.shape} and {right.shape}"
        )
    if clusters is not None and clusters.shape != left.shape[1:]:
        raise ValueError(f"clusters must name one for each of {left.shape[1]} examples, but got {clusters.shape}")
    if left.shape[0] != right.shape[0] and 1 not in (left.shape[0], right.shape[0]):
        raise ValueError(
            f"a and b must have the same seeds, or one row, but got {left.shape[0]} and {right.shape[0]} seeds"
        )
    differences = left - right
    n_seeds, n_examples = differences.shape
    parts = components(differences, clusters)
    largest = float(np.abs(differences).max()) or 1.0
    floor = (largest / parts.n_examples) ** 2
    known = spread(parts, floor=floor, pool=seed_variance_pool)
    single = (a_is_random and left.shape[0] == 1) or (b_is_random and right.shape[0] == 1)
    return Comparison(
        difference=parts.mean,
        level=level,
        p=known.two_sided(parts.mean),
        standard_error=sqrt(parts.variance + floor),
        degrees_of_freedom=parts.degrees_of_freedom,
        n_seeds=n_seeds,
        n_examples=n_examples,
        candidate_only=single,
        parts=parts,
        known=known,
        n_clusters=None if clusters is None else parts.n_examples,
    )
