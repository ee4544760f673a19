"""The recorded answers of another system, from a file."""

from __future__ import annotations

__all__ = ["Predictions", "read_predictions"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crossover.errors import DataError
from crossover.records import Example, TaskSpec
from crossover.task.registry import read_table
from crossover.task.table import Table
from crossover.task.text import same_key
from crossover.task.wording import listed

ANSWER_NAMES = (
    "prediction",
    "predictions",
    "predicted",
    "pred",
    "answer",
    "output",
    "response",
    "predicted_label",
    "label",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Another system's answers to this task's test rows.

    Attributes:
        name: the file's stem; the arm's name.
        answers: example id -> answer, as it was recorded; an empty text is an answer, and a wrong one.
        missing: ids of the test examples without an answer.
        notes: how rows were matched.
    """

    name: str
    answers: Mapping[str, str]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def read_predictions(path: Path | str, test: Sequence[Example], spec: TaskSpec) -> Predictions:
    """Read recorded answers and match them with the test rows.

    A file with the task's input columns is matched by their text, so it may hold more rows and in any order. One
    without them must have exactly one row for each test example, in their order.

    Raises:
        DataError: the file cannot be read, has no column of answers, or does not fit the test rows.
    """
    path = Path(path)
    table = read_table(path)
    column = _answer_column(path.name, table, spec)
    answers = table.column(column)
    by_text = all(field in table.columns for field in spec.input_fields)
    matched, notes = (
        _by_text(path.name, table, answers, test, spec) if by_text else _by_order(path.name, answers, test, spec)
    )
    missing = tuple(example.id for example in test if example.id not in matched)
    return Predictions(
        name=path.stem, answers=matched, missing=missing, notes=(f'answers from column "{column}"', *notes)
    )


def _answer_column(name: str, table: Table, spec: TaskSpec) -> str:
    free = [column for column in table.columns if column not in spec.input_fields]
    folded = {column.strip().casefold(): column for column in free}
    for wanted in ANSWER_NAMES:
        if wanted in folded and folded[wanted] != spec.target_field:
            return folded[wanted]
    rest = [column for column in free if column != spec.target_field] or free
    if len(rest) == 1:
        return rest[0]
    raise DataError(
        f"{name}: which column holds the predictions?",
        "columns: " + listed(table.columns, at_most=20),
        'name it "prediction"',
    )


def _by_text(
    name: str, table: Table, answers: Sequence[str | None], test: Sequence[Example], spec: TaskSpec
) -> tuple[dict[str, str], list[str]]:
    columns = [table.column(field) for field in spec.input_fields]
    recorded: dict[str, tuple[str, int]] = {}
    contradicted: list[int] = []
    for place, answer in enumerate(answers):
        texts = {field: cells[place] or "" for field, cells in zip(spec.input_fields, columns, strict=True)}
        if answer is None:
            continue
        first, _ = recorded.setdefault(same_key(texts), (answer, table.rows[place]))
        if first != answer:
            contradicted.append(table.rows[place])
    matched = {
        example.id: recorded[same_key(example.inputs)][0] for example in test if same_key(example.inputs) in recorded
    }
    if not matched:
        raise DataError(
            f"{name}: none of its {len(answers):,} rows has the text of one of the {len(test):,} test rows.",
            f"matched by: {', '.join(spec.input_fields)}",
            f"for example test row {test[0].row}: {next(iter(test[0].inputs.values()))[:80]!r}",
            "are these predictions for the same test rows?",
        )
    notes = [f"{len(matched):,} of {len(test):,} test rows matched by their text"]
    if contradicted:
        notes.append(f"rows {listed(contradicted)} answer a text again and otherwise: the first answer counts")
    return matched, notes


def _by_order(
    name: str, answers: Sequence[str | None], test: Sequence[Example], spec: TaskSpec
) -> tuple[dict[str, str], list[str]]:
    if len(answers) != len(test):
        raise DataError(
            f"{name} has {len(answers):,} rows, the test has {len(test):,}: without the input they cannot be matched.",
            f"add the input as a column: {', '.join(spec.input_fields)}",
        )
    matched = {example.id: answer for example, answer in zip(test, answers, strict=True) if answer is not None}
    return matched, [f"{len(test):,} rows matched by their order: no input column to match by"]
