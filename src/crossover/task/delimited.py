"""Tables of text: comma, semicolon, tab or bar between the fields, quotes around them where needed."""

from __future__ import annotations

__all__ = ["CsvReader", "TsvReader"]

import csv
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import ClassVar, TextIO, final

from crossover.errors import DataError
from crossover.task.encoding import find_encoding
from crossover.task.header import SEEN_ROWS, find_header, header_note
from crossover.task.looks import refuse_look, text_look
from crossover.task.reader import Reader
from crossover.task.table import MAX_FIELD_CHARACTERS, Layout, ReadOptions, Table, make_table

_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
_SAID = re.compile(r'"?sep=(.)"?')


@final
class CsvReader(Reader):
    """Comma-separated values; another separator (; tab |), other quotes and a header below row 1 are found and said.

    Rows are numbered by record, as a spreadsheet does: where a field holds line breaks, an editor's lines run ahead.
    """

    name: ClassVar[str] = "csv"
    endings: ClassVar[tuple[str, ...]] = (".csv",)

    def read(self, path: Path, options: ReadOptions) -> Table:
        source = _find_separator(_source(path, "a csv file"))
        try:
            return _table(_with_quotes(source), self.name, options)
        except DataError:
            # What does not parse with doubled quotes may have been written by a database: \" inside a field.
            escaped = replace(source, escape="\\").noted('a quote inside a field is written \\"')
            if not _holds(source, '\\"') or not _is_even(escaped):
                raise
            return _table(escaped, self.name, options)


@final
class TsvReader(Reader):
    """Values separated by tabs. Quotes count as in csv, unless the file is a plain one that uses them as letters."""

    name: ClassVar[str] = "tsv"
    endings: ClassVar[tuple[str, ...]] = (".tsv", ".tab")

    def read(self, path: Path, options: ReadOptions) -> Table:
        source = replace(_source(path, "a tsv file"), separator="\t")
        with source.open() as file:
            start = file.read(1 << 16)
        look = text_look(start)
        if look is not None and look.ending == ".csv":
            raise refuse_look(path, look, expected="a tsv file")
        plain = replace(source, quote=None)
        if not _is_even(plain) or _n_records(source) == _n_records(plain):
            return _table(source, self.name, options)
        return _table(plain.noted("quotes are read as letters: the fields are not quoted"), self.name, options)


@dataclass(frozen=True, slots=True)
class _Source:
    """How a file is written, as far as it is known."""

    path: Path
    encoding: str
    words: str
    notes: tuple[str, ...]
    separator: str = ","
    quote: str | None = '"'
    escape: str | None = None
    skipped_lines: int = 0

    def noted(self, note: str) -> _Source:
        return replace(self, notes=(*self.notes, note))

    @contextmanager
    def open(self) -> Iterator[TextIO]:
        with self.path.open(encoding=self.encoding, newline="") as file:
            for _ in range(self.skipped_lines):
                file.readline()
            yield file


def _source(path: Path, expected: str) -> _Source:
    encoding = find_encoding(path, expected=expected)
    with path.open(encoding=encoding.name, newline="") as file:
        look = text_look(file.read(1 << 16))
    if look is not None and look.ending not in (".csv", ".tsv"):
        raise refuse_look(path, look, expected=expected)
    return _Source(path, encoding.name, encoding.words, (encoding.note,) if encoding.note else ())


def _find_separator(source: _Source) -> _Source:
    """Return the source with the separator that its first line names ("sep=;"), or that cuts most records evenly.

    Titles above the table have fewer fields, so what counts is the most frequent number of fields; a comma in doubt.
    """
    with source.open() as file:
        first = file.readline(16).rstrip("\r\n")
    if said := _SAID.fullmatch(first):
        told = replace(source, separator=said[1], skipped_lines=1)
        return told.noted(f'the first line says the separator: "{first.strip(chr(34))}"; rows are counted below it')
    best, best_score = ",", (0.0, False, 0)
    for separator in _SEPARATORS:
        try:
            start = list(islice(_records(source, separator, strict=False), SEEN_ROWS))
        except DataError:
            continue
        counts = [len(record) for _, record in start if record]
        if not counts or len(start[find_header(start)][1]) < 2:
            continue
        width, n_even = max(Counter(counts).items(), key=lambda item: (item[0] > 1, item[1], item[0]))
        score = (round(n_even / len(counts), 2), counts[0] == width, width)
        if width > 1 and score > best_score:
            best, best_score = separator, score
    found = replace(source, separator=best)
    return found if best == "," else found.noted(f"the separator is {_SEPARATORS[best]}")


