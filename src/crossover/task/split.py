"""Which rows are for the test: stratified, seeded, the same on every machine."""

from __future__ import annotations

__all__ = ["DEFAULT_TEST_ROWS", "WRITTEN_TEST_ROWS", "allocate", "default_test_size", "draw", "shuffled"]

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from crossover.task.clean import Row

DEFAULT_TEST_ROWS = 500
WRITTEN_TEST_ROWS = 150
"""The same where answers are written: one costs as much as fifty labels that are chosen, and scores between right and
wrong spread less, so that fewer rows see as much."""
SMALL_TEST_ROWS = 50
TEST_SHARE = 0.25


def default_test_size(n_rows: int, most: int = DEFAULT_TEST_ROWS) -> int:
    """Return how many of one file's rows are for the test: a quarter, 50 to 500, never more than half.

    >>> [default_test_size(n) for n in (20, 120, 486, 4000)]
    [10, 50, 122, 500]
    """
    return min(most, max(SMALL_TEST_ROWS, round(TEST_SHARE * n_rows)), n_rows // 2)


def shuffled(names: Iterable[str], seed: str) -> list[str]:
    """Return names in an order that depends on the seed and the names alone, not on their order or the platform."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}\x1f{name}".encode("utf-8", "surrogatepass")).digest())


def allocate(counts: Mapping[str, int], n: int, *, at_most: Mapping[str, int]) -> dict[str, int]:
    """Return how many rows of each label to draw, n in all where the caps allow: in proportion, at least one of each.

    Args:
        counts: label -> rows, the proportions.
        n: rows to draw.
        at_most: label -> rows that can be drawn.
    """
    total = sum(counts.values())
    quota = {label: n * count / total for label, count in counts.items()}
    taken = {label: min(at_most[label], max(1, int(quota[label]))) for label in counts}
    while sum(taken.values()) > n:
        # A label's only row goes last: each has one as long as there are rows enough.
        label = max(taken, key=lambda label: (min(taken[label], 2), taken[label] - quota[label], label))
        taken[label] -= 1
    while sum(taken.values()) < n:
        open_labels = [label for label in taken if taken[label] < at_most[label]]
        if not open_labels:
            break
        taken[max(open_labels, key=lambda label: (quota[label] - taken[label], label))] += 1
    return taken


def draw(rows: Sequence[Row], n: int, *, seed: int, barred: Iterable[int] = (), leave_one: bool = False) -> set[int]:
    """Return the numbers of the rows drawn for the test.

    Args:
        rows: each text once.
        n: rows to draw; fewer come back when the bars leave fewer.
        seed: another seed draws others.
        barred: numbers of rows that must not be drawn, though they count for the proportions.
        leave_one: leave at least one row of each label undrawn.
    """
    out = set(barred)
    free: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        if row.number not in out:
            free[row.stratum][row.key] = row.number
    counts = Counter(row.stratum for row in rows)
    at_most = {label: min(len(free[label]), count - leave_one) for label, count in counts.items()}
    taken = allocate(counts, min(n, len(rows)), at_most=at_most)
    return {
        free[label][key] for label in counts for key in shuffled(free[label], f"crossover.split/{seed}")[: taken[label]]
    }
