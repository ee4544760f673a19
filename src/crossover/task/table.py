"""What a reader returns: columns of text with the rows' own numbers."""

from __future__ import annotations

__all__ = [
    "MAX_CELLS",
    "MAX_COLUMNS",
    "MAX_FIELD_CHARACTERS",
    "MAX_FILE_BYTES",
    "STUDY_ROWS",
    "Layout",
    "ReadOptions",
    "Refused",
    "Table",
    "cell_text",
    "make_table",
]

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from crossover.errors import DataError
from crossover.task.wording import counted, listed

MAX_FILE_BYTES = 2_000_000_000
MAX_COLUMNS = 4_096
MAX_FIELD_CHARACTERS = 10_000_000
MAX_CELLS = 50_000_000
STUDY_ROWS = 10_000
"""Rows of one file that a study reads by default: a budget needs some hundreds, and all pairs of texts are compared."""

LONG_SHARE = 0.05
"""Share of rows with too many fields up to which they are set aside; beyond it the separator or header is in doubt."""

Refused: TypeAlias = Literal["too_many_fields", "cut_off"]
"""Why a reader leaves a row out that holds something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a user may say about how a file is read. A reader ignores what does not concern it.

    Attributes:
        sheet: the sheet of a workbook, by name or by number from 1; None takes the only one that holds a table.
        max_rows: most rows to keep; of more a seeded sample is drawn. None keeps all.
        seed: of that sample.
    """

    sheet: str | None = None
    max_rows: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a file is written; None for what its format does not have.

    Attributes:
        encoding: in words: "UTF-8", "Windows-1252".
        separator: between the fields, as the character.
        sheet: the sheet's name, where the workbook has several.
        header_row: number of the row with the columns' names.
    """

    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    header_row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A data file as text.

    Attributes:
        columns: the names, in the file's order, no two the same.
        cells: one tuple for each row, as long as `columns`; None is "no value" and "" an empty text.
        rows: the rows' numbers as a person sees them: as a spreadsheet counts; in JSON lines the line; else the item.
        format: what was read, in words: "csv".
        notes: sentences about what the reader had to decide, for the user to see.
        layout: how the file is written.
        refused: the rows that hold something and were left out, by number, with the reason.
        n_found: rows in the file, of which `rows` may be a sample.
    """

    columns: tuple[str, ...]
    cells: tuple[tuple[str | None, ...], ...]
    rows: tuple[int, ...]
    format: str
    notes: tuple[str, ...] = ()
    layout: Layout = Layout()
    refused: tuple[tuple[int, Refused], ...] = ()
    n_found: int = 0

    @property
    def is_sample(self) -> bool:
        """Whether the file has more rows than were kept."""
        return self.n_found > len(self.rows)

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
    layout: Layout | None = None,
    options: ReadOptions | None = None,
    refused: Sequence[tuple[int, Refused]] = (),
) -> Table:
    """Return a table, checked: named and different columns, bounded in every direction; empty rows are left out.

    What is mended is said in a note: nameless columns become "column 3" (empty ones are left out), a second "text"
    becomes "text (2)", short rows are filled with None, and a few rows with too many fields are set aside.

    Args:
        name: the file's name, for errors.
        columns: the header.
        records: row number and cells, empty rows among them; read once.
        format: see `Table`.
        notes: see `Table`.
        layout: see `Table`.
        options: how many rows to keep.
        refused: see `Table`; may still be filled while the records are read.

    Raises:
        DataError: a bound is passed, or many rows have more fields than the header.
    """
    options = options or ReadOptions()
    said = list(notes)
    if len(columns) > MAX_COLUMNS:
        raise DataError(
            f"{name} has {len(columns):,} columns; at most {MAX_COLUMNS:,} are read.", "keep the input and the label"
        )
    header, renamed = _names(columns)
    kept = _Kept(name, header, options)
    for number, record in records:
        kept.add(number, record)
    kept.check_long()
    used = [place for place, column in enumerate(columns) if column.strip() or place in kept.filled]
    nameless = [header[place] for place in used if not columns[place].strip()]
    if nameless:
        said.append(f"{counted(len(nameless), 'column')} without a name: called {listed(nameless)}")
    said += renamed
    if len(used) < len(header):
        empty = [place + 1 for place in range(len(header)) if place not in set(used)]
        said.append(f"{counted(len(empty), 'empty column')} left out: {listed(empty)}")
    rows = kept.rows() if len(used) == len(header) else [(n, tuple(row[p] for p in used)) for n, row in kept.rows()]
    return Table(
        columns=tuple(header[place] for place in used),
        cells=tuple(row for _, row in rows),
        rows=tuple(number for number, _ in rows),
        format=format,
        notes=(*said, *kept.notes()),
        layout=layout or Layout(),
        refused=(*((number, "too_many_fields") for number, _ in kept.long), *refused),
        n_found=kept.n_found,
    )


