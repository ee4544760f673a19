"""Rows whose input already says their label."""

from __future__ import annotations

__all__ = ["rows_with_their_label"]

import re
from collections.abc import Sequence

from crossover.task.clean import Row
from crossover.task.text import same_key

_FEWEST = 3
_MORE_OFTEN = 2.0
_SHORTEST = 3


def rows_with_their_label(rows: Sequence[Row]) -> tuple[int, ...]:
    """Return the numbers of rows whose input holds their own label and no other, where that is no chance.

    A label counts as held where it stands as a whole word or phrase, in any case and punctuation; labels under three
    letters stand anywhere and are not looked for. Chance is how often rows hold a label that is not theirs: own ones
    must be held twice as often as all others together, and at least three times.
    """
    labels = {row.stratum: same_key({"label": row.stratum}) for row in rows if row.stratum}
    patterns = {
        label: re.compile(rf"(?<!\w){re.escape(key)}(?!\w)")
        for label, key in labels.items()
        if len(key) >= _SHORTEST and not key.isdecimal()
    }
    own: list[int] = []
    n_other = 0
    for row in rows:
        held = [label for label, pattern in patterns.items() if pattern.search(row.key)]
        if held == [row.stratum]:
            own.append(row.number)
        n_other += sum(label != row.stratum for label in held)
    return tuple(own) if len(own) >= max(_FEWEST, _MORE_OFTEN * n_other) else ()
