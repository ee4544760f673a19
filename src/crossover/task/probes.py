"""The user's own probes, from files: what a model shall still know after it was adapted."""

from __future__ import annotations

__all__ = ["MAX_ROWS", "read_probe"]

import hashlib
from pathlib import Path

from crossover.errors import DataError
from crossover.records import Probe, ProbeRow
from crossover.task.choices import find_pointed
from crossover.task.registry import read_table
from crossover.task.table import ReadOptions, Table
from crossover.task.wording import listed

MAX_ROWS = 500
"""Of more rows a sample is drawn: every trial answers them all."""

_CONTEXTS = ("question", "ctx", "context", "query", "prompt", "text", "sentence", "premise")
_CONTINUATIONS = ("continuation", "completion", "target", "answer", "last_word")
_NEEDED = "choice: question (or ctx), choices (a list), label (which is right); cloze: context, continuation"


def read_probe(path: Path | str) -> Probe:
    r"""Read a probe file: multiple choice, or texts with their continuation (cloze). Its columns' names say which.

    Choice as ARC and HellaSwag have it, a question in the form "Question: …\nAnswer:" that the lm-evaluation-harness
    gives ARC's; cloze as LAMBADA has it. Rows without a context, options or an answer are left out.

    Raises:
        DataError: the file cannot be read, its columns are of neither sort, or no row can be used.
    """
    path = Path(path)
    table = read_table(path, ReadOptions(max_rows=MAX_ROWS))
    folded = {column.strip().casefold(): column for column in table.columns}
    context = next((folded[name] for name in _CONTEXTS if name in folded), None)
    if context is None:
        raise DataError(
            f"{path.name} has no column that a probe begins with.",
            "columns: " + listed(table.columns, at_most=20),
            _NEEDED,
        )
    rows = _choice_rows(table, context)
    kind = "choice" if rows is not None else "cloze"
    if rows is None:
        continuation = next((folded[name] for name in _CONTINUATIONS if name in folded), None)
        if continuation is None or continuation == context:
            raise DataError(
                f'{path.name} has "{context}", but neither choices with one that is right nor a continuation.',
                "columns: " + listed(table.columns, at_most=20),
                _NEEDED,
                "a label is the right option's number (from 0 or 1), its letter or its words, the same way in all rows",
            )
        rows = _cloze_rows(table, context, continuation)
    if not rows:
        raise DataError(
            f"{path.name} has no row that can be used as a {kind} probe.",
            f"of {len(table.rows):,} rows each lacks a context or what follows it: fill in at least one",
            _NEEDED,
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Probe(name=path.stem, kind="choice" if kind == "choice" else "cloze", rows=rows, sha256=digest)


def _choice_rows(table: Table, context: str) -> tuple[ProbeRow, ...] | None:
    found = find_pointed(table)
    if found is None or context in (found.options, found.right):
        return None
    asks = context.strip().casefold() == "question"
    return tuple(
        ProbeRow(
            context=f"Question: {cell.strip()}\nAnswer:" if asks else cell.rstrip(), options=tuple(options), right=place
        )
        for cell, options, place in zip(table.column(context), found.lists, found.places, strict=True)
        if cell is not None and cell.strip() and options is not None and place is not None
    )


def _cloze_rows(table: Table, context: str, continuation: str) -> tuple[ProbeRow, ...]:
    return tuple(
        ProbeRow(context=before.rstrip(), options=(after.strip(),))
        for before, after in zip(table.column(context), table.column(continuation), strict=True)
        if before is not None and before.strip() and after is not None and after.strip()
    )
