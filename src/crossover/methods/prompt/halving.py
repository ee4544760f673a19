"""Successive halving: many programs on few rows, the better half on twice as many."""

from __future__ import annotations

__all__ = ["RUNGS", "Judge", "Judged", "chosen_among", "halve", "hold_against"]

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from crossover.candidate import Demonstration
from crossover.candidate.prompted import prompt_tokens, scored_answers
from crossover.methods.beside import prompts_beside
from crossover.methods.choosing import Choice, chosen_score
from crossover.methods.effort import Meter
from crossover.methods.frozen import options
from crossover.methods.prompt.population import Proposal
from crossover.methods.written import likelihoods
from crossover.metrics import Metric
from crossover.model.base import FloatArray, LanguageModel
from crossover.records import Example, TaskSpec

RUNGS = (8, 16, 32, 64)
"""Rows that judge a program when it has come so far."""

_SHARES = (0.45, 0.7, 0.9, 1.0)
"""Of the token passes, what may be spent up to the end of each rung."""

_FEWEST = 4
"""Programs that a rung keeps, where there are so many: the dev score is that of choosing among them."""


@dataclass(slots=True, kw_only=True)
class Judged:
    """A proposal and how it has done so far.

    Attributes:
        proposal: the program.
        order: labelled rows that may judge it, in the order in which they do.
        prompts: those of the rows that it was judged on.
        values: of each such row the labels' log-probabilities [rows, labels]; where answers are written the mean
            log-probability of a token of the right one [rows, 1].
        choices: how it does on them, once for each way to correct the label prior.
        a_row: token passes that one more row takes, about.
    """

    proposal: Proposal
    order: Sequence[int]
    prompts: list[tuple[int, ...]] = field(default_factory=list)
    values: FloatArray = field(default_factory=lambda: np.zeros((0, 1)))
    choices: Sequence[Choice] = ()
    a_row: float = 0.0

    @property
    def rows(self) -> Sequence[int]:
        """The rows that it was judged on."""
        return self.order[: len(self.prompts)]

    @property
    def key(self) -> float:
        """What to maximise."""
        if self.choices:
            return max(choice.key() for choice in self.choices)
        return float(self.values.mean()) if len(self.values) else -np.inf

    def parts_on(self, rows: Sequence[int], labelled: Sequence[Example]) -> FloatArray:
        """Return each row's part in what to maximise on some of its rows, in their order: the mean of the parts.

        A probability that is a mean's exponential changes with each row by its derivative (the delta method).
        """
        if self.choices:
            ids = [labelled[i].id for i in rows]
            best = max((choice.on(set(ids)) for choice in self.choices), key=Choice.key)
            place = {row: i for i, row in enumerate(best.rows)}
            order = [place[name] for name in ids]
            likely = np.exp(best.log_likelihood)
            with np.errstate(invalid="ignore"):  # a row whose label is unknown, or cannot be written, is no reason
                beyond = np.nan_to_num(best.log_likelihoods[order] - best.log_likelihood)
            parts: FloatArray = best.scores[order] + likely * (1 + beyond)
            return parts
        place_of = {row: i for i, row in enumerate(self.rows)}
        values: FloatArray = self.values[[place_of[row] for row in rows], 0]
        return values

    @property
    def score(self) -> float | None:
        """The metric on its rows with the best correction; None where answers are written."""
        return max(self.choices, key=Choice.key).score if self.choices else None


