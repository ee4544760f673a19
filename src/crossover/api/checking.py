"""What a data file holds and what a study would make of it, without running one."""

from __future__ import annotations

__all__ = ["CHECK_SCHEMA", "Checked", "Lengths", "TooLong", "check"]

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from crossover.candidate import PromptProgram
from crossover.candidate.prompted import label_answers, prompt_tokens, target_answers
from crossover.model.base import LanguageModel
from crossover.model.catalog import DEFAULT_MODEL
from crossover.model.vocabulary import vocabulary_here
from crossover.records import Example
from crossover.stats import detectable_difference
from crossover.study import with_room
from crossover.task import Task

CHECK_SCHEMA = "crossover.check/1"
_SEEDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLong:
    """A row whose prompt and answer do not fit into the model's context."""

    file: str
    row: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Tokens of the default prompt with each row's input, and of the answers.

    Attributes:
        model: whose tokens they are.
        context: how many tokens the model reads at most.
        prompt: median, 95th percentile and largest prompt over all rows of both sides.
        answer: the same of the training answers (labels, or written ones), end of turn included.
        answer_room: most tokens of an answer that is written; 0 where answers are labels.
        too_long: rows that do not fit.
    """

    model: str
    context: int
    prompt: tuple[int, int, int]
    answer: tuple[int, int, int]
    answer_room: int
    too_long: tuple[TooLong, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A data file as a study would take it.

    Attributes:
        task: the task.
        lengths: in the model's tokens; None where the model is not on this machine.
        model: the model that was asked for.
        detectable: smallest difference, a fraction of 1, that a test of this size finds at three seeds, four times in
            five; for scores between right and wrong at worst.
    """

    task: Task
    lengths: Lengths | None
    model: str
    detectable: float

    def to_json(self) -> dict[str, Any]:
        """Return the check as JSON values, schema crossover.check/1; keys are only ever added.

        {"schema", "task": {"name", "kind", "metric", "input_fields", "target_field", "n_train", "n_test", "schema"},
        "files": [{"name", "format", "n_rows", "n_found", "columns", "sha256", "layout"}], "reasons", "notes",
        "unused_columns", "set_aside": [{"file", "row", "reason", "other_row", "text", "answer"}],
        "near_duplicates": [[row, row]], "labels_inside": [row], "spellings": [[label]],
        "classes": [{"label", "n_train", "n_test"}],
        "lengths": {…} or null, "characters": {"input", "answer": [median, 95%, largest] or null}, "model",
        "detectable_difference"}
        """
        found, spec = self.task.check, self.task.spec
        return {
            "schema": CHECK_SCHEMA,
            "task": {
                "name": spec.name,
                "kind": spec.kind,
                "metric": spec.metric,
                "input_fields": list(spec.input_fields),
                "target_field": spec.target_field,
                "n_train": self.task.info.n_train,
                "n_test": len(self.task.test),
                "schema": spec.schema,
            },
            "files": [asdict(file) for file in found.files],
            "reasons": list(found.reasons),
            "notes": list(found.notes),
            "unused_columns": list(found.unused_columns),
            "set_aside": [asdict(row) for row in found.set_aside],
            "near_duplicates": [list(pair) for pair in found.near_duplicates],
            "labels_inside": list(found.labels_inside),
            "spellings": [list(group) for group in found.spellings],
            "classes": [asdict(count) for count in found.class_counts],
            "lengths": None if self.lengths is None else asdict(self.lengths),
            "characters": self._characters(),
            "model": self.model,
            "detectable_difference": round(self.detectable, 4),
        }

    def _characters(self) -> dict[str, list[int] | None]:
        rows = (*self.task.train, *self.task.test)
        inputs = [sum(map(len, row.inputs.values())) for row in rows]
        answers = [len(row.target) for row in rows if row.target is not None]
        return {"input": list(_spread(inputs)), "answer": list(_spread(answers)) if answers else None}


def check(task: Task, *, model: str = DEFAULT_MODEL) -> Checked:
    """Look at a task before a study: what was read, set aside and why, lengths, and what its test can see.

    Lengths are measured in tokens where the model's tokenizer is on this machine: nothing is fetched, converted or
    loaded for them. In characters they are there in any case.

    Args:
        task: the task: `crossover.Task.from_file`.
        model: whose tokens count: as for `compare`.

    Raises:
        ModelError: the model is here and cannot be read.
    """
    lengths = None
    tokens = vocabulary_here(model)
    if tokens is not None:
        task = with_room(task, tokens)
        lengths = _lengths(task, tokens)
    detectable = detectable_difference(len(task.test), _SEEDS)
    return Checked(task=task, lengths=lengths, model=model, detectable=detectable)


def _lengths(task: Task, model: LanguageModel) -> Lengths:
    program = PromptProgram.default(task.spec)
    if program.is_open:
        answers = target_answers(program, [row.target or "" for row in task.train], model)
        room = program.answer_tokens
    else:
        answers = label_answers(program, model)
        room = max(map(len, answers))
    sides = ((task.train, task.check.files[0].name), (task.test, task.check.files[-1].name))
    sizes: list[tuple[str, Example, int]] = []
    for rows, name in sides:
        prompts = prompt_tokens(program, [row.inputs for row in rows], model)
        sizes += [(name, row, len(prompt)) for row, prompt in zip(rows, prompts, strict=True)]
    limit = model.identity.context_tokens
    return Lengths(
        model=model.identity.name,
        context=limit,
        prompt=_spread([size for _, _, size in sizes]),
        answer=_spread([len(answer) for answer in answers]),
        answer_room=program.answer_tokens,
        too_long=tuple(
            TooLong(file=name, row=row.row, tokens=size + room) for name, row, size in sizes if size + room > limit
        ),
    )


def _spread(sizes: list[int]) -> tuple[int, int, int]:
    return int(np.median(sizes)), int(np.percentile(sizes, 95)), max(sizes)
