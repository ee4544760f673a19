"""JSON: one object a line, or one array of objects."""

from __future__ import annotations

__all__ = ["JsonLinesReader", "JsonReader"]

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, final

from crossover.errors import DataError
from crossover.task.encoding import Encoding, find_encoding
from crossover.task.looks import refuse_look, text_look
from crossover.task.reader import Reader
from crossover.task.table import MAX_COLUMNS, Layout, ReadOptions, Refused, Table, cell_text, make_table

MAX_JSON_BYTES = 250_000_000


@final
class JsonLinesReader(Reader):
    """One JSON object a line; a row's number is its line's. Lists and objects inside stay JSON text.

    A last line that is cut off is set aside with a note; any other that is no JSON object is an error.
    """

    name: ClassVar[str] = "JSON lines"
    endings: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")

    def read(self, path: Path, options: ReadOptions) -> Table:
        encoding = find_encoding(path, expected="a JSON lines file", allow_cut_off=True)
        _check_start(path, encoding, "{", "a JSON lines file")
        return _lines_to_table(path, encoding, options)


@final
class JsonReader(Reader):
    """An array of objects, or an object with one such array in it; a row's number is its place in the array, from 1.

    A file with one object a line is read as such, with a note: many are named .json.
    """

    name: ClassVar[str] = "JSON"
    endings: ClassVar[tuple[str, ...]] = (".json",)

    def read(self, path: Path, options: ReadOptions) -> Table:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise DataError(
                f"{path.name} is one JSON value of more than {MAX_JSON_BYTES // 1_000_000} MB, more than is read.",
                f"write one object a line: jq -c '.[]' {path.name} > {path.stem}.jsonl",
            )
        encoding = find_encoding(path, expected="a JSON file", bound_lines=False)
        start = _check_start(path, encoding, "{[", "a JSON file")
        if _has_one_object_a_line(start):
            noted = "; ".join(filter(None, (encoding.note, "read as JSON lines: one object a line")))
            return _lines_to_table(path, replace(encoding, note=noted), options)
        text = path.read_text(encoding=encoding.name)
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            cut = (
                "it ends too early: was it cut off?"
                if error.pos >= len(text.rstrip()) - 1
                else "mend it there, or export it again"
            )
            raise DataError(f"{path.name}, line {error.lineno}, column {error.colno}: {error.msg}.", cut) from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path.name} is not JSON that can be read: {_reason(error)}.") from error
        items = enumerate(_array(path.name, value), start=1)
        return _objects_to_table(path.name, items, self.name, encoding, options)


def _check_start(path: Path, encoding: Encoding, brackets: str, expected: str) -> str:
    """Check that a file begins with one of the brackets; return its first 64 kB.

    Raises:
        DataError: it begins otherwise; the message says what it looks like.
    """
    with path.open(encoding=encoding.name, errors=encoding.errors) as file:
        start = file.read(1 << 16)
    first = start.lstrip()[:1]
    if not first:
        raise DataError(f"{path.name} holds only empty lines.", "it needs rows")
    if first not in brackets:
        raise refuse_look(path, text_look(start), expected=expected)
    return start


def _has_one_object_a_line(start: str) -> bool:
    lines = [line for line in start.splitlines() if line.strip()]
    look = text_look(start)
    return look is not None and look.ending == ".jsonl" and len(lines) > 1 and lines[1].lstrip().startswith("{")


def _lines_to_table(path: Path, encoding: Encoding, options: ReadOptions) -> Table:
    cut_off: list[tuple[int, Refused]] = []
    return _objects_to_table(path.name, _lines(path, encoding, cut_off), "JSON lines", encoding, options, cut_off)


def _lines(path: Path, encoding: Encoding, cut_off: list[tuple[int, Refused]]) -> Iterator[tuple[int, object]]:
    """Yield the lines' values by number; the last line goes to `cut_off` when it is no JSON."""
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line.strip())
            except (ValueError, RecursionError) as error:
                is_last = not any(other.strip() for other in file)
                if is_last and number > 1 and isinstance(error, json.JSONDecodeError):
                    cut_off.append((number, "cut_off"))
                    return
                one_value = "; one value over several lines is a .json file" if number == 1 else ""
                raise DataError(
                    f"{path.name}, line {number} is not JSON: {_reason(error)}.",
                    f"line: {line.strip()[:80]}",
                    f"each line must hold one whole JSON object{one_value}",
                    *([f"mend it, or leave it out: sed -i '{number}d' {shlex.quote(path.name)}"] if number > 1 else []),
                ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (column {error.colno})"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _array(name: str, value: object) -> list[object]:
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping):
        arrays = {
            key: item for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], Mapping)
        }
        if len(arrays) == 1:
            return next(iter(arrays.values()))
        has = (
            f"it has {len(arrays)}: {', '.join(map(str, arrays))}"
            if arrays
            else f"its keys: {', '.join(map(str, list(value)[:12]))}"
        )
        raise DataError(
            f"{name} holds an object that does not have exactly one array of objects; {has}.",
            'wanted: [{"text": …, "label": …}, …]',
        )
    raise DataError(
        f"{name} holds a single {type(value).__name__}, no array of objects.", 'wanted: [{"text": …, "label": …}, …]'
    )


def _objects_to_table(
    name: str,
    objects: Iterable[tuple[int, object]],
    format: str,
    encoding: Encoding,
    options: ReadOptions,
    cut_off: Sequence[tuple[int, Refused]] = (),
) -> Table:
    rows: list[tuple[int, Mapping[str, object]]] = []
    columns: dict[str, None] = {}
    for number, item in objects:
        if not isinstance(item, Mapping):
            word = "line" if format == "JSON lines" else "item"
            raise DataError(
                f"{name}, {word} {number} is no object but {json.dumps(item, ensure_ascii=False)[:60]}.",
                'wanted: {"text": "…", "label": "…"}',
            )
        columns.update(dict.fromkeys(item))
        if len(columns) > MAX_COLUMNS:
            raise DataError(
                f"{name} has more than {MAX_COLUMNS:,} columns by row {number}.", "keep the input and the label"
            )
        rows.append((number, item))
    if not rows:
        raise DataError(f"{name} holds no rows.", 'wanted: {"text": "…", "label": "…"}')
    notes = [encoding.note] if encoding.note else []
    notes += [f"the last line, {number}, is cut off and set aside: is the file whole?" for number, _ in cut_off]
    return make_table(
        name,
        list(columns),
        ((number, [cell_text(item.get(column)) for column in columns]) for number, item in rows),
        format=format,
        notes=notes,
        layout=Layout(encoding=encoding.words),
        options=options,
        refused=cut_off,
    )