class Judge:
    """Lets labelled rows judge programs."""

    def __init__(
        self,
        labelled: Sequence[Example],
        order: Sequence[int],
        spec: TaskSpec,
        metric: Metric,
        model: LanguageModel,
        *,
        corrects: bool,
    ) -> None:
        """Take the rows.

        Args:
            labelled: the budget.
            order: the rows' order, labels spread evenly: the first ones judge most programs.
            spec: the task.
            metric: the study's.
            model: asked.
            corrects: whether correcting the label prior is tried; never for an adapter.
        """
        self._labelled, self._order, self._spec, self._metric = labelled, order, spec, metric
        self._model, self._corrects = model, corrects
        self._solved = [Demonstration.of(row) for row in labelled]

    def begin(self, proposal: Proposal) -> Judged:
        """Return a proposal that nobody has judged yet."""
        return Judged(proposal=proposal, order=[i for i in self._order if i not in proposal.shown])

    def lead(self, one: Judged, other: Judged) -> tuple[float, float]:
        """Return by how much a program is ahead of another on the rows that judged both, and its standard error."""
        rows = sorted(set(one.rows) & set(other.rows))
        if not rows:
            return -np.inf, 0.0
        apart = one.parts_on(rows, self._labelled) - other.parts_on(rows, self._labelled)
        error = float(apart.std(ddof=1)) / len(rows) ** 0.5 if len(rows) > 1 else 0.0
        return float(apart.mean()), error

    def go_on(self, one: Judged, n_rows: int) -> None:
        """Judge a program on its first `n_rows` rows, those that it was judged on before included."""
        added = one.order[len(one.prompts) : n_rows]
        if not added:
            return
        before = self._model.token_passes
        program, rows = one.proposal.program, [self._labelled[i] for i in added]
        if one.proposal.near is None:
            prompts = prompt_tokens(program, [row.inputs for row in rows], self._model)
        else:
            near = [one.proposal.near[i] for i in added]
            prompts = prompts_beside(program, rows, near, self._solved, self._model)
        if program.is_open:
            found = likelihoods(program, rows, self._model, prompts)[:, None]
        else:
            found = self._model.score(prompts, scored_answers(program, self._model)).logprobs
        one.prompts += prompts
        one.values = found if not len(one.values) else np.concatenate([one.values, found])
        if not program.is_open:
            judged = [self._labelled[i] for i in one.rows]
            of_prior = one.values if self._corrects else one.values[:0]
            made = options(program, one.values, of_prior, judged, self._labelled, self._spec, self._metric)
            one.choices = tuple(option.choice for option in made)
        one.a_row = (self._model.token_passes - before) / len(added)


def halve(proposals: Sequence[Proposal], judge: Judge, meter: Meter, bound: float) -> tuple[list[Judged], list[Judged]]:
    """Return the programs that came to the last rung, and all that were judged.

    Rung after rung the better half goes on to twice as many rows, as long as token passes are left. On the first rung
    proposals come in their order until its share of the passes is spent.
    """
    tried: list[Judged] = []
    for proposal in proposals:
        if tried and len(tried) >= _FEWEST and meter.token_passes > _SHARES[0] * bound:
            break
        one = judge.begin(proposal)
        judge.go_on(one, RUNGS[0])
        tried.append(one)
    alive = tried
    for n_rows, share in zip(RUNGS[1:], _SHARES[1:], strict=True):
        if all(len(one.prompts) == len(one.order) for one in alive):
            break
        ranked = sorted(alive, key=lambda one: one.key, reverse=True)
        kept = ranked[: max(-(-len(ranked) // 2), min(_FEWEST, len(ranked)))]
        went_on: list[Judged] = []
        for one in kept:
            more = (min(n_rows, len(one.order)) - len(one.prompts)) * one.a_row
            # The best two always go on together: one alone would be compared with nothing.
            if len(went_on) > 1 and meter.token_passes + more > share * bound:
                break
            judge.go_on(one, n_rows)
            went_on.append(one)
        alive = went_on
        if meter.token_passes > bound:
            break
    return alive, tried


def hold_against(
    best: Judged, rivals: Sequence[Proposal], judge: Judge, meter: Meter, bound: float
) -> tuple[Judged, list[Judged]]:
    """Return the best of a program and its rivals, each row of which is dear, and all rivals.

    One round of all rivals on few rows, the better two on twice as many, and the best of them on as many as the token
    passes allow. It and the program are compared on the rows that both were judged on: by others one of them may have
    had the easier ones. The program is the best of many on these very rows and looks better than it is, the rival one
    of few: so the program has to lead by more than the standard error (as Breiman et al. 1984 do, here in favour of
    what was searched for less).
    """
    tried: list[Judged] = []
    for proposal in rivals:
        if tried and meter.token_passes + RUNGS[0] * tried[-1].a_row > bound:
            break
        one = judge.begin(proposal)
        judge.go_on(one, RUNGS[0])
        tried.append(one)
    ranked = sorted(tried, key=lambda one: one.key, reverse=True)
    for one in ranked[:2]:
        if meter.token_passes + RUNGS[0] * one.a_row <= bound:
            judge.go_on(one, RUNGS[1])
    rival = max(ranked, key=lambda one: (len(one.prompts), one.key))
    n_rows = len(rival.prompts) + max(int((bound - meter.token_passes) / max(rival.a_row, 1.0)), 0)
    judge.go_on(rival, min(n_rows, RUNGS[-1]))
    judge.go_on(best, min(len(rival.prompts) + len(best.proposal.shown), RUNGS[-1]))
    ahead, error = judge.lead(best, rival)
    return (best if ahead > error else rival), tried


def chosen_among(alive: Sequence[Judged]) -> float | None:
    """Return what choosing among labels' programs scores on rows that have no say in it; see `chosen_score`."""
    choices = [choice for one in alive for choice in one.choices]
    return chosen_score(choices) if choices else None
