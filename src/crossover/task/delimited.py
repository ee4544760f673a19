"""Tables of text: comma, semicolon, tab or bar between the fields, quotes around them where needed."""

from __future__ import annotations

__all__ = ["CsvReader", "TsvReader"]

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar, final

from crossover.errors import DataError
from crossover.task.encoding import find_encoding
from crossover.task.looks import refuse_look, text_look
from crossover.task.reader import Reader
from crossover.task.table import MAX_FIELD_CHARACTERS, ReadOptions, Table, make_table
from crossover.task.wording import listed

_SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
_SAMPLE_RECORDS = 200


@final
class CsvReader(Reader):
    """Comma-separated values; another separator (; tab |) is found and said. Row 1 is the header.

    Rows are numbered by record, the header being 1: where a field holds line breaks, an editor's lines run ahead.
    """

    name: ClassVar[str] = "csv"
    endings: ClassVar[tuple[str, ...]] = (".csv",)

    def read(self, path: Path, options: ReadOptions) -> Table:
        source = _source(path, "a csv file")
        separator = _find_separator(path, source.encoding)
        if separator != ",":
            source = _Source(
                source.path, source.encoding, (*source.notes, f"the separator is {_SEPARATORS[separator]}")
            )
        return _table(source, _records(source, separator, quoted=True), self.name)


@final
class TsvReader(Reader):
    """Values separated by tabs. Quotes count as in csv, unless the file is a plain one that uses them as letters."""

    name: ClassVar[str] = "tsv"
    endings: ClassVar[tuple[str, ...]] = (".tsv", ".tab")

    def read(self, path: Path, options: ReadOptions) -> Table:
        source = _source(path, "a tsv file")
        with path.open(encoding=source.encoding, newline="") as file:
            start = file.read(1 << 16)
        look = text_look(start)
        if look is not None and look.ending == ".csv":
            raise refuse_look(path, look, expected="a tsv file")
        plain = _records(source, "\t", quoted=False)
        try:
            quoted = _records(source, "\t", quoted=True)
        except DataError:
            if not _is_even(plain):
                raise
            quoted = []
        if len(quoted) == len(plain) or not _is_even(plain):
            return _table(source, quoted, self.name)
        note = "quotes are read as letters: the fields are not quoted"
        return _table(_Source(path, source.encoding, (*source.notes, note)), plain, self.name)


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    encoding: str
    notes: tuple[str, ...]


def _source(path: Path, expected: str) -> _Source:
    encoding = find_encoding(path, expected=expected)
    with path.open(encoding=encoding.name, newline="") as file:
        look = text_look(file.read(1 << 16))
    if look is not None and look.ending not in (".csv", ".tsv"):
        raise refuse_look(path, look, expected=expected)
    return _Source(path, encoding.name, (encoding.note,) if encoding.note else ())


def _find_separator(path: Path, encoding: str) -> str:
    """Return the separator that cuts most of the first records into as many fields as the header; a comma in doubt."""
    best, best_score = ",", (0.0, 0)
    for separator in _SEPARATORS:
        with path.open(encoding=encoding, newline="") as file, _field_limit():
            try:
                counts = [
                    len(record) for record in islice(csv.reader(file, delimiter=separator), _SAMPLE_RECORDS) if record
                ]
            except csv.Error:
                continue
        if not counts or counts[0] < 2:
            continue
        score = (round(sum(count == counts[0] for count in counts) / len(counts), 2), counts[0])
        if score > best_score:
            best, best_score = separator, score
    return best


def _records(source: _Source, separator: str, *, quoted: bool) -> list[tuple[int, list[str]]]:
    """Return the records that hold anything, numbered from 1, the header among them."""
    records: list[tuple[int, list[str]]] = []
    number, line = 0, 0
    with source.path.open(encoding=source.encoding, newline="") as file, _field_limit():
        reader = csv.reader(
            file, delimiter=separator, strict=True, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        )
        try:
            for number, record in enumerate(reader, start=1):
                line = reader.line_num
                if any(field.strip() for field in record):
                    records.append((number, record))
        except csv.Error as error:
            raise _broken(source.path, number + 1, line + 1, str(error)) from error
    return records


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


def _is_even(records: list[tuple[int, list[str]]]) -> bool:
    return bool(records) and all(len(record) == len(records[0][1]) for _, record in records)


def _table(source: _Source, records: list[tuple[int, list[str]]], format: str) -> Table:
    if not records:
        raise DataError(f"{source.path.name} holds only empty lines.", "it needs a header and rows")
    header = records[0][1]
    trimmed: list[tuple[int, list[str | None]]] = []
    long: list[tuple[int, int]] = []
    for number, record in records[1:]:
        if len(record) > len(header) and any(field.strip() for field in record[len(header) :]):
            long.append((number, len(record)))
        trimmed.append((number, list(record[: len(header)])))
    if long:
        row, n_fields = long[0]
        more = (
            f"so have the rows {listed([number for number, _ in long[1:]])}" if len(long) > 1 else "it is the only one"
        )
        raise DataError(
            f"{source.path.name}, row {row}: {n_fields} fields where the header has {len(header)}.",
            f"header: {', '.join(header)}",
            more,
            'a field that holds the separator needs quotes: "Hello, world",greeting',
        )
    return make_table(source.path.name, header, trimmed, format=format, notes=source.notes)


@contextmanager
def _field_limit() -> Iterator[None]:
    """Let the csv module read fields up to our bound; its own limit (a global) is put back."""
    before = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)
