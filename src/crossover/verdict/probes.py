"""What a user's probes say of an arm: before and after it was adapted, row by row."""

from __future__ import annotations

__all__ = ["probe_lines"]

from collections.abc import Sequence

import numpy as np

from crossover.records import Measurement
from crossover.stats import compare
from crossover.verdict.figures import percent, points


def probe_lines(measured: Sequence[Measurement]) -> list[str]:
    """Return one line a probe: the base model's score, the score after, and their paired difference over all seeds.

    Trials that answered another file of the same name than the last trial did are left out.
    """
    lines = []
    for name in dict.fromkeys(name for one in measured for name in one.probes):
        answered = [one.probes[name] for one in measured if name in one.probes]
        answered = [one for one in answered if one.sha256 == answered[-1].sha256]
        before = np.array([answered[0].before])
        after = np.array([one.after for one in answered])
        if (after == before).all():
            lines.append(f"{name}: {percent(float(before.mean()))} before and after, row by row the same")
            continue
        found = compare(after, before, b_is_random=False)
        shares = f"{percent(float(before.mean()))} → {percent(float(after.mean()))}"
        lines.append(f"{name}: {shares}, {points(found.difference, found.interval)}")
    return lines
