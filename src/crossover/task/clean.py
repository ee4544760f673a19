"""From a table's rows to the rows that can be used, and the others by number and reason."""

from __future__ import annotations

__all__ = ["Row", "drop_leaks", "keep_one_of_each", "labelled_rows", "near_rows"]

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from crossover.metrics.labels import label_key
from crossover.records import Inputs
from crossover.task.check import SetAside
from crossover.task.conversations import said
from crossover.task.table import Table
from crossover.task.text import near_pairs, same_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row with an input and an answer, or with rules that an answer must keep.

    Attributes:
        target: the wanted answer; "" where only rules say what is wanted.
        key: equal for texts that count as the same.
        stratum: the label, by which rows are drawn in proportion; empty for tasks without labels.
        references: further answers that are as good as the target.
        checks: rules that an answer must keep, as JSON text.
        group: what other rows it belongs together with; None: it stands alone.
    """

    number: int
    inputs: Inputs
    target: str
    key: str
    stratum: str = ""
    references: tuple[str, ...] = ()
    checks: str | None = None
    group: str | None = None


def labelled_rows(
    file: str,
    table: Table,
    inputs: Sequence[str],
    target: str,
    *,
    references: Sequence[str] = (),
    checks: str | None = None,
    rules_suffice: bool = False,
) -> tuple[list[Row], list[SetAside]]:
    """Return the rows that have an input and a label, as they are in the file, and those that lack one.

    Args:
        file: its name.
        table: the data file.
        inputs: columns that the model reads.
        target: column with the wanted answers.
        references: columns with further answers, as far as the table has them.
        checks: the column with rules that answers must keep, if there is one.
        rules_suffice: a row with rules needs no wanted answer.
    """
    rows: list[Row] = []
    aside: list[SetAside] = []
    columns = [table.column(column) for column in inputs]
    further = [table.column(column) for column in references if column in table.columns]
    rules = table.column(checks) if checks in table.columns else (None,) * len(table.rows)
    for place, (number, label) in enumerate(zip(table.rows, table.column(target), strict=True)):
        texts = {name: cells[place] or "" for name, cells in zip(inputs, columns, strict=True)}
        is_answered = label is not None and bool(label.strip())
        if not is_answered and not (rules_suffice and (rules[place] or "").strip()):
            aside.append(SetAside(file=file, row=number, reason="no_label"))
        elif not any(text.strip() for text in texts.values()):
            aside.append(SetAside(file=file, row=number, reason="empty_input"))
        else:
            others = tuple(text for cells in further if (text := cells[place] or "").strip())
            key = same_key(said(texts))
            target_text = label if is_answered and label is not None else ""
            rows.append(
                Row(number=number, inputs=texts, target=target_text, key=key, references=others, checks=rules[place])
            )
    return rows, aside


def keep_one_of_each(file: str, rows: Sequence[Row]) -> tuple[list[Row], list[SetAside]]:
    """Return the rows with each text once: the first of equal ones; none where their labels contradict each other.

    Labels that differ only in case, spaces or punctuation do not contradict each other. Where there are no labels, the
    other answers to a text are further references of its first row.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.key].append(row)
    kept: list[Row] = []
    aside: list[SetAside] = []
    for row in rows:
        group = groups[row.key]
        labels = {label_key(other.stratum) for other in group}
        if len(labels) > 1:
            against = next(other.number for other in group if label_key(other.stratum) != label_key(row.stratum))
            aside.append(SetAside(file=file, row=row.number, reason="conflict", other_row=against))
        elif row is group[0]:
            kept.append(row if row.stratum or len(group) == 1 else _with_all_answers(group))
        else:
            aside.append(SetAside(file=file, row=row.number, reason="duplicate", other_row=group[0].number))
    return kept, aside


def drop_leaks(file: str, test: Sequence[Row], train: Sequence[Row]) -> tuple[list[Row], list[SetAside]]:
    """Return the test rows without those whose text is in the training rows, or nearly so with the same label.

    A test row that is nearly a training row of another label stays: remembering the one does not answer the other.
    """
    first: dict[str, int] = {}
    for row in train:
        first.setdefault(row.key, row.number)
    near: dict[int, int] = {}
    for mine, theirs, _ in near_pairs([row.key for row in test], [row.key for row in train]):
        if test[mine].stratum == train[theirs].stratum:
            near.setdefault(mine, train[theirs].number)
    kept: list[Row] = []
    aside: list[SetAside] = []
    for place, row in enumerate(test):
        if row.key in first:
            aside.append(SetAside(file=file, row=row.number, reason="leak", other_row=first[row.key]))
        elif place in near:
            aside.append(SetAside(file=file, row=row.number, reason="near_leak", other_row=near[place]))
        else:
            kept.append(row)
    return kept, aside


def near_rows(rows: Sequence[Row]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of row numbers that are nearly the same text with the same label."""
    pairs = near_pairs([row.key for row in rows])
    return tuple((rows[a].number, rows[b].number) for a, b, _ in pairs if rows[a].stratum == rows[b].stratum)


def _with_all_answers(group: Sequence[Row]) -> Row:
    """Return the first row with the targets of all as its references."""
    answers = dict.fromkeys(answer for row in group for answer in (row.target, *row.references))
    return replace(group[0], references=tuple(answer for answer in answers if answer not in ("", group[0].target)))
