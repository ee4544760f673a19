"""What a reader returns: columns of text with the rows' own numbers."""

from __future__ import annotations

__all__ = [
    "MAX_CELLS",
    "MAX_COLUMNS",
    "MAX_FIELD_CHARACTERS",
    "MAX_FILE_BYTES",
    "ReadOptions",
    "Table",
    "cell_text",
    "make_table",
]

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crossover.errors import DataError
from crossover.task.wording import counted, listed

MAX_FILE_BYTES = 2_000_000_000
MAX_COLUMNS = 4_096
MAX_FIELD_CHARACTERS = 10_000_000
MAX_CELLS = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a user may say about how a file is read. A reader ignores what does not concern it.

    Attributes:
        sheet: the sheet of a workbook, by name; None takes the first.
    """

    sheet: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A data file as text.

    Attributes:
        columns: the names, in the file's order, no two the same.
        cells: one tuple for each row, as long as `columns`; None is "no value" and "" an empty text.
        rows: the rows' numbers as a person sees them: with a header it is row 1; in JSON lines the line; else the item.
        format: what was read, in words: "csv, separated by ;".
        notes: sentences about what the reader had to decide, for the user to see.
    """

    columns: tuple[str, ...]
    cells: tuple[tuple[str | None, ...], ...]
    rows: tuple[int, ...]
    format: str
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> tuple[str | None, ...]:
        """Return one column's cells, in the order of the rows."""
        index = self.columns.index(name)
        return tuple(row[index] for row in self.cells)


def make_table(
    name: str,
    columns: Sequence[str],
    records: Iterable[tuple[int, Sequence[str | None]]],
    *,
    format: str,
    notes: Sequence[str],
) -> Table:
    """Return a table, checked: named and different columns, bounded in every direction; empty rows are left out.

    Args:
        name: the file's name, for errors.
        columns: the header; empty names become "column 3", with a note.
        records: row number and cells; short rows are filled with None, with a note.
        format: see `Table`.
        notes: see `Table`.

    Raises:
        DataError: a bound is passed, or two columns have one name.
    """
    said = list(notes)
    if len(columns) > MAX_COLUMNS:
        raise DataError(
            f"{name} has {len(columns):,} columns; at most {MAX_COLUMNS:,} are read.", "keep the input and the label"
        )
    header = [column.strip() or f"column {number}" for number, column in enumerate(columns, start=1)]
    nameless = [named for named, column in zip(header, columns, strict=True) if not column.strip()]
    if nameless:
        said.append(f"{counted(len(nameless), 'column')} without a name: called {listed(nameless)}")
    twice = [column for column, count in Counter(header).items() if count > 1]
    if twice:
        raise DataError(
            f'{name} has {header.count(twice[0])} columns named "{twice[0]}".',
            f"columns: {', '.join(header)}",
            "give each its own name",
        )
    rows: list[int] = []
    cells: list[tuple[str | None, ...]] = []
    short: list[int] = []
    for number, record in records:
        if all(cell is None or not cell.strip() for cell in record):
            continue
        for column, cell in zip(header, record, strict=False):
            if cell is not None and len(cell) > MAX_FIELD_CHARACTERS:
                raise DataError(
                    f'{name}, row {number}, column "{column}": a field of {len(cell):,} characters;'
                    f" at most {MAX_FIELD_CHARACTERS:,} are read.",
                    "shorten or remove the row",
                )
        if len(record) < len(header):
            short.append(number)
        rows.append(number)
        cells.append((*record, *[None] * (len(header) - len(record))))
        if len(cells) * len(header) > MAX_CELLS:
            raise DataError(
                f"{name} has more than {MAX_CELLS:,} cells.", "take a sample of the rows, or only the columns needed"
            )
    if short:
        said.append(f"fewer fields than the header in {counted(len(short), 'row')}, filled up: {listed(short)}")
    return Table(columns=tuple(header), cells=tuple(cells), rows=tuple(rows), format=format, notes=tuple(said))


def cell_text(value: object) -> str | None:
    """Return a JSON-like value as text: null is None, true is "true", a list or an object stays JSON.

    >>> cell_text([1, "ä"]), cell_text("007"), cell_text(1.5)
    ('[1, "ä"]', '007', '1.5')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Sequence | Mapping | bool | int | float):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
