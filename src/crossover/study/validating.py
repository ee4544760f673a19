"""The rows on which trials are compared before the test is read, and how what they left does on them."""

from __future__ import annotations

__all__ = ["Validating"]

from collections.abc import Mapping, Sequence

from crossover.candidate import Candidate, predict
from crossover.measure import score_answers
from crossover.metrics import Metric
from crossover.model.base import LanguageModel
from crossover.records import Example, TrialRecord
from crossover.study.cells import Cell
from crossover.task import Task, validation


class Validating:
    """A task's validation rows, drawn once for each seed."""

    def __init__(self, task: Task, metric: Metric) -> None:
        """Draw nothing yet."""
        self._task, self._metric = task, metric
        self._drawn: dict[tuple[int, int, int], tuple[Example, ...]] = {}

    def rows(self, cell: Cell, *, seed: int | None = None) -> list[Example]:
        """Return the rows that a trial answers, each once; with `seed`, those alone that lie outside its draw."""
        asked = cell.validated
        if asked is None:
            return []
        each = asked.n // len(asked.seeds)
        found: dict[str, Example] = {}
        for one in asked.seeds if seed is None else [one for one in asked.seeds if one == seed]:
            drawn = (asked.budget, one, each)
            if drawn not in self._drawn:
                self._drawn[drawn] = validation(self._task.train, asked.budget, one, self._task.spec.labels, n=each)
            found |= {row.id: row for row in self._drawn[drawn]}
        return list(found.values())

    def lacking(self, cell: Cell, record: TrialRecord, late: Mapping[str, Mapping[str, float | None]]) -> list[Example]:
        """Return the rows that a finished trial has not answered: with further seeds or labels there are others.

        Args:
            cell: the trial's.
            record: what it left.
            late: candidate digest -> scores that were added when it had finished.
        """
        if record.candidate is None or record.measurement is None:
            return []
        known = {*record.validation, *late.get(record.candidate, {})}
        return [row for row in self.rows(cell) if row.id not in known]

    def scores(
        self, candidate: Candidate, rows: Sequence[Example], model: LanguageModel | None
    ) -> dict[str, float | None]:
        """Return a frozen candidate's score on each row by id; None where an answer is missing."""
        if not rows:
            return {}
        answers = predict(candidate, [row.inputs for row in rows], model)
        return {one.example_id: one.score for one in score_answers(answers, rows, self._task.spec, self._metric)}
