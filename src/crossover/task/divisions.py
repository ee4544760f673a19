"""Columns that are neither input nor answer and divide the test rows into a few parts: to look at, not to learn."""

from __future__ import annotations

__all__ = ["MOST_VALUES", "divisions"]

from collections.abc import Iterable, Mapping, Sequence

from crossover.task.table import Table

MOST_VALUES = 12
"""A column with more different values is no division of the rows."""

MOST_CHARACTERS = 80
"""A longer value is a text, not the name of a part."""


def divisions(table: Table, columns: Sequence[str], rows: Iterable[int]) -> dict[int, Mapping[str, str]]:
    """Return row number -> column -> value, of those columns that have 2 to `MOST_VALUES` values in these rows.

    Cells without a value stand in none of the parts.

    Args:
        table: with the rows.
        columns: which are looked at, as far as the table has them.
        rows: numbers of the rows.
    """
    wanted = set(rows)
    found: dict[int, dict[str, str]] = {number: {} for number in wanted}
    for column in columns:
        if column not in table.columns:
            continue
        cells = zip(table.rows, table.column(column), strict=True)
        values = {number: " ".join(cell.split()) for number, cell in cells if cell is not None and number in wanted}
        values = {number: value for number, value in values.items() if value}
        names = set(values.values())
        if 2 <= len(names) <= MOST_VALUES and max(map(len, names)) <= MOST_CHARACTERS:
            for number, value in values.items():
                found[number][column] = value
    return {number: parts for number, parts in found.items() if parts}
