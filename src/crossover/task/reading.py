"""How a table is read as a task: its columns, the kind and the metric, by the user's word, the file's, or inferred."""

from __future__ import annotations

__all__ = ["Asked", "Reading", "read_as"]

from collections.abc import Sequence
from dataclasses import dataclass

from crossover.metrics import metric_for
from crossover.records import Kind
from crossover.task.check import SetAside
from crossover.task.choices import find_choices, input_columns, like
from crossover.task.clean import Row, labelled_rows
from crossover.task.columns import Columns, choose_columns
from crossover.task.kinds import kind_of
from crossover.task.shapes import shaped
from crossover.task.sides import MIN_ROWS, check_has_rows, check_rows
from crossover.task.table import Table
from crossover.task.tables import Tables
from crossover.template import parse, validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user says of a task; what is None is for the file to say, or to infer."""

    input: str | Sequence[str] | None
    target: str | None
    kind: Kind | None
    metric: str | None
    instruction: str | None
    input_template: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the tables are read.

    Attributes:
        table: the rows to learn from; multiple choice is lettered in it.
        held_out: name and rows of the test, read the same way.
        columns: which are read.
        rows: those of `table` that can be used.
        aside: those that cannot, and why.
        kind, metric: of the task.
        reasons: why it is read so.
        instruction, input_template: the user's, or the file's.
        rules_suffice: whether a row with rules needs no wanted answer.
    """

    table: Table
    held_out: tuple[str, Table] | None
    columns: Columns
    rows: tuple[Row, ...]
    aside: tuple[SetAside, ...]
    kind: Kind
    metric: str
    reasons: tuple[str, ...]
    instruction: str | None
    input_template: str | None
    rules_suffice: bool


def read_as(tables: Tables, asked: Asked) -> Reading:
    """Choose columns, kind and metric, and take the rows that have what they need.

    A user's own word goes before the file's.

    Raises:
        DataError: columns or kind stay in doubt, or too few rows can be used.
        OptionError: a metric is not the kind's, or --input-template does not fit the columns.
    """
    name, table, told, held_out = tables.source.name, tables.source.table, tables.source.said, tables.held_out
    chose_columns = asked.input is not None or asked.target is not None
    inputs, target = (asked.input, asked.target) if chose_columns else (told.inputs or None, told.target)
    said_kind, metric = asked.kind or told.kind, asked.metric or told.metric
    chosen = find_choices(table, target=target) if inputs is None and said_kind in (None, "qa") else None
    if chosen is not None:
        table = chosen.table
        held_out = None if held_out is None else (held_out[0], like(*held_out, chosen))
        inputs, target, metric = input_columns(name, chosen), chosen.target, metric or "choice_accuracy"
    template = asked.input_template
    if template is not None:
        parsed = parse(template, where="--input-template")
        validate(parsed, allowed=table.columns, needed=table.columns, where="--input-template")
        inputs = inputs or tuple(dict.fromkeys(parsed.fields))
    check_has_rows(name, table)
    columns, kind, reason = _columns_and_kind(name, table, inputs, target, said_kind)
    if chosen is not None:
        kind, reason = "qa", chosen.reason
    rules_suffice = said_kind in ("chat", "generation") and metric in (None, "rules") and _is_ruled(table, columns)
    rows, aside = labelled_rows(
        name,
        table,
        columns.inputs,
        columns.target,
        references=columns.references,
        checks=columns.checks,
        rules_suffice=rules_suffice,
    )
    check_rows(name, columns, table, rows, needed=MIN_ROWS if held_out else 2 * MIN_ROWS)
    if kind is None:
        kind, reason = kind_of(name, table, columns.target, [row.target for row in rows], kind=said_kind)
    return Reading(
        table=table,
        held_out=held_out,
        columns=columns,
        rows=tuple(rows),
        aside=tuple(aside),
        kind=kind,
        metric=metric_for(kind, metric, has_checks=all(row.checks for row in rows)).name,
        reasons=(*columns.reasons, *filter(None, (reason,))),
        instruction=asked.instruction if asked.instruction is not None else told.instruction,
        input_template=told.input_template if template is None and told.fits(columns.inputs) else template,
        rules_suffice=rules_suffice,
    )


def _is_ruled(table: Table, columns: Columns) -> bool:
    """Whether every row has rules that an answer must keep, so that it needs no wanted answer."""
    return columns.checks is not None and all((cell or "").strip() for cell in table.column(columns.checks))


def _columns_and_kind(
    name: str, table: Table, input: str | Sequence[str] | None, target: str | None, kind: Kind | None
) -> tuple[Columns, Kind | None, str | None]:
    """Return the columns, and the kind with its reason where the columns together speak of one."""
    found = shaped(table, kind=kind) if target is None and input is None else None
    if found is None:
        return choose_columns(name, table, input=input, target=target), None, None
    columns = choose_columns(name, table, input=found.inputs, target=found.target)
    return columns, found.kind, found.reason if kind is None else None
