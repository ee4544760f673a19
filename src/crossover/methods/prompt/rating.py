"""Instructions, rated by what a model answers below them."""

from __future__ import annotations

__all__ = ["MOST_TOKENS", "Rated", "Rater"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crossover.candidate import PromptedCandidate, PromptProgram, predict
from crossover.methods.choosing import Choice
from crossover.methods.frozen import NO_CORRECTION, label_scores, priors
from crossover.methods.start import Beginning
from crossover.metrics import Metric
from crossover.model.base import LanguageModel
from crossover.records import Example, Inputs, TaskSpec

MOST_TOKENS = 512
_CONTEXT_SHARE = 8
"""An instruction may take an eighth of what the model reads: the inputs must fit beside it, and all are computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """One row answered below an instruction: the answer in the words in which the model gave it, and its score."""

    row: Example
    answer: str
    score: float


class Rater:
    """Lets the model answer labelled rows below instructions. A row is never asked twice below the same one."""

    def __init__(
        self,
        begun: Beginning,
        program: PromptProgram,
        correction: str,
        labelled: Sequence[Example],
        others: Sequence[Inputs],
        spec: TaskSpec,
        metric: Metric,
        model: LanguageModel,
    ) -> None:
        """Take what all instructions share.

        Args:
            begun: where the search began: its adapter is on while rows are answered.
            program: what is said beside the instruction.
            correction: of the label prior, a name from `frozen.priors`.
            labelled: the budget, whose label frequencies count.
            others: inputs on which a label prior is estimated, anew for each instruction.
            spec: the task.
            metric: the study's.
            model: asked.
        """
        self._begun, self._program, self._correction = begun, program, correction
        self._labelled, self._others = labelled, others
        self._spec, self._metric, self._model = spec, metric, model
        self._candidates: dict[str, PromptedCandidate] = {}
        self._rated: dict[str, dict[str, Rated]] = {}

    @property
    def rated(self) -> Mapping[str, Mapping[str, Rated]]:
        """Instruction -> row's id -> how it was answered, in the order in which they were asked."""
        return self._rated

    def fits(self, instruction: str) -> bool:
        """Whether an instruction says something, and leaves the inputs enough of what the model reads."""
        most = min(MOST_TOKENS, self._model.identity.context_tokens // _CONTEXT_SHARE)
        return bool(instruction) and len(self._model.encode(instruction)) <= most

    def candidate(self, instruction: str) -> PromptedCandidate:
        """Return the program with this instruction, its label prior corrected as all are."""
        if instruction not in self._candidates:
            program = replace(self._program, instruction=instruction)
            prior = None
            if self._correction != NO_CORRECTION:
                labels = list(program.label_words)
                scores = label_scores(program, self._others, self._model)
                prior = priors(labels, scores, self._labelled)[self._correction]
            made = PromptedCandidate(program=program, prior=prior)
            self._candidates[instruction] = self._begun.with_adapter(made)
        return self._candidates[instruction]

    def rate(self, instruction: str, rows: Sequence[Example]) -> list[Rated]:
        """Return the rows, answered and scored."""
        known = self._rated.setdefault(instruction, {})
        asked = [row for row in rows if row.id not in known]
        if asked:
            words = self._program.label_words
            found = predict(self.candidate(instruction), [row.inputs for row in asked], self._model)
            for row, prediction in zip(asked, found, strict=True):
                answer = prediction.answer or ""
                score = self._metric.score(answer, row, self._spec)
                known[row.id] = Rated(row=row, answer=words.get(answer, answer), score=score)
        return [known[row.id] for row in rows]

    def wanted(self, row: Example) -> str:
        """Return the answer that a row wants, in the words in which the model gives it."""
        return self._program.answer_words(str(row.target))

    def choice(self, instruction: str, rows: Sequence[Example]) -> Choice:
        """Return how an instruction did on rows."""
        scores = np.array([one.score for one in self.rate(instruction, rows)], dtype=np.float64)
        return Choice(rows=tuple(row.id for row in rows), scores=scores, log_likelihoods=np.full(len(rows), np.nan))
