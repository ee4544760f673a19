"""The two sides of a task, training and test, from one file or from two."""

from __future__ import annotations

__all__ = ["MIN_ROWS", "Sides", "check_has_rows", "check_rows", "sides_of_one_file", "sides_of_two_files"]

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crossover.errors import DataError, OptionError, closest
from crossover.metrics.labels import label_key
from crossover.task.check import SetAside
from crossover.task.clean import Row, drop_leaks, keep_one_of_each, labelled_rows, near_rows
from crossover.task.columns import Columns, further_references
from crossover.task.groups import draw_groups, drop_shared_groups
from crossover.task.split import DEFAULT_TEST_ROWS, WRITTEN_TEST_ROWS, default_test_size, draw
from crossover.task.table import Table
from crossover.task.wording import counted, listed

MIN_ROWS = 5
"""Rows that each side needs at the very least; far more are needed to tell anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The rows of both sides in their files' order, each text once in all, and what was set aside on the way."""

    train: tuple[Row, ...]
    test: tuple[Row, ...]
    aside: tuple[SetAside, ...] = ()
    near: tuple[tuple[int, int], ...] = ()
    n_undrawn: int = 0
    notes: tuple[str, ...] = ()


def check_rows(name: str, columns: Columns, table: Table, rows: Sequence[Row], *, needed: int) -> None:
    """Check that there is something to learn: enough labelled rows, and two labels.

    Raises:
        DataError: there is not.
    """
    target = columns.target
    if not rows and not any(label and label.strip() for label in table.column(target)):
        raise DataError(
            f'{name}: column "{target}" is empty in all {len(table.rows):,} rows: there is no label to learn from.',
            "columns: " + listed(table.columns, at_most=20),
            "fill it, or name another column: --target COLUMN",
        )
    labels = Counter(row.target for row in rows)
    if len(rows) < needed:
        raise DataError(
            f"{name} has {counted(len(rows), 'row')} with an input and a label; a study needs at least {needed}.",
            "some hundreds are needed to tell methods apart",
        )
    if len(labels) == 1 and "" not in labels:
        raise DataError(
            f'{name}: all {len(rows):,} rows have the label "{next(iter(labels))}": there is nothing to tell apart.',
            f'add rows of other labels to "{target}", or name another column: --target COLUMN',
        )


def sides_of_one_file(name: str, rows: Sequence[Row], *, test_size: int | None, seed: int) -> Sides:
    """Split one file's rows, stratified and seeded.

    Each text is on one side only, because repeated ones are resolved before; rows that are nearly the same stay on the
    training side together. Every label with two rows or more keeps one for training and, if it can, one for the test.
    """
    kept, aside = keep_one_of_each(name, rows)
    counts = Counter(row.stratum for row in kept)
    _check_kept(name, len(kept), 2 * MIN_ROWS, counts, aside)
    most = len(kept) - max(len(counts), MIN_ROWS)
    if test_size is not None and test_size > most:
        raise OptionError(
            f"--test-size {test_size:,} leaves too few of {name}'s {len(kept):,} usable rows for training.",
            f"allowed: {MIN_ROWS} to {most:,}",
        )
    # Without wanted answers nothing can be learned: all are for the test, but for inputs that methods may look at.
    has_answers = any(row.target for row in kept)
    wanted = test_size or (default_test_size(len(kept), _most(kept)) if has_answers else min(most, _most(kept)))
    near = near_rows(kept)
    barred = {number for pair in near for number in pair}
    grouped = any(row.group is not None for row in kept)
    if grouped:
        drawn = draw_groups(kept, wanted, seed=seed, barred=barred)
    else:
        drawn = draw(kept, wanted, seed=seed, barred=barred, leave_one=True)
    notes = [f"test: {len(drawn):,} of {len(kept):,} usable rows, {_drawn_how(kept)} {seed}"]
    if len(drawn) < MIN_ROWS and grouped:
        raise DataError(
            f"{name}: only {counted(len(drawn), 'row')} of {len(kept):,} can be held out in whole groups.",
            "groups of fewer rows are needed, or a test file of its own: --test FILE; or leave --group out",
        )
    if len(drawn) < MIN_ROWS:
        raise DataError(
            f"{name}: only {counted(len(drawn), 'row')} of {len(kept):,} can be held out:"
            f" the others are nearly the same as another (rows {listed(f'{a} and {b}' for a, b in near[:4])}).",
            "a test on them would measure memory; give a test file of its own: --test FILE",
        )
    if grouped and len(drawn) != wanted:
        notes.append(f"{wanted:,} test rows were wanted; groups are held out whole")
    elif len(drawn) < wanted:
        notes.append(f"{wanted:,} test rows were wanted; rows that are nearly the same as another are not held out")
    untested = sorted(counts.keys() - {row.stratum for row in kept if row.number in drawn})
    if untested:
        notes.append(f"labels without a test row: {listed(untested)}")
    return Sides(
        train=tuple(row for row in kept if row.number not in drawn),
        test=tuple(row for row in kept if row.number in drawn),
        aside=tuple(aside),
        near=near,
        notes=tuple(notes),
    )


