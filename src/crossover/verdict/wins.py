"""The labels, or other sorts of input, on which one arm is surely ahead of another."""

from __future__ import annotations

__all__ = ["FEWEST_ROWS", "where_it_wins"]

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from crossover.records import Arm, TrialRecord
from crossover.stats import Comparison, compare, holm
from crossover.verdict.figures import points
from crossover.verdict.sides import trials_of

FEWEST_ROWS = 5
"""Test rows of a slice that is looked at: fewer show nothing but chance."""

MOST_NAMED = 3

_LEVEL = 0.95


def where_it_wins(
    arm: Arm, rival: Arm | None, records: Sequence[TrialRecord], slices: Mapping[str, str], *, called: str = "slice"
) -> list[str]:
    """Return the slices on which `arm` is ahead of `rival`, the clearest lead first; nothing where it cannot be seen.

    Compared by row and seed as in the verdict, Holm-corrected over all slices: with twenty labels one would lead by
    chance.

    Args:
        arm, rival: the two sides.
        records: all trials of the study.
        slices: test example id -> slice.
        called: what a slice is, in words.
    """
    if rival is None or not slices:
        return []
    left, right = (_scores(side, records) for side in (arm, rival))
    seeds = _paired(left, right)
    members: dict[str, list[str]] = defaultdict(list)
    for example_id, name in slices.items():
        members[name].append(example_id)
    found: dict[str, Comparison] = {}
    for name, ids in members.items():
        sides = [
            np.array([[scores[seed].get(i, np.nan) for i in ids] for seed in chosen])
            for scores, chosen in zip((left, right), seeds, strict=True)
        ]
        if not all(side.size for side in sides):
            continue
        there = ~(np.isnan(sides[0]).any(axis=0) | np.isnan(sides[1]).any(axis=0))
        if there.sum() >= FEWEST_ROWS:
            found[name] = _compared(arm, rival, sides[0][:, there], sides[1][:, there])
    if not found:
        return []
    corrected = dict(zip(found, holm([one.p for one in found.values()]), strict=True))
    wins = [name for name, one in found.items() if one.difference > 0 and corrected[name] < 1 - _LEVEL]
    wins.sort(key=lambda name: (-found[name].difference, name))
    if not wins:
        return [f"on none of {_counted(len(found), called)} surely ahead of {rival.method}"]
    lines = [
        f"{name}: {points(found[name].difference, found[name].interval)} over {rival.method}"
        for name in wins[:MOST_NAMED]
    ]
    more = len(wins) - MOST_NAMED
    return [*lines, f"and {more:,} more of {_counted(len(found), called)}"] if more > 0 else lines


def _compared(arm: Arm, rival: Arm, left: NDArray[np.float64], right: NDArray[np.float64]) -> Comparison:
    return compare(left, right, level=_LEVEL, a_is_random=arm.budget > 0, b_is_random=rival.budget > 0)


def _scores(arm: Arm, records: Sequence[TrialRecord]) -> dict[int, dict[str, float]]:
    """Return seed -> example id -> strict score of an arm's trials; missing answers are not there."""
    return {
        record.key.seed: {r.example_id: r.score for r in record.measurement.results if r.score is not None}
        for record in sorted(trials_of(arm, records), key=lambda record: record.key)
        if record.measurement is not None
    }


def _paired(left: Mapping[int, object], right: Mapping[int, object]) -> tuple[list[int], list[int]]:
    """Return the seeds to compare: those that both have; one row of a method without chance is held against all."""
    if len(left) == 1 or len(right) == 1:
        return list(left), list(right)
    common = [seed for seed in left if seed in right]
    return common, common


def _counted(count: int, word: str) -> str:
    """Return "1 label" or "3 sorts of input"."""
    first, space, rest = word.partition(" ")
    return f"{count:,} {first}{'' if count == 1 else 's'}{space}{rest}"
