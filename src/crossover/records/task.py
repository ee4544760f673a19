"""A data file's rows and what a method may know of a task. Standard library only."""

from __future__ import annotations

__all__ = ["Example", "TaskSpec"]

from collections.abc import Mapping
from dataclasses import dataclass, field

from crossover.records.terms import Constrain, Inputs, Json, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row of the data file.

    Attributes:
        id: stable name inside the task, for example "train:17".
        inputs: column -> text.
        target: the wanted answer as text, or None when the row has none.
        row: the row's number as a spreadsheet shows it (the header, where there is one, is row 1).
        references: further answers that are as good as the target.
        checks: rules that an answer must keep (`crossover.metrics.checks`), as JSON text; None without any.
        group: what it has in common with the examples that it belongs together with; None: it stands alone.
        beside: of test rows, column -> value for further columns of the file that divide the rows into a few parts.
            They are looked at by `crossover diff --by`; no prompt and no method has them.
    """

    id: str
    inputs: Inputs
    target: str | None
    row: int
    references: tuple[str, ...] = ()
    checks: str | None = None
    group: str | None = None
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> tuple[str, ...]:
        """The target, where there is one, and the further references."""
        return self.references if self.target is None else (self.target, *self.references)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """What a method may know of a task: everything but the held-out rows.

    Attributes:
        name: the data file's stem.
        input_fields: columns that the model reads, in order.
        target_field: the column with the wanted answers.
        labels: the closed set of answers, for `classification`; empty for open kinds.
        label_names: label -> the words that the model reads and writes for it; other labels stand for themselves.
        instruction: the user's own words for the task, or None for the kind's default.
        input_template: the user's own form of an input, with {field} substitution; None for the kind's default.
        schema: JSON schema of an answer, for `extraction`; None without one.
        answer_tokens: most tokens of an answer, for the open kinds; 0 where labels are the answers.
        constrain: how prompted candidates answer: "yes" within the labels or the schema, "no" freely, "both" as "yes",
            and freely beside it. None: labels are chosen, everything else is written freely.
    """

    name: str
    kind: Kind
    metric: str
    input_fields: tuple[str, ...]
    target_field: str
    labels: tuple[str, ...] = ()
    label_names: Mapping[str, str] = field(default_factory=dict)
    instruction: str | None = None
    input_template: str | None = None
    schema: Mapping[str, Json] | None = None
    answer_tokens: int = 0
    constrain: Constrain | None = None

    def words(self, label: str) -> str:
        """Return the words that stand for a label in prompts and answers."""
        return self.label_names.get(label, label)