def sides_of_two_files(
    train_name: str,
    rows: Sequence[Row],
    test_name: str,
    table: Table,
    columns: Columns,
    *,
    test_size: int | None,
    seed: int,
    with_strata: Callable[[str, Sequence[Row]], tuple[list[Row], list[SetAside]]],
    rules_suffice: bool = False,
) -> Sides:
    """Take the test from a file of its own, without rows that leak from the training file, drawn down to the test size.

    `with_strata` does to a file's rows what was done to `rows`: it says by what they are drawn, and sets rows aside
    whose target is not of the task's form. `rules_suffice` as in `labelled_rows`.

    Raises:
        DataError: a column is missing in it, too few rows are left, or it has a label that the training file has not.
    """
    kept, aside = keep_one_of_each(train_name, rows)
    _check_kept(train_name, len(kept), MIN_ROWS, Counter(row.stratum for row in kept), aside)
    for column in (*columns.inputs, columns.target):
        if column not in table.columns:
            raise DataError(
                f'{test_name} has no column "{column}", which {train_name} has.',
                "columns: " + listed(table.columns, at_most=20),
                "both files need the same names for the input and the target",
            )
    found, missing = labelled_rows(
        test_name,
        table,
        columns.inputs,
        columns.target,
        references=further_references(table, columns.target),
        checks=columns.checks,
        rules_suffice=rules_suffice,
    )
    test_rows, formless = with_strata(test_name, found)
    missing += formless
    _check_test_rows(test_name, columns, table, test_rows)
    _check_labels(train_name, kept, test_name, test_rows)
    single, repeated = keep_one_of_each(test_name, test_rows)
    clean, leaks = drop_leaks(test_name, single, rows)
    clean, shared = drop_shared_groups(test_name, clean, rows)
    aside += missing + repeated + leaks + shared
    if len(clean) < MIN_ROWS:
        raise DataError(
            f"{test_name}: {len(clean)} of {len(test_rows):,} labelled rows are usable, of at least {MIN_ROWS}.",
            f"{len(leaks):,} are also in {train_name}, {len(repeated):,} are repeated or contradict each other",
            *([f"{len(shared):,} are of a group that is also in {train_name}"] if shared else []),
            "is it the same file, or a part of it? leave --test out and rows are held out",
        )
    wanted = test_size if test_size is not None else _most(clean)
    drawn = draw(clean, wanted, seed=seed) if wanted < len(clean) else {row.number for row in clean}
    further = [c for c in further_references(table, columns.target) if c not in columns.references]
    notes = [f"{test_name}: further references: {listed(further)}"] if further else []
    if len(drawn) < len(clean):
        notes.append(
            f"test: {len(drawn):,} of {len(clean):,} usable rows, {_drawn_how(clean)} {seed}"
            f"; --test-size {len(clean)} takes all"
        )
    elif test_size is not None and test_size > len(clean):
        notes.append(f"test: {test_size:,} rows were asked for, {test_name} has {len(clean):,} that can be used")
    untested = sorted({row.stratum for row in kept} - {row.stratum for row in clean})
    if untested:
        notes.append(f"labels without a test row: {listed(untested)}")
    return Sides(
        train=tuple(kept),
        test=tuple(row for row in clean if row.number in drawn),
        aside=tuple(aside),
        near=(),
        n_undrawn=len(clean) - len(drawn),
        notes=tuple(notes),
    )


def check_has_rows(name: str, table: Table) -> None:
    """Check that a table is more than a header.

    Raises:
        DataError: it is not.
    """
    if not table.rows:
        raise DataError(f"{name} has a header and no rows.", "columns: " + listed(table.columns, at_most=20))


def _check_test_rows(name: str, columns: Columns, table: Table, rows: Sequence[Row]) -> None:
    """Check that a test file has labelled rows.

    Raises:
        DataError: it has not.
    """
    check_has_rows(name, table)
    if len(rows) < MIN_ROWS:
        raise DataError(
            f'{name} has {counted(len(rows), "row")} with "{columns.target}"; at least {MIN_ROWS} are needed.',
            "a test file needs the right answers too; leave --test out and rows are held out",
        )


def _most(rows: Sequence[Row]) -> int:
    """Return how many test rows are taken at most where nobody says how many."""
    return DEFAULT_TEST_ROWS if any(row.stratum for row in rows) else WRITTEN_TEST_ROWS


def _drawn_how(rows: Sequence[Row]) -> str:
    return "stratified, seed" if any(row.stratum for row in rows) else "drawn with seed"


def _check_kept(name: str, n_kept: int, needed: int, counts: Counter[str], aside: Sequence[SetAside]) -> None:
    if n_kept >= needed and (len(counts) > 1 or "" in counts):
        return
    conflicts = [row.row for row in aside if row.reason == "conflict"]
    repeated = [row.row for row in aside if row.reason == "duplicate"]
    details = [f"rows whose text has several labels: {listed(conflicts)}"] if conflicts else []
    details += [f"rows that repeat another: {listed(repeated)}"] if repeated else []
    what = f"{n_kept} rows" if n_kept < needed else f'only the label "{next(iter(counts))}"'
    raise DataError(
        f"{name}: {what} left after setting repeated texts aside; a study needs {needed} rows and 2 labels.", *details
    )


def _check_labels(train_name: str, train: Sequence[Row], test_name: str, test: Sequence[Row]) -> None:
    known = {row.stratum for row in train}
    unknown: dict[str, list[int]] = defaultdict(list)
    for row in test:
        if row.stratum not in known:
            unknown[row.stratum].append(row.number)
    if not unknown:
        return
    spelled = {label_key(label): label for label in known}
    lines = []
    for label, numbers in sorted(unknown.items())[:8]:
        near = spelled.get(label_key(label)) or closest(label, known)
        hint = f'; did you mean "{near}"?' if near else ""
        lines.append(f'"{label}": rows {listed(numbers, at_most=5)}{hint}')
    raise DataError(
        f"{test_name} has {counted(len(unknown), 'label')} that {train_name} has not: nothing could learn that.",
        *lines,
        *([f"and {len(unknown) - len(lines)} more"] if len(unknown) > len(lines) else []),
        f"labels of {train_name}: {listed(sorted(known), at_most=20)}",
        "add training rows with these labels, or take the test rows out",
    )
