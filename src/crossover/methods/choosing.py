"""Choosing on labelled rows: dev scores from label log-probabilities, label priors, folds."""

from __future__ import annotations

__all__ = ["Choice", "folds", "label_frequencies", "prior_of"]

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp

from crossover.metrics import Metric
from crossover.model.base import FloatArray
from crossover.records import Example, TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How one configuration did on dev rows: mean metric, and mean log-probability of the right label."""

    score: float
    log_likelihood: float

    @classmethod
    def of(
        cls, logprobs: FloatArray, rows: Sequence[Example], labels: Sequence[str], spec: TaskSpec, metric: Metric
    ) -> Choice:
        """Score label log-probabilities [rows, labels] by the answers that they lead to."""
        best = logprobs.argmax(axis=1)
        scores = [metric.score(labels[b], row.target or "", spec) for b, row in zip(best, rows, strict=True)]
        index = {label: i for i, label in enumerate(labels)}
        normal = log_softmax(logprobs, axis=1)
        right = [normal[i, index[row.target]] for i, row in enumerate(rows) if row.target in index]
        return cls(score=float(np.mean(scores)), log_likelihood=float(np.mean(right)) if right else -np.inf)

    def key(self) -> float:
        """Return what to maximise: the metric plus the right label's mean probability (geometric).

        On a few dozen rows the metric alone is rough; the probability alone follows how sure a layout makes the model.
        """
        return self.score + float(np.exp(self.log_likelihood))


def prior_of(
    logprobs: FloatArray, labels: Sequence[str], frequencies: Mapping[str, float] | None = None
) -> Mapping[str, float]:
    """Return what to take off a frozen model's label log-probabilities, from its answers [inputs, labels].

    It is the log of the model's mean label distribution (batch calibration, Zhou et al. 2024, arXiv:2309.17249),
    estimated on inputs of the training split. That alone makes all labels equally frequent; with `frequencies` they
    become as frequent as these say, so that a rare label is not answered out of turn.
    """
    normal = log_softmax(logprobs, axis=1)
    mean = logsumexp(normal, axis=0) - np.log(len(normal))
    prior = {label: float(value) for label, value in zip(labels, mean, strict=True)}
    if frequencies is not None:
        prior = {label: value - float(np.log(frequencies[label])) for label, value in prior.items()}
    return prior


def label_frequencies(rows: Sequence[Example], labels: Sequence[str]) -> dict[str, float]:
    """Return each label's share among labelled rows; half a row is added to each, so that none is 0."""
    counts = Counter(row.target for row in rows)
    return {label: (counts[label] + 0.5) / (len(rows) + 0.5 * len(labels)) for label in labels}


def folds(rows: Sequence[Example], n: int, seed: int) -> list[list[int]]:
    """Return n disjoint lists of indices that cover all rows, labels spread evenly; n is cut to the number of rows."""
    generator = random.Random(f"crossover.folds/{seed}")
    by_label: dict[str | None, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        by_label[row.target].append(i)
    result: list[list[int]] = [[] for _ in range(min(n, len(rows)))]
    place = 0
    for label in sorted(by_label, key=lambda label: (-len(by_label[label]), str(label))):
        members = by_label[label]
        generator.shuffle(members)
        for i in members:
            result[place % len(result)].append(i)
            place += 1
    return [sorted(fold) for fold in result]
