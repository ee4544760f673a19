"""Frozen-model programs: the label prior, and whether labels speak for correcting it."""

from __future__ import annotations

__all__ = [
    "LAYOUT_ROWS",
    "NO_CORRECTION",
    "PRIOR_ROWS",
    "Option",
    "best_of",
    "choose_prior",
    "label_scores",
    "laid_out_options",
    "likelier_layout",
    "options",
    "priors",
    "score_of",
]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crossover.candidate import PromptedCandidate, PromptProgram
from crossover.candidate.program import LAYOUTS, Layout
from crossover.candidate.prompted import prompt_tokens, scored_answers
from crossover.methods.choosing import Choice, chosen_score, label_frequencies, prior_of
from crossover.metrics import Metric
from crossover.model.base import FloatArray, LanguageModel
from crossover.records import Configuration, Example, Inputs, Json, TaskSpec

LAYOUT_ROWS = 16
NO_CORRECTION = "as it is"
PRIOR_ROWS = 32
"""Unlabelled inputs on which a label prior is estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A candidate with a frozen model that was tried, how its label prior is corrected, and how it did on dev rows."""

    candidate: PromptedCandidate
    correction: str
    choice: Choice

    def configuration(self, **further: Json) -> Configuration:
        """Return what the store keeps of it."""
        settings = {**further, "layout": self.candidate.program.layout, "prior": self.correction}
        return Configuration(settings=settings, dev_score=self.choice.score)


def options(
    program: PromptProgram,
    logprobs: FloatArray,
    prior_logprobs: FloatArray,
    rows: Sequence[Example],
    labelled: Sequence[Example],
    spec: TaskSpec,
    metric: Metric,
) -> list[Option]:
    """Return a program as it is, with its label prior taken off, and with labels as frequent as in the budget.

    Args:
        program: the program.
        logprobs: of the labels on the dev rows, [rows, labels].
        prior_logprobs: of the labels on inputs whose own labels play no part, [inputs, labels].
        rows: the dev rows.
        labelled: the budget, whose label frequencies count.
    """
    labels = list(program.label_words)
    found = []
    for name, prior in priors(labels, prior_logprobs, labelled).items():
        shift = np.zeros(len(labels)) if prior is None else np.array([prior[label] for label in labels])
        choice = Choice.of(logprobs - shift, rows, labels, spec, metric)
        found.append(Option(candidate=PromptedCandidate(program=program, prior=prior), correction=name, choice=choice))
    return found


def priors(
    labels: Sequence[str], prior_logprobs: FloatArray, labelled: Sequence[Example]
) -> dict[str, Mapping[str, float] | None]:
    """Return name of a correction -> what it takes off the labels' log-probabilities; see `options`."""
    found: dict[str, Mapping[str, float] | None] = {NO_CORRECTION: None}
    if len(prior_logprobs):
        found["corrected"] = prior_of(prior_logprobs, labels)
        found["corrected to the labels' frequencies"] = prior_of(
            prior_logprobs, labels, label_frequencies(labelled, labels)
        )
    return found


def best_of(tried: Sequence[Option]) -> Option:
    """Return the best; the first of equals."""
    return max(tried, key=lambda option: option.choice.key())


def score_of(tried: Sequence[Option]) -> float:
    """Return the dev score of having chosen the best of these: see `chosen_score`."""
    return chosen_score([option.choice for option in tried])


def choose_prior(
    program: PromptProgram,
    labelled: Sequence[Example],
    unlabelled: Sequence[Inputs],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
    layouts: Sequence[Layout] = LAYOUTS,
) -> tuple[PromptedCandidate, tuple[Configuration, ...], float | None]:
    """Return the program as a candidate: its layout, and how its label prior is corrected, chosen on the labels.

    Without labels the layout stays, and the prior is corrected: small models favour some labels, and the correction
    lifts most tasks.
    """
    others = unlabelled[:PRIOR_ROWS]
    if not labelled:
        prior = prior_of(label_scores(program, others, model), list(program.label_words)) if others else None
        settings: dict[str, Json] = {"layout": program.layout, "prior": NO_CORRECTION if prior is None else "corrected"}
        tried = (Configuration(settings=settings, dev_score=None),)
        return PromptedCandidate(program=program, prior=prior), tried, None
    found = laid_out_options(program, labelled, others, spec, metric, model, layouts)
    best = best_of(found)
    return best.candidate, tuple(option.configuration() for option in found), score_of(found)


def laid_out_options(
    program: PromptProgram,
    labelled: Sequence[Example],
    others: Sequence[Inputs],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
    layouts: Sequence[Layout] = LAYOUTS,
) -> list[Option]:
    """Return a program's `options` in each layout.

    The label prior is estimated on `others`, or on the rows where there are none.
    """
    found: list[Option] = []
    for layout in layouts:
        laid_out = program.in_layout(layout)
        logprobs = label_scores(laid_out, [*(e.inputs for e in labelled), *others], model)
        own, theirs = logprobs[: len(labelled)], logprobs[len(labelled) :]
        found += options(laid_out, own, theirs if others else own, labelled, labelled, spec, metric)
    return found


def likelier_layout(
    program: PromptProgram, rows: Sequence[Example], spec: TaskSpec, metric: Metric, model: LanguageModel
) -> PromptProgram:
    """Return the program in the layout in which the frozen model finds the rows' answers more probable.

    For methods that train: they learn either layout, and begin where less is to be learned.
    """
    rows = rows[:LAYOUT_ROWS]
    labels = list(program.label_words)
    programs = [program.in_layout(layout) for layout in LAYOUTS]
    scores = [label_scores(p, [e.inputs for e in rows], model) for p in programs]
    likelihoods = [Choice.of(s, rows, labels, spec, metric).log_likelihood for s in scores]
    return programs[likelihoods.index(max(likelihoods))]


def label_scores(program: PromptProgram, inputs: Sequence[Inputs], model: LanguageModel) -> FloatArray:
    """Return log-probabilities of the labels, [inputs, labels]."""
    if not inputs:
        return np.zeros((0, len(program.label_words)))
    return model.score(prompt_tokens(program, inputs, model), scored_answers(program, model)).logprobs
