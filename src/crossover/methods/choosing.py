"""Choosing on labelled rows: dev scores from label log-probabilities, label priors, folds."""

from __future__ import annotations

__all__ = ["Choice", "chosen_score", "folds", "label_frequencies", "out_of_bag_score", "prior_of"]

import random
from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp

from crossover.metrics import Metric
from crossover.model.base import FloatArray
from crossover.records import Example, TaskSpec

_DRAWS = 400
_FEWEST_DRAWS = 20
_MOST_NUMBERS = 10**7
"""Draws times rows: thousands of rows are steady with fewer draws, and all draws of them would fill the memory."""

_LEAST_LIKELY = -1e6
"""In place of -inf, which times 0 is NaN."""


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
        scores = [metric.score(labels[b], row, spec) for b, row in zip(best, rows, strict=True)]
        index = {label: i for i, label in enumerate(labels)}
        normal = log_softmax(logprobs, axis=1)
        right = [normal[i, index[row.target]] if row.target in index else np.nan for i, row in enumerate(rows)]
        return cls(
            rows=tuple(row.id for row in rows),
            scores=np.array(scores, dtype=np.float64),
            log_likelihoods=np.array(right, dtype=np.float64),
        )

    def on(self, rows: Container[str]) -> Choice:
        """Return how it did on those of its rows that are among these ids."""
        kept = np.array([row in rows for row in self.rows], dtype=bool)
        return Choice(
            rows=tuple(row for row in self.rows if row in rows),
            scores=self.scores[kept],
            log_likelihoods=self.log_likelihoods[kept],
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

    def key(self) -> float:
        """Return what to maximise: the metric plus the right label's mean probability (geometric).

        On a few dozen rows the metric alone is rough; the probability alone follows how sure a layout makes the model.
        """
        return self.score + float(np.exp(self.log_likelihood))


def chosen_score(tried: Sequence[Choice]) -> float:
    """Return what choosing the best of these configurations scores on rows that have no say in the choice.

    See `out_of_bag_score`. Rows that a configuration was not scored on are its demonstrations.
    """
    rows = list(dict.fromkeys(row for choice in tried for row in choice.rows))
    place = {row: i for i, row in enumerate(rows)}
    scores = np.full((len(tried), len(rows)), np.nan)
    log_likelihoods = np.full((len(tried), len(rows)), np.nan)
    for choice, own_scores, own_likelihoods in zip(tried, scores, log_likelihoods, strict=True):
        where = [place[row] for row in choice.rows]
        own_scores[where] = choice.scores
        own_likelihoods[where] = choice.log_likelihoods
    found = out_of_bag_score(scores, log_likelihoods)
    return max(choice.score for choice in tried) if found is None else found


def out_of_bag_score(scores: FloatArray, log_likelihoods: FloatArray | None = None) -> float | None:
    """Return what choosing a configuration scores on rows that have no say in the choice, or None without any.

    The best one's own score is too good: it is the best because of these very rows. So rows are drawn with replacement,
    the configuration that is best on them is scored on the rows that were not drawn, and each row takes the mean over
    the draws that left it out (the leave-one-out bootstrap, Efron & Tibshirani 1997, doi:10.2307/2965703). Leaving out
    one row at a time is as little biased but far noisier: where two configurations are close, every row is judged by
    the one that it does not favour.

    Args:
        scores: the metric, [configurations, rows]; NaN where a configuration was not scored on a row.
        log_likelihoods: of the right labels, likewise; with them a configuration is best by `Choice.key`.
    """
    n = scores.shape[1]
    if not n:
        return None
    draws = min(_DRAWS, max(_FEWEST_DRAWS, _MOST_NUMBERS // n))
    drawn = np.random.default_rng(0).multinomial(n, [1 / n] * n, size=draws).astype(np.float64)
    keys = np.nan_to_num(_weighted_means(drawn, scores))
    if log_likelihoods is not None:
        keys += np.nan_to_num(np.exp(_weighted_means(drawn, np.maximum(log_likelihoods, _LEAST_LIKELY))))
    judged = scores[keys.argmax(axis=1)]
    judged[drawn > 0] = np.nan
    times = (~np.isnan(judged)).sum(axis=0)
    if not times.any():
        return None
    return float((np.nansum(judged, axis=0)[times > 0] / times[times > 0]).mean())


def _weighted_means(weights: FloatArray, values: FloatArray) -> FloatArray:
    """Return means over the values that are known, [draws, configurations]; NaN where none is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means: FloatArray = weights @ np.where(known, values, 0.0).T / (weights @ known.T)
    return means


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
    """Return n disjoint lists of indices that cover all rows, labels spread evenly; n is cut to the number of rows.

    Targets that occur once are no labels to spread: their rows are dealt out at random, as written answers are.
    """
    generator = random.Random(f"crossover.folds/{seed}")
    by_label: dict[str | None, list[int]] = defaultdict(list)
    times = Counter(row.target for row in rows)
    for i, row in enumerate(rows):
        by_label[row.target if times[row.target] > 1 else None].append(i)
    result: list[list[int]] = [[] for _ in range(min(n, len(rows)))]
    place = 0
    for label in sorted(by_label, key=lambda label: (-len(by_label[label]), str(label))):
        members = by_label[label]
        generator.shuffle(members)
        for i in members:
            result[place % len(result)].append(i)
            place += 1
    return [sorted(fold) for fold in result]
