"""The readers that there are, and reading a file with the one that its ending names."""

from __future__ import annotations

__all__ = ["check_file", "endings", "read_table"]

from importlib.metadata import entry_points
from pathlib import Path

from crossover.errors import DataError, closest
from crossover.task.arrow import ArrowReader
from crossover.task.delimited import CsvReader, TsvReader
from crossover.task.jsons import JsonLinesReader, JsonReader
from crossover.task.parquet import ParquetReader
from crossover.task.reader import Reader
from crossover.task.table import MAX_FILE_BYTES, ReadOptions, Table
from crossover.task.workbook import XlsxReader

_READERS: tuple[Reader, ...] = (
    CsvReader(),
    TsvReader(),
    JsonLinesReader(),
    JsonReader(),
    ParquetReader(),
    ArrowReader(),
    XlsxReader(),
)


def read_table(path: Path | str, options: ReadOptions | None = None) -> Table:
    """Read a data file with the reader that its ending names.

    Raises:
        DataError: no such file, no reader for the ending, an empty or too large file, or what the reader finds.
    """
    path = Path(path)
    check_file(path)
    reader = _reader_for(path)
    return reader.read(path, options or ReadOptions())


def check_file(path: Path) -> None:
    """Check that a file is there, is a file, and is neither empty nor too large.

    Raises:
        DataError: it is not.
    """
    if not path.exists():
        beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        near = closest(path.name, beside)
        raise DataError(f"there is no file {path}.", *([f"did you mean {path.parent / near}?"] if near else []))
    if not path.is_file():
        raise DataError(f"{path} is not a file.", "give one data file: " + ", ".join(endings()))
    try:
        n_bytes = path.stat().st_size
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    if n_bytes == 0:
        raise DataError(f"{path.name} is empty (0 bytes).", "it needs a header and rows; was the export cut off?")
    if n_bytes > MAX_FILE_BYTES:
        raise DataError(
            f"{path.name} has {n_bytes / 1e9:.1f} GB; at most {MAX_FILE_BYTES // 1_000_000_000} GB are read.",
            "take a sample of the rows: a study needs some thousands at most",
        )


def endings() -> tuple[str, ...]:
    """Return the file endings that our own readers read."""
    return tuple(ending for reader in _READERS for ending in reader.endings)


def _reader_for(path: Path) -> Reader:
    ending = path.suffix.casefold()
    readers = _READERS if ending in endings() else _theirs()
    for reader in readers:
        if ending in reader.endings:
            return reader
    raise DataError(
        f'{path.name} has the ending "{ending}", which no reader knows.' if ending else f"{path.name} has no ending.",
        "endings: " + ", ".join(endings()),
        f"if it is one of these, rename it: mv {path.name} {path.stem}.csv",
    )


def _theirs() -> tuple[Reader, ...]:
    found: list[Reader] = []
    for point in entry_points(group="crossover.readers"):
        try:
            loaded: object = point.load()
            reader: object = loaded() if isinstance(loaded, type) else loaded
        except Exception as error:  # another package's code: whatever it raises, the user must hear whose it is
            raise DataError(
                f"reader {point.name} of {point.value} does not load: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(reader, Reader):
            raise DataError(f"reader {point.name} of {point.value} is not a crossover.task.Reader: {reader!r}.")
        found.append(reader)
    return tuple(found)
