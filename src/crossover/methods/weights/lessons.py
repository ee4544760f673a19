"""What an adapter is trained on: a program's prompts with the rows' answers, demonstrations and all."""

from __future__ import annotations

__all__ = ["Lessons"]

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from crossover.candidate import Demonstration, PromptProgram
from crossover.candidate.neighbours import Neighbours
from crossover.candidate.prompted import prompt_tokens, target_answers
from crossover.candidate.wording import joined
from crossover.methods.beside import prompts_beside
from crossover.methods.effort import BATCH, allowance, n_steps
from crossover.methods.weights.batches import batches
from crossover.model.base import FloatArray, LanguageModel, TrainRow
from crossover.model.engine.forest import Forest
from crossover.records import Example

_SAMPLED_BATCHES = 4
_BELIEVED = 0.1
"""Labels that are held less probable are not learned: each costs its tokens in every step (docs/log.md, 2026-11-25)."""


class Lessons:
    """A program's training rows, example by example.

    - A row that is one of the program's own demonstrations is asked below the others: no answer is copied.
    - Where demonstrations are chosen for each input, a row is asked below its nearest others, and every one of these
      answers is a target too: the tokens are computed anyway, so that a sequence of k demonstrations teaches k + 1
      answers (Min et al. 2022, MetaICL, arXiv:2110.15943, trains on the last one alone). Nearest is meant by words: an
      adapter moves the states, and training, measuring and serving must show the same demonstrations.
    - Where somebody else's beliefs are learned, a row's targets are all labels that are believed in, each with its
      probability as weight: the cross-entropy with that distribution (Hinton et al. 2015, arXiv:1503.02531).
    """

    def __init__(
        self,
        program: PromptProgram,
        rows: Sequence[Example],
        model: LanguageModel,
        *,
        beliefs: FloatArray | None = None,
    ) -> None:
        """Prepare the rows; `program` is the one that will be served; neighbours are chosen among the rows.

        Args:
            program: without demonstrations for each input where there are beliefs.
            rows: what is learned.
            model: whose tokens.
            beliefs: probabilities of the program's labels, [rows, labels]; None: the rows' targets.
        """
        self._rows = list(rows)
        self._beliefs = beliefs
        self._model = model
        self.program = program
        self._answers = target_answers(program, [str(e.target) for e in rows], model)
        self._labels = [] if beliefs is None else target_answers(program, list(program.label_words), model)
        self._solved = [Demonstration.of(e) for e in rows]
        self._near: list[list[int]] = []
        if program.retrieval is not None:
            self.program = program.with_retrieval(self._solved, program.retrieval.k)
            texts = [joined(e.inputs, program.fields) for e in rows]
            self._near = Neighbours(texts).nearest(texts, len(rows), without=range(len(rows)))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    @property
    def shown(self) -> list[int]:
        """Rows that stand in every prompt as demonstrations: they judge nothing."""
        return [i for i, one in enumerate(self._solved) if one in self.program.demonstrations]

    @property
    def answers_a_row(self) -> int:
        """How many targets the lesson of one row has."""
        return 1 + (self.program.retrieval.k if self.program.retrieval else 0)

    @property
    def rows_a_step(self) -> int:
        """How many rows one step learns: as many targets as a default fit's."""
        return max(1, round(BATCH / self.answers_a_row))

    def n_steps(self, effort: float, seed: int) -> int:
        """Return how many steps the effort allows: as many as a default fit, fewer of longer prompts.

        The engine computes a batch's shared beginning once: a step's tokens are counted on the first batches.
        """
        everyone = range(len(self))
        going = batches(everyone, seed, self.rows_a_step)
        sample = [[self.of(i, everyone) for i in next(going)] for _ in range(_SAMPLED_BATCHES)]
        of_one = sum(map(self.n_tokens, sample)) / len(sample)
        return max(min(n_steps(len(self), effort), round(self.allowed(effort) / (3 * of_one))), 2)

    def of(self, index: int, among: Iterable[int]) -> list[TrainRow]:
        """Return the lesson of one row; its demonstrations are chosen among these rows."""
        if self.program.retrieval is None:
            prompt = self.prompts([index], among)[0]
            if self._beliefs is None:
                return [TrainRow(prompt=prompt, completion=self._answers[index])]
            return self._believed(prompt, self._beliefs[index])
        shown = [*reversed(self._neighbours(index, among)), index]
        lesson = []
        for place, target in enumerate(shown):
            above = self.program.with_demonstrations([self._solved[i] for i in shown[:place]])
            prompt = prompt_tokens(above, [self._rows[target].inputs], self._model)[0]
            lesson.append(TrainRow(prompt=prompt, completion=self._answers[target]))
        return lesson

    def _believed(self, prompt: tuple[int, ...], beliefs: FloatArray) -> list[TrainRow]:
        """Return the labels that are believed in below a prompt."""
        kept = np.where(beliefs >= min(_BELIEVED, beliefs.max()), beliefs, 0.0)
        return [
            TrainRow(prompt=prompt, completion=self._labels[i], weight=float(kept[i] / kept.sum()))
            for i in np.flatnonzero(kept)
        ]

    def prompts(self, indices: Sequence[int], among: Iterable[int]) -> list[tuple[int, ...]]:
        """Return the prompts of these rows; where demonstrations are chosen, they are chosen among `among`."""
        if self.program.retrieval is not None:
            rows, near = [self._rows[i] for i in indices], [self._neighbours(i, among) for i in indices]
            return prompts_beside(self.program, rows, near, self._solved, self._model)
        shown = set(self.shown)
        asked = prompt_tokens(self.program, [self._rows[i].inputs for i in indices], self._model)
        for place, index in enumerate(indices):
            if index in shown:
                asked[place] = prompt_tokens(self._without(index), [self._rows[index].inputs], self._model)[0]
        return asked

    def allowed(self, effort: float) -> int:
        """Return the token passes of this effort: the program's without demonstrations count."""
        bare = replace(self.program, demonstrations=(), retrieval=None)
        return allowance(bare, self._rows, self._model, effort)

    def n_tokens(self, lessons: Iterable[Sequence[TrainRow]]) -> int:
        """Return the tokens that one step on these lessons computes: shared beginnings count once."""
        forest = Forest()
        for lesson in lessons:
            for row in lesson:
                forest.add((*row.prompt, *row.completion[:-1]))
        return len(forest)

    def _neighbours(self, index: int, among: Iterable[int]) -> list[int]:
        assert self.program.retrieval is not None
        allowed = set(among)
        return [j for j in self._near[index] if j in allowed][: self.program.retrieval.k]

    def _without(self, index: int) -> PromptProgram:
        left = tuple(one for one in self.program.demonstrations if one != self._solved[index])
        return replace(self.program, demonstrations=left)
