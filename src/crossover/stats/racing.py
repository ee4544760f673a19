"""When a score is so far behind another that what it belongs to need not run on."""

from __future__ import annotations

__all__ = ["is_behind"]

from math import sqrt


def is_behind(score: float, best: float, n: int) -> bool:
    """Return whether one mean score lies more than a standard error of the difference below another.

    The rows are the same for both, which makes the difference surer than that; what seeds differ by, less sure.

    Args:
        score, best: means over `n` rows, 0..1.
        n: rows, all seeds together.

    >>> is_behind(0.55, 0.6, 64), is_behind(0.4, 0.6, 64)
    (False, True)
    """
    spread = max(score * (1 - score), best * (1 - best))  # of right and wrong: other scores spread less
    return n > 0 and best - score > sqrt(2 * spread / n)
