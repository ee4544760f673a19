"""Files that say themselves which rows are for training and which for the test."""

from __future__ import annotations

__all__ = ["divide"]

from collections import Counter
from dataclasses import replace

from crossover.task.table import Table
from crossover.task.wording import counted

_COLUMNS = ("split", "set", "subset", "partition", "fold")
_TRAIN = frozenset({"train", "training", "tr"})
_DEV = frozenset({"validation", "valid", "val", "dev", "development"})
_TEST = frozenset({"test", "testing", "eval", "evaluation", "held-out", "heldout", "holdout"})


def divide(table: Table) -> tuple[Table, Table, str] | None:
    """Return the training rows, the test rows and what is said of it, where a column divides a table; else None.

    Such a column is named split, set, subset, partition or fold and holds nothing but train, validation and test (or
    usual words for them). Validation rows are for training: a study takes what it chooses by from its label budget.
    Where there are no test rows, the validation rows are the test. Rows without a value train.
    """
    names = {column.strip().casefold(): column for column in table.columns}
    column = next((names[known] for known in _COLUMNS if known in names), None)
    if column is None:
        return None
    values = [(cell or "").strip().casefold() for cell in table.column(column)]
    counts = Counter(value for value in values if value)
    if not counts or not counts.keys() <= _TRAIN | _DEV | _TEST or not counts.keys() & _TRAIN:
        return None
    held_out = _TEST if counts.keys() & _TEST else _DEV
    if not counts.keys() & held_out:
        return None
    test = [value in held_out for value in values]
    rest = [name for name in table.columns if name != column]
    n_dev = 0 if held_out is _DEV else sum(counts[value] for value in _DEV)
    joined = f"; {counted(n_dev, 'validation row')} train with the others" if n_dev else ""
    note = f'"{column}" says which rows are for the test: {sum(test):,} of {len(test):,}{joined}'
    return _part(table, rest, [not one for one in test]), _part(table, rest, test), note


def _part(table: Table, columns: list[str], keep: list[bool]) -> Table:
    places = [table.columns.index(name) for name in columns]
    rows = [(number, row) for number, row, kept in zip(table.rows, table.cells, keep, strict=True) if kept]
    return replace(
        table,
        columns=tuple(columns),
        rows=tuple(number for number, _ in rows),
        cells=tuple(tuple(row[place] for place in places) for _, row in rows),
        n_found=len(rows),
    )
