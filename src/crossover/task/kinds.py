"""Which kind of task a file holds."""

from __future__ import annotations

__all__ = ["check_kind_option", "kind_of"]

import re
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from crossover.errors import DataError, OptionError, closest
from crossover.languages import language
from crossover.records import KINDS, Kind
from crossover.task.columns import profile
from crossover.task.shapes import ANSWERS, SUMMARIES, answers_end_in_numbers
from crossover.task.table import Table
from crossover.task.wording import listed

MAX_NUMBER_LABELS = 50
_NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d+)*|\.\d+)\s*")


def check_kind_option(kind: str | None) -> Kind | None:
    """Return the kind that the user named.

    Raises:
        OptionError: there is no such kind.
    """
    if kind is None:
        return None
    for known in KINDS:
        if kind == known:
            return known
    near = closest(kind, KINDS)
    raise OptionError(
        f'there is no kind "{kind}".',
        "kinds: " + ", ".join(get_args(Kind)),
        *([f'did you mean "{near}"?'] if near else []),
    )


def kind_of(
    name: str, table: Table, target: str, answers: Sequence[str], *, kind: Kind | None
) -> tuple[Kind, str | None]:
    """Return the kind that a target column speaks of and the reason for it, or refuse what is no classification.

    Args:
        name: the file's name, for errors.
        table: the data file.
        target: the target column.
        answers: its values, one for each labelled row.
        kind: what the user said, or None.

    Raises:
        DataError: the kind is classification, said or for want of another, and the target is almost unique in every
            row, or a number with many values.
    """
    counts = Counter(answers)
    n_labels, n_rows = len(counts), len(answers)
    if kind is not None and kind != "classification":
        return kind, None
    if kind is None:
        guessed = _open_kind(table, target, answers)
        if guessed is not None:
            return guessed[0], f"kind: {guessed[0]}, {guessed[1]}"
    what, others = f'{name}: the target "{target}"', _other_targets(table, target)
    if n_labels > n_rows / 2:
        raise DataError(
            f"{what} has {n_labels:,} different values in {n_rows:,} rows: that is no classification.",
            f"for example {_examples(counts)}",
            "if the answers are free text, say of which kind: --kind "
            + "|".join(k for k in KINDS if k != "classification"),
            others,
        )
    if kind is None and n_labels > MAX_NUMBER_LABELS and all(_NUMBER.fullmatch(label) for label in counts):
        raise DataError(
            f"{what} is a number with {n_labels:,} different values: that is rather a measure than a label.",
            f"for example {_examples(counts)}",
            others,
            "if each number is a class of its own, say it: --kind classification",
        )
    if kind is not None:
        return kind, None
    return "classification", f"kind: classification, {n_labels} different labels in {n_rows:,} rows"


def _open_kind(table: Table, target: str, answers: Sequence[str]) -> tuple[Kind, str] | None:
    """Return the open kind that a target speaks of, with the reason; None where it may be a classification."""
    folded = target.strip().casefold()
    if profile(target, answers).holds == "JSON":
        return "extraction", f'"{target}" holds JSON'
    if len(set(answers)) <= len(answers) / 2:
        return None
    if answers_end_in_numbers(answers):
        return "math", f'the answers in "{target}" end in a number after ####'
    if folded.startswith(SUMMARIES):
        return "summarization", f'the target is named "{target}"'
    if folded == "translation" or language(target) is not None:
        return "translation", f'the target is named "{target}"'
    if folded in ("answer", "answers") and any(column.strip().casefold() == "question" for column in table.columns):
        return "qa", f'there are "question" and "{target}", and most answers differ'
    if folded in ANSWERS:
        return "generation", f'the target is named "{target}", and most values differ'
    return None


def _other_targets(table: Table, target: str | None) -> str:
    """Return the way out: columns that could be a classification's target."""
    few = [
        column
        for column in table.columns
        if column != target and profile(column, table.column(column)).holds == "few values"
    ]
    if few:
        return f"columns with few values: {listed(few)}; say which is the label: --target {few[0]}"
    return "columns: " + listed(table.columns, at_most=20) + "; say which is the label: --target COLUMN"


def _examples(counts: Counter[str]) -> str:
    return listed((f'"{label[:40]}"' for label in sorted(counts)[:3]), at_most=3)
