"""Choosing on labelled rows: dev scores from label log-probabilities, label priors, folds."""

from __future__ import annotations

__all__ = ["Choice", "chosen_score", "folds", "label_frequencies", "prior_of"]

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp

from crossover.metrics import Metric
from crossover.model.base import FloatArray
from crossover.records import Example, TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """How one configuration did on dev rows.

    Attributes:
        rows: the rows' ids.
        scores: the metric on each row, [rows].
        log_likelihoods: log-probability of each row's right label, [rows]; NaN where the label is unknown.
    """

    rows: tuple[str, ...]
    scores: FloatArray
    log_likelihoods: FloatArray

    @classmethod
    def of(
        cls, logprobs: FloatArray, rows: Sequence[Example], labels: Sequence[str], spec: TaskSpec, metric: Metric
    ) -> Choice:
        """Score label log-probabilities [rows, labels] by the answers that they lead to."""
        best = logprobs.argmax(axis=1)
        scores = [metric.score(labels[b], row.target or "", spec) for b, row in zip(best, rows, strict=True)]
        index = {label: i for i, label in enumerate(labels)}
        normal = log_softmax(logprobs, axis=1)
        right = [normal[i, index[row.target]] if row.target in index else np.nan for i, row in enumerate(rows)]
        return cls(
            rows=tuple(row.id for row in rows),
            scores=np.array(scores, dtype=np.float64),
            log_likelihoods=np.array(right, dtype=np.float64),
        )

    @property
    def score(self) -> float:
        """The mean metric."""
        return float(self.scores.mean())

    @property
    def log_likelihood(self) -> float:
        """Mean log-probability of the right label."""
        known = self.log_likelihoods[~np.isnan(self.log_likelihoods)]
        return float(known.mean()) if len(known) else -np.inf

    def key(self, *, without: str | None = None) -> float:
        """Return what to maximise: the metric plus the right label's mean probability (geometric).

        On a few dozen rows the metric alone is rough; the probability alone follows how sure a layout makes the model.

        Args:
            without: a row's id that shall not count.
        """
        kept = np.array([row != without for row in self.rows])
        known = self.log_likelihoods[kept & ~np.isnan(self.log_likelihoods)]
        score = float(self.scores[kept].mean()) if kept.any() else 0.0
        return score + (float(np.exp(known.mean())) if len(known) else 0.0)


def chosen_score(tried: Sequence[Choice]) -> float:
    """Return what choosing the best of these configurations scores on a row that had no say in the choice.

    The best one's own score is too good: it is the best because of these very rows. So each row is scored by the
    configuration that the other rows choose (leave-one-out; Varma & Simon 2006, doi:10.1186/1471-2105-7-91). A row that
    the chosen configuration was not scored on (it is one of its demonstrations) is passed over.
    """
    found = []
    for row in dict.fromkeys(row for choice in tried for row in choice.rows):
        best = max(tried, key=lambda choice: choice.key(without=row))
        if row in best.rows:
            found.append(best.scores[best.rows.index(row)])
    return float(np.mean(found)) if found else max(choice.score for choice in tried)


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