def _with_quotes(source: _Source) -> _Source:
    """Return the source with single quotes where all fields of its first record that holds anything stand in them."""
    _, first = next((item for item in _records(source, strict=False) if any(item[1])), (0, [""]))
    if len(first) > 1 and all(len(field) > 1 and field[0] == field[-1] == "'" for field in first):
        return replace(source, quote="'").noted("the quotes are single ones: 'text'")
    return source


def _holds(source: _Source, text: str) -> bool:
    with source.open() as file:
        return any(text in piece for piece in iter(lambda: file.read(1 << 20), ""))


def _records(source: _Source, separator: str | None = None, *, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Yield the records, numbered from 1, empty ones among them.

    Raises:
        DataError: quotes do not fit, or a field is too long; the message names the place.
    """
    number, line = 0, source.skipped_lines
    # The csv module's own limit of a field is a global: it is set for one record at a time and put back.
    with source.open() as file:
        reader = csv.reader(
            file,
            delimiter=separator or source.separator,
            quoting=csv.QUOTE_MINIMAL if source.quote else csv.QUOTE_NONE,
            quotechar=source.quote,
            escapechar=source.escape,
            doublequote=source.escape is None,
            strict=strict,
        )
        while True:
            before = csv.field_size_limit(MAX_FIELD_CHARACTERS)
            try:
                record = next(reader, None)
            except csv.Error as error:
                raise _broken(source.path, number + 1, line + 1, str(error)) from error
            finally:
                csv.field_size_limit(before)
            if record is None:
                return
            number, line = number + 1, source.skipped_lines + reader.line_num
            yield number, record


def _broken(path: Path, row: int, line: int, reason: str) -> DataError:
    where = f"{path.name}, row {row} (from line {line})"
    if "unexpected end of data" in reason:
        return DataError(
            f"{where}: a quote is opened and never closed.", 'close it, or write a quote inside a field twice: ""'
        )
    if "field larger" in reason:
        return DataError(
            f"{where}: a field is longer than {MAX_FIELD_CHARACTERS // 1_000_000} MB.",
            "is a quote left open before it? if not, shorten it",
        )
    if "expected after" in reason:
        return DataError(
            f"{where}: text follows a closing quote.", 'write a quote inside a field twice: "say ""hello"" to them"'
        )
    return DataError(f"{where}: {reason}.", "mend the row, or export the file again")


def _is_even(source: _Source) -> bool:
    """Tell whether all records that hold anything have the same number of fields."""
    try:
        widths = {len(record) for _, record in _records(source) if any(field.strip() for field in record)}
    except DataError:
        return False
    return len(widths) == 1


def _n_records(source: _Source) -> int | None:
    """Return the number of records that hold anything; None where they cannot be read."""
    try:
        return sum(any(field.strip() for field in record) for _, record in _records(source))
    except DataError:
        return None


def _table(source: _Source, format: str, options: ReadOptions) -> Table:
    records = _records(source)
    # An empty file of many lines has no header within reach: the first rows are those from the first that holds any.
    start = list(islice(records, SEEN_ROWS))
    while start and not any(field.strip() for _, record in start for field in record):
        start = list(islice(records, SEEN_ROWS))
    if not start:
        raise DataError(f"{source.path.name} holds only empty lines.", "it needs a header and rows")
    place = find_header(start)
    note = header_note(start, place)
    number, header = start[place]
    return make_table(
        source.path.name,
        header,
        chain(start[place + 1 :], records),
        format=format,
        notes=(*source.notes, *([note] if note else [])),
        layout=Layout(encoding=source.words, separator=source.separator, header_row=number),
        options=options,
    )
