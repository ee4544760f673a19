"""What was read, what was inferred and what was set aside: the part of a task that a person checks."""

from __future__ import annotations

__all__ = ["REASONS", "ClassCount", "DataCheck", "FileRead", "Reason", "SetAside"]

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from crossover.records import Kind
from crossover.task.table import Layout
from crossover.task.wording import counted, listed

Reason = Literal[
    "no_label",
    "empty_input",
    "too_many_fields",
    "cut_off",
    "not_json",
    "duplicate",
    "conflict",
    "leak",
    "near_leak",
    "shared_group",
]

MOST_LABELS = 40
"""Of more labels a report does not list how many rows each has: `crossover check` does."""

REASONS: Mapping[Reason, tuple[str, str]] = {
    "no_label": ("row without a label", "rows without a label"),
    "empty_input": ("row without an input", "rows without an input"),
    "too_many_fields": ("row with more fields than the header", "rows with more fields than the header"),
    "cut_off": ("row that is cut off at the file's end", "rows that are cut off at the file's end"),
    "not_json": ("row whose target is no JSON", "rows whose target is no JSON"),
    "duplicate": ("repeated text", "repeated texts"),
    "conflict": ("row whose text has several labels", "rows whose text has several labels"),
    "leak": ("test row that is also in the training data", "test rows that are also in the training data"),
    "near_leak": ("test row that is nearly in the training data", "test rows that are nearly in the training data"),
    "shared_group": ("test row whose group is in the training data", "test rows whose group is in the training data"),
}
"""Reason -> what one such row and what several are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """One row that takes no part.

    Attributes:
        other_row: the row that it repeats, contradicts or leaks from, if any.
        text: the beginning of its input; "" where it was not read.
        answer: the beginning of its target, if it has one.
    """

    file: str
    row: int
    reason: Reason
    other_row: int | None = None
    text: str = ""
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    """One data file: its name, what it was read as, and its size. `n_found` rows are in it, `n_rows` were read."""

    name: str
    format: str
    n_rows: int
    columns: tuple[str, ...]
    sha256: str
    layout: Layout = field(default_factory=Layout)
    n_found: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """One label's rows in the two splits."""

    label: str
    n_train: int
    n_test: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """What happened between the data file and the task.

    Attributes:
        files: the data file, then the test file where there is one.
        input_fields, target_field, kind: what the task uses.
        reasons: why: one sentence for each thing that was inferred and not said by the user.
        unused_columns: columns that nothing reads.
        set_aside: every row that takes no part, with the reason.
        near_duplicates: rows of one file that are nearly the same (smaller row first); they stay, on the training side.
        n_undrawn: usable test rows that were not drawn, because the test size is smaller.
        class_counts: the labels by falling number of training rows.
        spellings: groups of labels that differ only in case, spaces or punctuation; never merged.
        notes: sentences about what was decided on the way.
        labels_inside: rows of the first file whose input already holds their own label; they stay.
    """

    files: tuple[FileRead, ...]
    input_fields: tuple[str, ...]
    target_field: str
    kind: Kind
    reasons: tuple[str, ...] = ()
    unused_columns: tuple[str, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    near_duplicates: tuple[tuple[int, int], ...] = ()
    n_undrawn: int = 0
    class_counts: tuple[ClassCount, ...] = ()
    spellings: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    labels_inside: tuple[int, ...] = ()

    def rows(self, reason: Reason, file: str | None = None) -> tuple[int, ...]:
        """Return the numbers of the rows that were set aside for a reason, of one file or of all."""
        return tuple(row.row for row in self.set_aside if row.reason == reason and file in (None, row.file))

    def summary(self) -> tuple[str, ...]:
        """Return the check in a few lines, as `crossover run` shows them first.

        >>> check.summary()
        ('486 rows · text → intent · classification, 8 labels (smallest: refund_status, 21 rows)',
         '3 rows without a label and 5 repeated texts set aside')
        """
        n_rows = sum(file.n_rows for file in self.files)
        kind: str = self.kind
        if self.class_counts:
            n_smallest, smallest = min((count.n_train + count.n_test, count.label) for count in self.class_counts)
            kind += f", {len(self.class_counts)} labels (smallest: {smallest}, {counted(n_smallest, 'row')})"
        lines = [f"{n_rows:,} rows · {', '.join(self.input_fields)} → {self.target_field} · {kind}"]
        counts = Counter(row.reason for row in self.set_aside)
        aside = [counted(counts[reason], one, many) for reason, (one, many) in REASONS.items() if counts[reason]]
        if aside:
            lines.append(" and ".join(filter(None, (", ".join(aside[:-1]), aside[-1]))) + " set aside")
        lines += [f"one label in several spellings? {listed(map(repr, group))}: kept apart" for group in self.spellings]
        return tuple(lines)

    def lines(self) -> tuple[str, ...]:
        """Return all that a report says of the data: the summary, what was decided, near duplicates, rows a label."""
        near = len(self.near_duplicates)
        alike = f"{counted(near, 'pair')} of nearly equal rows, on the training side" if near else ""
        counts = ", ".join(f"{count.label} {count.n_train:,} + {count.n_test:,}" for count in self.class_counts)
        labels = f"rows to learn from + test rows: {counts}" if 0 < len(self.class_counts) <= MOST_LABELS else ""
        return (*self.summary(), *self.notes, *filter(None, (alike, labels)))