def _names(columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a name of its own for each column, and a note for each that was renamed."""
    plain = [column.strip() or f"column {number}" for number, column in enumerate(columns, start=1)]
    taken, names, notes = set(plain), list[str](), list[str]()
    seen: set[str] = set()
    for number, column in enumerate(plain, start=1):
        called, count = column, 2
        while called in seen or (called != column and called in taken):
            called, count = f"{column} ({count})", count + 1
        if called != column:
            notes.append(f'the name "{column}" stands twice: column {number} is called "{called}"')
        seen.add(called)
        names.append(called)
    return names, notes


class _Kept:
    """The rows that are kept, drawn evenly (Vitter's algorithm R) where there are more than are wanted."""

    def __init__(self, name: str, header: Sequence[str], options: ReadOptions) -> None:
        self.name = name
        self.header = header
        self.most = options.max_rows
        self.seed = options.seed
        self.n_found = 0
        self.filled: set[int] = set()
        self.long: list[tuple[int, int]] = []
        self._short: list[int] = []
        self._blank: list[int] = []
        self._n_blank = 0
        self._rows: list[tuple[int, tuple[str | None, ...]]] = []
        self._draw = random.Random(f"crossover.rows/{options.seed}")

    def add(self, number: int, record: Sequence[str | None]) -> None:
        places = [place for place, cell in enumerate(record) if cell is not None and cell.strip()]
        if not places:
            self._blank.append(number)
            return
        self._n_blank = len(self._blank)  # blank rows after the last filled one are the file's end
        if places[-1] >= len(self.header):
            self.long.append((number, len(record)))
            return
        for place in places:
            cell = record[place] or ""
            if len(cell) > MAX_FIELD_CHARACTERS:
                raise DataError(
                    f'{self.name}, row {number}, column "{self.header[place]}": a field of {len(cell):,} characters;'
                    f" at most {MAX_FIELD_CHARACTERS:,} are read.",
                    "shorten or remove the row",
                )
        self.filled.update(places)
        if len(record) < len(self.header):
            self._short.append(number)
        row = (*record[: len(self.header)], *[None] * (len(self.header) - len(record)))
        self.n_found += 1
        if self.most is None or len(self._rows) < self.most:
            self._rows.append((number, row))
            if len(self._rows) * len(self.header) > MAX_CELLS:
                raise DataError(
                    f"{self.name} has more than {MAX_CELLS:,} cells.",
                    "take a sample of the rows, or only the columns needed",
                )
        elif (place := self._draw.randrange(self.n_found)) < self.most:
            self._rows[place] = (number, row)

    def check_long(self) -> None:
        """Refuse a file in which rows with too many fields are no exception."""
        if len(self.long) <= LONG_SHARE * (self.n_found + len(self.long)):
            return
        row, n_fields = self.long[0]
        rest = [number for number, _ in self.long[1:]]
        raise DataError(
            f"{self.name}, row {row}: {n_fields} fields where the header has {len(self.header)}.",
            f"header: {', '.join(self.header)}",
            f"so have the rows {listed(rest)}" if rest else "it is the only one",
            'a field that holds the separator needs quotes: "Hello, world",greeting',
        )

    def rows(self) -> list[tuple[int, tuple[str | None, ...]]]:
        """Return the rows in the file's order."""
        return sorted(self._rows, key=lambda row: row[0]) if self.n_found > len(self._rows) else self._rows

    def notes(self) -> list[str]:
        """Return what is said about rows."""
        said = []
        if self._n_blank:
            said.append(f"{counted(self._n_blank, 'empty row')} left out: {listed(self._blank[: self._n_blank])}")
        if self._short:
            n_short = counted(len(self._short), "row")
            said.append(f"fewer fields than the header in {n_short}, filled up: {listed(self._short)}")
        if self.long:
            numbers = listed(number for number, _ in self.long)
            said.append(f"more fields than the header in {counted(len(self.long), 'row')}, set aside: {numbers}")
        if self.n_found > len(self._rows):
            said.append(
                f"{self.n_found:,} rows; a study reads {self.most:,} of them, drawn with seed {self.seed}:"
                f" --max-rows {self.n_found} takes all"
            )
        return said


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
