"""How long a trial takes on this machine, from the tokens that its method says it will compute."""

from __future__ import annotations

__all__ = ["WRITTEN", "Pace", "Times"]

from collections.abc import Iterable
from dataclasses import dataclass, replace

from crossover.measure import single_calls_seconds
from crossover.methods import Cost, Shape
from crossover.model.base import Capability
from crossover.study.cells import Cell

_FIXED_SECONDS = 0.3
"""What every trial takes besides tokens and single calls: putting an adapter on, keeping the candidate."""

_RETENTION_TOKENS = 5_400
"""What is kept of the base model is read off about 2,000 tokens of its own text and their prompts, twice, with the
whole vocabulary's probabilities at each: with a model of 135M parameters on 2 cores 1.5 to 3.6 s, the median 2.3."""

_WRITTEN_ALONE = 8
"""One answer at a time takes about so many times as long a token as many at once."""

_EDIT_PROMPTS, _EDIT_ROWS, _EDIT_STEPS = 4, 13, 48
"""What trying an edit of the prompt takes: prompts read from their beginning, inputs with their answers, and steps of
writing a few answers side by side, each of which takes about as long as a short call (`crossover.measure.interaction`).
"""

_TEXT_STEPS, _TEXT_CALLS = 128, 2
"""The base model's own text is written once: sixteen texts side by side, a step takes about as long as two calls."""

_TRAINING: frozenset[Capability] = frozenset({"train", "train all weights"})
_ASKING: frozenset[Capability] = frozenset({"score", "generate"})

WRITTEN = 100.0
"""Tokens a second where nobody measured it: nothing of the plan writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Tokens a second on this machine; `written`: many answers at once. `call`: seconds of one short call alone."""

    read: float
    trained: float
    written: float = WRITTEN
    call: float = 0.05

    def slowed(self, by: float) -> Pace:
        """Return the pace of a machine on which everything takes `by` times as long."""
        return Pace(read=self.read / by, trained=self.trained / by, written=self.written / by, call=self.call * by)

    def seconds(self, cell: Cell, shape: Shape) -> float:
        """Return the seconds that a trial takes, about."""
        return self.times(cell, shape).trial

    def times(self, cell: Cell, shape: Shape) -> Times:
        """Return what parts of a trial take, about."""
        method, budget, effort = cell.method, cell.key.budget, cell.key.effort
        if not method.needs:
            return Times()
        cost = method.cost(shape, budget, effort)
        fitting = method.cost(replace(shape, n_test=0), budget, effort)
        fit = self._tokens(fitting)
        test = max(self._tokens(cost) - fit, 0.0)
        if shape.freely:
            test += shape.n_test * (shape.row / self.read + shape.freely / self.written)
        alone = self.call + cost.each / self.read + shape.written * _WRITTEN_ALONE / self.written
        unsure = shape.n_test * cost.each / self.read if cost.each < cost.added else 0.0
        trained = bool(_TRAINING & method.needs)
        kept = (_RETENTION_TOKENS + shape.probes) / self.read if trained else 0.0
        edited = 0.0
        if cell.key.seed == 0 and _ASKING & method.needs:
            shown = cost.added if cost.shown is None else cost.shown
            read = _EDIT_PROMPTS * (shape.prefix + shown) + _EDIT_ROWS * (shape.row + shape.answer_tree)
            edited = read / self.read + _EDIT_STEPS * self.call
        validated = 0 if cell.validated is None or not shape.n_test else cell.validated.n / shape.n_test
        return Times(
            fit=fit,
            validation=test * validated,
            test=test,
            rest=_FIXED_SECONDS + single_calls_seconds(alone) + kept + edited,
            either_way=unsure * (1 + validated),
        )

    def once(self, cells: Iterable[Cell], shape: Shape) -> float:
        """Return the seconds that are taken once for all of these trials: by the base model's own text and its answers
        to the probes, with which every trial is compared.
        """
        needs = [cell.method.needs for cell in cells]
        text = _TEXT_STEPS * _TEXT_CALLS * self.call if any(_TRAINING & needed for needed in needs) else 0.0
        return text + (shape.probes / self.read if any(needs) else 0.0)

    def _tokens(self, cost: Cost) -> float:
        return cost.read / self.read + cost.trained / self.trained + cost.written / self.written


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds of a trial's parts. What needs no language model takes next to nothing.

    Attributes:
        fit: the fit.
        validation: the pass over the validation rows.
        test: the pass over the test.
        rest: single calls, keeping the candidate, what an edit of the prompt does, and of what was trained how much of
            the base model it keeps and what it answers to probes.
        either_way: how much less or more both passes may take by what the fit will find: a short prompt, or one with
            demonstrations for each input.
    """

    fit: float = 0.0
    validation: float = 0.0
    test: float = 0.0
    rest: float = 0.0
    either_way: float = 0.0

    @property
    def trial(self) -> float:
        """All of it."""
        return self.fit + self.validation + self.test + self.rest
