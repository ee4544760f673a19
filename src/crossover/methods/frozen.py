"""Frozen-model programs: the label prior, and whether labels speak for correcting it."""

from __future__ import annotations

__all__ = ["PRIOR_ROWS", "choose_prior", "dev_choices", "label_scores", "prior_settings"]

from collections.abc import Mapping, Sequence

import numpy as np

from crossover.candidate import PromptedCandidate, PromptProgram
from crossover.candidate.prompted import label_answers, prompt_tokens
from crossover.methods.choosing import Choice, best_of, prior_of
from crossover.metrics import Metric
from crossover.model.base import FloatArray, LanguageModel
from crossover.records import Configuration, Example, Inputs, Json, TaskSpec

PRIOR_ROWS = 64
"""Unlabelled inputs on which a label prior is estimated."""


def choose_prior(
    program: PromptProgram,
    labelled: Sequence[Example],
    unlabelled: Sequence[Inputs],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
) -> tuple[PromptedCandidate, tuple[Configuration, ...], float | None]:
    """Return the program as a candidate, with or without its label prior taken off.

    Without labels the prior is corrected: small models favour some labels, and the correction lifts most tasks. With labels
    the better of both on them is taken.
    """
    labels = list(program.label_words)
    inputs = [*(e.inputs for e in labelled), *unlabelled[:PRIOR_ROWS]]
    logprobs = label_scores(program, inputs, model)
    prior = prior_of(logprobs[len(labelled) :] if len(logprobs) > len(labelled) else logprobs, labels) if inputs else None
    if not labelled:
        tried = (Configuration(settings=prior_settings(corrected=prior is not None), dev_score=None),)
        return PromptedCandidate(program=program, prior=prior), tried, None
    choices = dev_choices(logprobs[: len(labelled)], prior, labelled, labels, spec, metric)
    best = best_of(choices)
    tried = tuple(
        Configuration(settings=prior_settings(corrected=i == 1), dev_score=c.score) for i, c in enumerate(choices)
    )
    return PromptedCandidate(program=program, prior=prior if best == 1 else None), tried, choices[best].score


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


def prior_settings(*, corrected: bool) -> dict[str, Json]:
    """Return how the store names the choice."""
    return {"prior": "corrected" if corrected else "as it is"}
