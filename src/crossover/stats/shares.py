"""What share of a gain goes when something is taken away, with its interval."""

from __future__ import annotations

__all__ = ["LostShare", "lost_share"]

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossover.records import Interval
from crossover.stats.components import Clusters
from crossover.stats.paired import Comparison, compare

_HALVINGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LostShare:
    """1 - rest / gain, held to 0..1, with the two gains that it is made of."""

    share: float
    interval: Interval
    gain: Comparison
    rest: Comparison


def lost_share(
    gain: NDArray[np.float64],
    rest: NDArray[np.float64],
    *,
    level: float = 0.95,
    clusters: Clusters | None = None,
) -> LostShare | None:
    """Return the share of a mean gain that is lost where only the rest of it is left: 1 - mean(rest) / mean(gain).

    The interval holds every share s that the data do not reject: those for which rest - (1 - s) gain, paired by example
    and by seed, may be 0 by `compare`. That is Fieller's interval (1954) with both sources of chance inside; a plain
    bootstrap of the ratio takes three seeds for the truth.

    Args:
        gain: an arm's gain over another on each example, [seeds, examples].
        rest: what is left of it there, likewise.
        level: of the interval, and of the test that there is a gain at all.
        clusters: which examples belong together (see `compare`).

    Returns:
        None where the gain is not clearly above zero: there is nothing to take a share of.

    Raises:
        ValueError: shapes do not fit, or there is nothing to compare.
    """
    nothing = np.zeros_like(gain)
    whole = compare(gain, nothing, level=level, clusters=clusters)
    left = compare(rest, nothing, level=level, clusters=clusters)
    if whole.interval.low <= 0:
        return None
    share = min(1.0, max(0.0, 1 - left.difference / whole.difference))

    def possible(one: float) -> bool:
        return compare(rest, (1 - one) * gain, level=level, clusters=clusters).p > 1 - level

    low, high = _furthest(share, 0.0, possible), _furthest(share, 1.0, possible)
    return LostShare(share=share, interval=Interval(low=low, high=high), gain=whole, rest=left)


def _furthest(inside: float, end: float, possible: Callable[[float], bool]) -> float:
    """Return how far the possible values reach from one of them towards an end."""
    if inside == end or possible(end):
        return end
    outside = end
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if possible(middle) else (inside, middle)
    return inside
