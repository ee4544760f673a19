"""Rows that belong together: one customer's, one document's. They are on one side, and count together."""

from __future__ import annotations

__all__ = ["Groups", "draw_groups", "drop_shared_groups", "groups_of"]

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from crossover.errors import DataError, closest
from crossover.task.check import SetAside
from crossover.task.clean import Row
from crossover.task.columns import profile
from crossover.task.split import shuffled
from crossover.task.table import Table
from crossover.task.tables import Tables
from crossover.task.wording import listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Row number -> group, for either side; a row without a value is a group of its own."""

    column: str
    train: Mapping[int, str]
    test: Mapping[int, str]

    def of_train(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """Return the rows with their groups."""
        return tuple(replace(row, group=self.train.get(row.number)) for row in rows)

    def of_test(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """Return the test file's rows with their groups."""
        return tuple(replace(row, group=self.test.get(row.number)) for row in rows)

    def notes(self, train: Sequence[Row], test: Sequence[Row]) -> tuple[str, ...]:
        """Say how many groups there are, and where they say nothing."""
        counts = [(len({row.group or row.number for row in side}), len(side)) for side in (train, test)]
        (n_train, rows_train), (n_test, rows_test) = counts
        if n_train == rows_train and n_test == rows_test:
            return (f'"{self.column}" is another in every row: no rows belong together',)
        sides = f"{n_train:,} groups to train with, {n_test:,} in the test"
        return (f'"{self.column}" says which rows belong together: {sides}; none is on both sides',)


def groups_of(
    tables: Tables, column: str | None, *, input: str | Sequence[str] | None, target: str | None
) -> tuple[Tables, Groups | None]:
    """Return the tables as columns are inferred from them, and the groups.

    A column that holds ids or few values is taken out of the tables, so that it is not inferred to be the target. One
    that holds text may be an input as well (a passage with several questions), and one that the user names as an input
    stays, too.

    Raises:
        DataError: a file has not the column, it is the target, or all rows are of one group.
    """
    if column is None:
        return tables, None
    source = tables.source
    sides = [(source.name, source.table), *filter(None, (tables.held_out,))]
    for name, table in sides:
        if column not in table.columns:
            near = closest(column, table.columns)
            raise DataError(
                f'{name} has no column "{column}", which --group names.',
                "columns: " + listed(table.columns, at_most=20),
                *([f"did you mean --group {near}?"] if near else []),
            )
    if column == target:
        raise DataError(f'column "{column}" is both the target and what rows are grouped by.', "name another: --group")
    train, *test = [_by_number(table, column) for _, table in sides]
    if not test and len(set(train.values())) == 1 and len(train) == len(source.table.rows):
        raise DataError(
            f'{source.name}: column "{column}" is the same in all rows: one group cannot be on two sides.',
            "name a column with several values: --group, or give a test file: --test FILE",
        )
    named = {input} | {part.strip() for part in input.split(",")} if isinstance(input, str) else {*(input or ())}
    if column not in named and profile(column, source.table.column(column)).holds != "text":
        held_out = tables.held_out
        tables = replace(
            tables,
            source=replace(source, table=_without(source.table, column)),
            held_out=None if held_out is None else (held_out[0], _without(held_out[1], column)),
        )
    return tables, Groups(column=column, train=train, test=test[0] if test else train)


def _by_number(table: Table, column: str) -> dict[int, str]:
    cells = zip(table.rows, table.column(column), strict=True)
    return {number: cell.strip() for number, cell in cells if cell is not None and cell.strip()}


def _without(table: Table, column: str) -> Table:
    place = table.columns.index(column)
    return replace(
        table,
        columns=(*table.columns[:place], *table.columns[place + 1 :]),
        cells=tuple((*row[:place], *row[place + 1 :]) for row in table.cells),
    )


def draw_groups(rows: Sequence[Row], n: int, *, seed: int, barred: Iterable[int] = ()) -> set[int]:
    """Return the numbers of about `n` rows for the test: whole groups, each label near its share, a row of each label
    left for training.

    In a seeded order each group is taken that brings the labels' counts nearer to their shares (in squares), so that
    a group that is larger than what is wanted stays on the training side.

    Args:
        rows: each text once.
        n: rows to draw, about.
        seed: another seed draws others.
        barred: numbers of rows that must not be drawn: their groups stay whole on the training side.
    """
    out = set(barred)
    members: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        members[f"of {row.group}" if row.group is not None else f"row {row.number}"].append(row)
    counts = Counter(row.stratum for row in rows)
    wanted = {label: n * count / len(rows) for label, count in counts.items()}
    taken: Counter[str] = Counter()
    drawn: set[int] = set()
    for name in shuffled(members, f"crossover.split/{seed}/groups"):
        group = members[name]
        if any(row.number in out for row in group):
            continue
        adds = Counter(row.stratum for row in group)
        nearer = sum(
            (wanted[label] - taken[label]) ** 2 - (wanted[label] - taken[label] - more) ** 2
            for label, more in adds.items()
        )
        if nearer > 0 and all(taken[label] + more < counts[label] for label, more in adds.items()):
            taken += adds
            drawn |= {row.number for row in group}
    return drawn


def drop_shared_groups(file: str, test: Sequence[Row], train: Sequence[Row]) -> tuple[list[Row], list[SetAside]]:
    """Return the test rows without those whose group is in the training rows."""
    first: dict[str, int] = {}
    for row in train:
        if row.group is not None:
            first.setdefault(row.group, row.number)
    kept = [row for row in test if row.group is None or row.group not in first]
    aside = [
        SetAside(file=file, row=row.number, reason="shared_group", other_row=first[row.group])
        for row in test
        if row.group is not None and row.group in first
    ]
    return kept, aside
