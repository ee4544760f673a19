"""Choosing on labelled rows: dev scores from label log-probabilities, label priors, folds."""

from __future__ import annotations

__all__ = ["Choice", "best_of", "folds", "prior_of"]

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp

from crossover.metrics import Metric
from crossover.model.base import FloatArray
from crossover.records import Example, TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How one configuration did on dev rows: mean metric, and mean log-probability of the right label to break ties."""

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

    def key(self) -> tuple[float, float]:
        """Return what to maximise."""
        return (self.score, self.log_likelihood)


def prior_of(logprobs: FloatArray, labels: Sequence[str]) -> Mapping[str, float]:
    """Return the label prior of a frozen model: the log of its mean label distribution over inputs [inputs, labels].

    Batch calibration (Zhou et al. 2024, arXiv:2309.17249), estimated on inputs of the training split.
    """
    normal = log_softmax(logprobs, axis=1)
    mean = logsumexp(normal, axis=0) - np.log(len(normal))
    return {label: float(value) for label, value in zip(labels, mean, strict=True)}


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


def best_of(choices: Sequence[Choice]) -> int:
    """Return the index of the best; the first of equals."""
    return max(range(len(choices)), key=lambda i: (*choices[i].key(), -i))
