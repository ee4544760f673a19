"""Frozen-model programs: the label prior, and whether labels speak for correcting it."""

from __future__ import annotations

__all__ = ["PRIOR_ROWS", "choose_prior", "dev_choices", "label_scores", "likelier_layout", "settings_of"]

from collections.abc import Mapping, Sequence

import numpy as np

from crossover.candidate import PromptedCandidate, PromptProgram
from crossover.candidate.program import LAYOUTS, Layout
from crossover.candidate.prompted import label_answers, prompt_tokens
from crossover.methods.choosing import Choice, best_of, prior_of
from crossover.metrics import Metric
from crossover.model.base import FloatArray, LanguageModel
from crossover.records import Configuration, Example, Inputs, Json, TaskSpec

LAYOUT_ROWS = 16
PRIOR_ROWS = 32
"""Unlabelled inputs on which a label prior is estimated."""


def choose_prior(
    program: PromptProgram,
    labelled: Sequence[Example],
    unlabelled: Sequence[Inputs],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
    layouts: Sequence[Layout] = LAYOUTS,
) -> tuple[PromptedCandidate, tuple[Configuration, ...], float | None]:
    """Return the program as a candidate: its layout, and whether its label prior is taken off, chosen on the labels.

    Without labels the layout stays, and the prior is corrected: small models favour some labels, and the correction
    lifts most tasks.
    """
    labels = list(program.label_words)
    others = unlabelled[:PRIOR_ROWS]
    if not labelled:
        prior = prior_of(label_scores(program, others, model), labels) if others else None
        only = Configuration(settings=settings_of(program, corrected=prior is not None), dev_score=None)
        return PromptedCandidate(program=program, prior=prior), (only,), None
    choices: list[Choice] = []
    candidates: list[PromptedCandidate] = []
    for layout in layouts:
        laid_out = program.in_layout(layout)
        logprobs = label_scores(laid_out, [*(e.inputs for e in labelled), *others], model)
        prior = prior_of(logprobs[len(labelled) :] if others else logprobs, labels)
        choices += dev_choices(logprobs[: len(labelled)], prior, labelled, labels, spec, metric)
        candidates += [PromptedCandidate(program=laid_out, prior=p) for p in (None, prior)]
    best = best_of(choices)
    tried = tuple(
        Configuration(settings=settings_of(c.program, corrected=c.prior is not None), dev_score=choice.score)
        for c, choice in zip(candidates, choices, strict=True)
    )
    return candidates[best], tried, choices[best].score


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


def dev_choices(
    logprobs: FloatArray,
    prior: Mapping[str, float] | None,
    rows: Sequence[Example],
    labels: Sequence[str],
    spec: TaskSpec,
    metric: Metric,
) -> list[Choice]:
    """Return how the raw scores do on dev rows, and (with a prior) how the corrected ones do."""
    choices = [Choice.of(logprobs, rows, labels, spec, metric)]
    if prior is not None:
        corrected = logprobs - np.array([prior[label] for label in labels])
        choices.append(Choice.of(corrected, rows, labels, spec, metric))
    return choices


def label_scores(program: PromptProgram, inputs: Sequence[Inputs], model: LanguageModel) -> FloatArray:
    """Return log-probabilities of the labels, [inputs, labels]."""
    if not inputs:
        return np.zeros((0, len(program.label_words)))
    return model.score(prompt_tokens(program, inputs, model), label_answers(program, model)).logprobs


def settings_of(program: PromptProgram, *, corrected: bool) -> dict[str, Json]:
    """Return how the store names a configuration."""
    return {"layout": program.layout, "prior": "corrected" if corrected else "as it is"}
