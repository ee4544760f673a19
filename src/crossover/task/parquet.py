"""Parquet files, through polars."""

from __future__ import annotations

__all__ = ["ParquetReader"]

from pathlib import Path
from typing import ClassVar, final

import polars as pl

from crossover.errors import DataError
from crossover.task.encoding import find_encoding
from crossover.task.looks import binary_look, refuse_look, text_look
from crossover.task.reader import Reader
from crossover.task.table import MAX_CELLS, MAX_COLUMNS, ReadOptions, Table, cell_text, make_table


@final
class ParquetReader(Reader):
    """Apache Parquet; a row's number is its place, from 1."""

    name: ClassVar[str] = "parquet"
    endings: ClassVar[tuple[str, ...]] = (".parquet", ".pq")

    def read(self, path: Path, options: ReadOptions) -> Table:
        check_signature(path, b"PAR1", "a parquet file")
        try:
            schema = pl.read_parquet_schema(path)
            n_rows = pl.scan_parquet(path).select(pl.len()).collect().item()
            if len(schema) > MAX_COLUMNS:
                raise DataError(f"{path.name} has {len(schema):,} columns; at most {MAX_COLUMNS:,} are read.")
            if n_rows * len(schema) > MAX_CELLS:
                raise DataError(
                    f"{path.name} has {n_rows:,} rows × {len(schema)} columns; at most {MAX_CELLS:,} cells are read."
                )
            frame = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(
                f"{path.name} is a damaged parquet file: {str(error).splitlines()[0]}.", "export it again"
            ) from error
        records = (
            (number, [cell_text(value) for value in row]) for number, row in enumerate(frame.iter_rows(), start=1)
        )
        return make_table(path.name, frame.columns, records, format=self.name, notes=(), options=options)


def check_signature(path: Path, signature: bytes, expected: str) -> None:
    """Check a binary file's first bytes.

    Raises:
        DataError: it begins otherwise; the message says what it looks like.
    """
    with path.open("rb") as file:
        head = file.read(4_096)
    if head.startswith(signature):
        return
    look = binary_look(head)
    if look is None:
        encoding = find_encoding(path, expected=expected)
        look = text_look(head.decode(encoding.name, errors="replace"))
    raise refuse_look(path, look, expected=expected)
