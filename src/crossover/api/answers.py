"""Open a bundle, and answer a file's rows with it."""

from __future__ import annotations

__all__ = ["Bundle", "load", "predict_file"]

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from crossover.api.files import replace_text
from crossover.bundle import Bundle, load_bundle
from crossover.errors import DataError, OptionError
from crossover.model.allocation import keep_memory
from crossover.records import CONVERSATION
from crossover.task import read_table, split_conversations

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would run."""


def load(path: Path | str) -> Bundle:
    """Open a bundle: `load("tickets-bundle").predict([{"text": "where is my parcel"}])`.

    Raises:
        BundleError: it is damaged or not a bundle.
        ModelError: the model that it was made with cannot be had.
    """
    keep_memory()
    return load_bundle(Path(path))


def predict_file(bundle: Path | str, file: Path | str, output: Path | str | None = None) -> int:
    """Answer the rows of a file with a bundle; return how many.

    Args:
        bundle: the bundle's folder.
        file: rows with the bundle's input columns; other columns are kept.
        output: .csv or .jsonl; None writes csv to standard output. The answers' column is `predicted_TARGET`.

    Raises:
        DataError: the file cannot be read or lacks an input column.
        OptionError: the output cannot be written, or has another ending.
    """
    if output is not None:
        if Path(output).suffix not in {".csv", ".jsonl"}:
            raise OptionError(f"{output} has no ending that is known.", "allowed: .csv, .jsonl")
        if not Path(output).absolute().parent.is_dir():
            raise OptionError(
                f"{output} cannot be written: there is no such folder.", "make it, or name another with -o"
            )
    table = read_table(Path(file))
    opened = load(bundle)
    if CONVERSATION in opened.input_fields:
        table = split_conversations(Path(file).name, table)
    missing = [name for name in opened.input_fields if name not in table.columns]
    if missing:
        raise DataError(
            f'{Path(file).name} has no column "{missing[0]}".',
            "columns: " + ", ".join(table.columns),
            "the bundle reads: " + ", ".join(opened.input_fields),
        )
    columns = {name: [value or "" for value in table.column(name)] for name in table.columns}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    answers = opened.predict([{name: row[name] for name in opened.input_fields} for row in rows])
    field = f"predicted_{opened.target_field}"
    answered = [{**row, field: p.answer or ""} for row, p in zip(rows, answers, strict=True)]
    names = list(dict.fromkeys([*columns, field]))
    text = _as_text(answered, names, "jsonl" if str(output).endswith(".jsonl") else "csv")
    if output is None:
        sys.stdout.write(text)
    else:
        replace_text(Path(output), text, "name another place with -o FILE")
    return len(answered)


def _as_text(rows: Sequence[Mapping[str, str]], columns: Sequence[str], form: str) -> str:
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for cells in (columns, *([row[column] for column in columns] for row in rows)):
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return text.getvalue()
