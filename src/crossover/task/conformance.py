"""What every reader must keep, as a function for its tests: `check_reader(MyReader(), write, folder)`."""

from __future__ import annotations

__all__ = ["Write", "check_reader"]

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from crossover.errors import DataError
from crossover.task.reader import Reader
from crossover.task.table import ReadOptions

Write: TypeAlias = Callable[[Path, Sequence[str], Sequence[Sequence[str]]], None]
"""Writes a table in the reader's format: path, column names, rows of text."""

_COLUMNS = ("text", "label")
_ROWS = (
    ("hello, world", "007"),
    ('she said "no"', "1e5"),
    ("two\nlines", "true"),
    ("Größe 🙂 日本", " padded "),
    ("=1+1", "null"),
    ("<b>&amp;</b>", "2024-01-02"),
    ("a\tb;c|d", "NaN"),
)
_FOREIGN = (
    b"",
    b"\x89PNG\r\n\x1a\n" + bytes(64),
    b"%PDF-1.7\n" + bytes(64),
    bytes(range(256)) * 8,
    b"\xff\xfe\x00" * 9,
    b"\0" * 512,
)


def check_reader(reader: Reader, write: Write, folder: Path) -> None:
    """Check one reader against the contract in `Reader`'s docstring.

    Args:
        reader: the reader.
        write: writes a small table in its format.
        folder: an empty folder to write to.

    Raises:
        AssertionError: names the promise that is broken.
    """
    _require(reader.name, "name is empty")
    _require(reader.endings, "endings is empty")
    for ending in reader.endings:
        _require(
            ending.startswith(".") and ending == ending.casefold(), f"ending {ending!r} is not lower case with a dot"
        )
        path = folder / f"good{ending}"
        write(path, _COLUMNS, _ROWS)
        before = path.read_bytes()
        table = reader.read(path, ReadOptions())
        _require(table.columns == _COLUMNS, f"columns are {table.columns!r}, not {_COLUMNS!r}")
        _require(len(table.cells) == len(_ROWS), f"{len(table.cells)} rows, not {len(_ROWS)}")
        for written, got in zip(_ROWS, table.cells, strict=True):
            _require(tuple(written) == got, f"text has changed: {written!r} came back as {got!r}")
        _require(len(table.rows) == len(table.cells), "rows and cells differ in number")
        _require(
            all(a < b for a, b in zip(table.rows, table.rows[1:], strict=False)),
            f"row numbers do not rise: {table.rows}",
        )
        _require(table.rows[0] >= 1, "row numbers begin below 1")
        _require(reader.read(path, ReadOptions()) == table, "reading again gives another table")
        _require(path.read_bytes() == before, "reading has changed the file")
        for number, content in enumerate((*_FOREIGN, before[: len(before) // 2])):
            _check_damaged(reader, folder / f"bad{number}{ending}", content)


def _check_damaged(reader: Reader, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        reader.read(path, ReadOptions())
    except DataError as error:
        _require(path.name in error.message, f"the message does not name the file: {error.message}")
    except Exception as error:
        broken = f"a damaged file ({content[:16]!r}) raises {type(error).__name__}, not DataError: {error}"
        raise AssertionError(broken) from error


def _require(kept: object, broken: str) -> None:
    if not kept:
        raise AssertionError(broken)
