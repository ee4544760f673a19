"""Which kind of task a file holds, and whether this version can study it."""

from __future__ import annotations

__all__ = ["SUPPORTED", "check_kind", "refuse_open_kinds"]

import re
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from crossover.errors import DataError, OptionError, closest
from crossover.records import KINDS, Kind
from crossover.task.columns import OTHER_TARGET_NAMES, TARGET_NAMES, profile
from crossover.task.table import Table
from crossover.task.wording import listed

SUPPORTED: tuple[Kind, ...] = ("classification",)

MAX_NUMBER_LABELS = 50
_LANGUAGES = frozenset(
    [
        "en",
        "de",
        "fr",
        "es",
        "it",
        "pt",
        "nl",
        "pl",
        "cs",
        "ru",
        "uk",
        "zh",
        "ja",
        "ko",
        "ar",
        "tr",
        "sv",
        "da",
        "no",
        "fi",
        "hu",
        "ro",
        "el",
        "he",
        "hi",
        "vi",
        "th",
        "id",
    ]
)
_NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d+)*|\.\d+)\s*")


def check_kind_option(kind: str | None) -> Kind | None:
    """Return the kind that the user named, if this version can study it.

    Raises:
        OptionError: no such kind, or not yet.
    """
    if kind is None:
        return None
    for known in KINDS:
        if kind == known:
            if known in SUPPORTED:
                return known
            raise OptionError(f"kind {kind} is not supported yet.", "supported: " + ", ".join(SUPPORTED))
    near = closest(kind, KINDS)
    raise OptionError(
        f'there is no kind "{kind}".',
        "kinds: " + ", ".join(get_args(Kind)),
        *([f'did you mean "{near}"?'] if near else []),
    )


def refuse_open_kinds(name: str, table: Table) -> None:
    """Refuse files whose columns speak of a kind that this version cannot study, before a column is asked for.

    Raises:
        DataError: the columns are those of a chat, an extraction or a translation file, and none has a label's name.
    """
    names = {column.strip().casefold(): column for column in table.columns}
    if "messages" in names or "conversations" in names:
        raise _not_yet(name, "chat", f'it has a column "{names.get("messages") or names["conversations"]}"', table)
    if set(names) & {*TARGET_NAMES, *OTHER_TARGET_NAMES}:
        return
    nested = [
        column
        for folded, column in names.items()
        if folded in ("entities", "slots", "spans", "tags") and profile(column, table.column(column)).holds == "JSON"
    ]
    if nested:
        raise _not_yet(name, "extraction", f'column "{nested[0]}" holds JSON', table)
    if len(set(names) & _LANGUAGES) >= 2:
        raise _not_yet(name, "translation", "two columns are named as languages", table)


def check_kind(
    name: str, table: Table, target: str, labels: Sequence[str], *, kind: Kind | None
) -> tuple[Kind, str | None]:
    """Return the kind and the reason for it, or refuse what is no classification.

    Args:
        name: the file's name, for errors.
        table: the data file.
        target: the target column.
        labels: its values, one for each labelled row.
        kind: what the user said, or None.

    Raises:
        DataError: the target is almost unique in every row, long text, JSON, or a number with many values.
    """
    counts = Counter(labels)
    n_labels, n_rows = len(counts), len(labels)
    what = f'{name}: the target "{target}"'
    others = _other_targets(table, target)
    if kind is None:
        guessed = _open_kind(table, target, labels)
        if guessed is not None:
            raise _not_yet(name, guessed[0], guessed[1], table, target)
    if n_labels > n_rows / 2:
        raise DataError(
            f"{what} has {n_labels:,} different values in {n_rows:,} rows: that is no classification.",
            f"for example {_examples(counts)}",
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


def _open_kind(table: Table, target: str, labels: Sequence[str]) -> tuple[Kind, str] | None:
    """Return the open kind that a target speaks of, with the reason; None where it may be a classification."""
    folded = target.strip().casefold()
    if profile(target, labels).holds == "JSON":
        return "extraction", f'the target "{target}" holds JSON'
    if len(set(labels)) <= len(labels) / 2:
        return None
    if sum("####" in label for label in labels) > len(labels) / 2:
        return "math", f'the answers in "{target}" end in a number after ####'
    if folded in ("summary", "highlights", "abstract"):
        return "summarization", f'the target is named "{target}"'
    if folded == "translation":
        return "translation", f'the target is named "{target}"'
    if folded == "answer" and any(column.strip().casefold() == "question" for column in table.columns):
        return "qa", f'there are "question" and "{target}", and most answers differ'
    if folded in ("output", "outputs", "completion", "response", "reply"):
        return "generation", f'the target is named "{target}", and most values differ'
    return None


def _not_yet(name: str, kind: Kind, reason: str, table: Table, target: str | None = None) -> DataError:
    return DataError(
        f"{name} looks like {kind} ({reason}): kind {kind} is not supported yet.",
        "supported: " + ", ".join(SUPPORTED),
        _other_targets(table, target),
    )


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
