"""Correction for many comparisons."""

from __future__ import annotations

__all__ = ["holm"]

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the adjusted p-values, in the order given: all those below .05 are wrong together with probability below
    .05.

    Holm 1979: the k-th smallest of m is multiplied by m - k + 1, made monotone, cut at 1.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, p_values[index] * (len(order) - rank)))
        adjusted[index] = running
    return tuple(adjusted)
