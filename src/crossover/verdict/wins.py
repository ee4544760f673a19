"""The labels, or other sorts of input, on which one arm is surely ahead of another."""

from __future__ import annotations

__all__ = ["FEWEST_ROWS", "parts_of", "where_it_wins"]

from collections import defaultdict
from collections.abc import Mapping

from crossover.records import Arm
from crossover.verdict.differ import Differing
from crossover.verdict.figures import points
from crossover.verdict.slices import Slice

FEWEST_ROWS = 5
"""Test rows of a slice that is looked at: fewer show nothing but chance."""

MOST_NAMED = 3

_LEVEL = 0.95


def parts_of(slices: Mapping[str, str], *, called: str) -> list[Slice]:
    """Return slices of enough rows from what each test row belongs to: example id -> slice."""
    members: dict[str, set[str]] = defaultdict(set)
    for example_id, name in slices.items():
        members[name].add(example_id)
    found = ((name, ids) for name, ids in members.items() if len(ids) >= FEWEST_ROWS)
    return [Slice(group=called, name=name, ids=frozenset(ids)) for name, ids in found]


def where_it_wins(
    arm: Arm, rival: Arm | None, differing: Differing, *, called: str = "slice", total: int | None = None
) -> list[str]:
    """Return the slices on which `arm` is ahead of `rival`, the clearest lead first; nothing without a rival.

    Compared by row and seed as in the verdict, Holm-corrected over all slices: with twenty labels one would lead by
    chance.

    Args:
        arm, rival: the two sides.
        differing: the study's arms on the slices (see `parts_of`).
        called: what a slice is, in words.
        total: how many slices there are, those of few rows too; None: those alone that are looked at.
    """
    if rival is None:
        return []
    found = [one for one in differing.sliced(arm.arm, rival.arm) if one.n >= FEWEST_ROWS and one.p is not None]
    of_all = len(found) if total is None else total
    if not found:
        return [f"no {called} of {FEWEST_ROWS} or more test rows to compare on"] if of_all else []
    looked_at = _counted(len(found), called)
    if of_all > len(found):
        looked_at = f"the {looked_at} with {FEWEST_ROWS} or more test rows (of {of_all:,})"
    wins = [one for one in found if (one.difference or 0.0) > 0 and one.p is not None and one.p < 1 - _LEVEL]
    wins.sort(key=lambda one: (-(one.difference or 0.0), one.name))
    if not wins:
        return [f"on none of {looked_at} surely ahead of {rival.method}"]
    lines = [
        f"{one.name}: {points(one.difference or 0.0, one.interval)} over {rival.method}" for one in wins[:MOST_NAMED]
    ]
    more = len(wins) - MOST_NAMED
    return [*lines, f"and {more:,} more of {looked_at}"] if more > 0 else lines


def _counted(count: int, word: str) -> str:
    """Return "1 label" or "3 sorts of input"."""
    first, space, rest = word.partition(" ")
    return f"{count:,} {first}{'' if count == 1 else 's'}{space}{rest}"
