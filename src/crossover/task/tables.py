"""The tables that a task is made of: rows to learn from, rows to test on, and where they came from."""

from __future__ import annotations

__all__ = ["Tables", "open_tables", "refused", "with_texts"]

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crossover.errors import OptionError
from crossover.task.check import FileRead, SetAside
from crossover.task.columns import Columns
from crossover.task.conversations import said
from crossover.task.divided import divide
from crossover.task.open_source import open_source
from crossover.task.source import Source
from crossover.task.table import ReadOptions, Table
from crossover.task.workbook import XlsxReader

SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What was opened.

    Attributes:
        source: the rows to learn from, and what their file says of the task.
        held_out: name and rows of the test, where a file, a split or a column gives one.
        files: as they were read, for the check.
        notes: sentences for the user to see.
    """

    source: Source
    held_out: tuple[str, Table] | None
    files: tuple[FileRead, ...]
    notes: tuple[str, ...]


def open_tables(path: Path, test_path: Path | None, options: ReadOptions) -> Tables:
    """Open the data and the test: another file, another split of the same source, or rows that a column names.

    Raises:
        DataError: a file cannot be read.
        OptionError: a sheet is named and neither file is a workbook.
    """
    books = [one for one in (path, test_path) if one is not None and one.suffix.casefold() in XlsxReader.endings]
    if options.sheet is not None and not books:
        raise OptionError(
            f'--sheet "{options.sheet}": {path.name} is no workbook.', "workbooks: " + ", ".join(XlsxReader.endings)
        )
    source = open_source(path, options)
    files, notes = (
        [_file_read(source)],
        [f"{source.name}: {note}" for note in (*source.table.notes, *source.said.notes)],
    )
    test = source.test if test_path is None else open_source(test_path, options, as_test=True)
    if test is not None:
        files.append(_file_read(test))
        notes += [f"{test.name}: {note}" for note in test.table.notes]
        return Tables(source=source, held_out=(test.name, test.table), files=tuple(files), notes=tuple(notes))
    divided = divide(source.table)
    if divided is None:
        return Tables(source=source, held_out=None, files=tuple(files), notes=tuple(notes))
    train, held_out, note = divided
    return Tables(
        source=replace(source, table=train),
        held_out=(source.name, held_out),
        files=tuple(files),
        notes=(*notes, f"{source.name}: {note}"),
    )


def refused(name: str, table: Table) -> list[SetAside]:
    """Return the rows that the reader could not take."""
    return [SetAside(file=name, row=number, reason=reason) for number, reason in table.refused]


def with_texts(
    aside: Sequence[SetAside], columns: Columns, tables: Sequence[tuple[str, Table]]
) -> tuple[SetAside, ...]:
    """Return the rows that were set aside with what they say, as far as they were read."""
    shown: dict[tuple[str, int], tuple[str, str | None]] = {}
    wanted = {(one.file, one.row) for one in aside}
    for file, table in tables:
        answers = table.column(columns.target)
        inputs = [(column, table.column(column)) for column in columns.inputs]
        for place, number in enumerate(table.rows):
            if (file, number) in wanted:
                texts = said({name: cells[place] or "" for name, cells in inputs}).values()
                shown[file, number] = (_shown(" · ".join(texts)), _shown(answers[place] or "") or None)
    found = (shown.get((one.file, one.row), ("", None)) for one in aside)
    return tuple(replace(one, text=text, answer=answer) for one, (text, answer) in zip(aside, found, strict=True))


def _shown(text: str) -> str:
    return " ".join(text[: 2 * SHOWN_CHARACTERS].split())[:SHOWN_CHARACTERS]


def _file_read(source: Source) -> FileRead:
    table = source.table
    return FileRead(
        name=source.name,
        format=table.format,
        n_rows=len(table.rows),
        columns=table.columns,
        sha256=source.sha256,
        layout=table.layout,
        n_found=table.n_found,
    )
