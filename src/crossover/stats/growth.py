"""What further labels would buy, read on from a learning curve."""

from __future__ import annotations

__all__ = ["Growth", "LabelPoint", "further_gain"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from crossover.records import Interval
from crossover.stats.components import Clusters, components, spread

Array = NDArray[np.float64]

EXPONENTS: Array = 2 * np.square((np.arange(12) + 0.5) / 12)
"""How fast a curve may flatten, each as likely as the others before it is seen: score = a - b (labels + 1)^-c with c
between 0 (straight in the logarithm of the labels) and 2 (nearly at its end); small ones, which are common, lie
closer."""

_HALVINGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPoint:
    """A curve's point: a method's `scores` [seeds, examples] with so many labels; one row where there is no chance."""

    labels: int
    scores: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A gain in score, as a fraction of 1, with its two-sided interval."""

    gain: float
    interval: Interval


def further_gain(
    points: Sequence[LabelPoint], further: int, *, level: float = 0.95, clusters: Clusters | None = None
) -> Growth:
    """Return what `further` labels beyond the last point would buy, if the curve goes on as a power law.

    Learning curves are well described by a - b n^-c (Viering & Loog 2023, "The shape of learning curves"). Two or three
    points do not tell how soon a curve flattens, and a line in log labels promises the most that one of this form can:
    so c is not fitted but averaged over (`EXPONENTS`), weighted, where there are three points or more, by how well each
    fits. For each c the gain is linear in the scores; so it has a value for each seed and example, and its uncertainty
    has both sources of chance in it (see `components`). The interval's ends are quantiles of the mixture, its middle
    the median.

    Args:
        points: at least two, by rising labels; the same examples in the same order, row s of each fitted on seed s's
            sample.
        further: labels beyond the last point's.
        level: of the interval.
        clusters: which examples belong together (see `compare`).

    Raises:
        ValueError: there are fewer than two points, or they do not rise.
    """
    labels = np.array([point.labels for point in points], dtype=np.float64)
    if labels.size < 2 or bool((np.diff(labels) <= 0).any()):
        raise ValueError(f"at least two points with rising labels are needed, but got {labels.tolist()}")
    seeds = max(len(point.scores) for point in points)
    scores = np.stack([np.broadcast_to(point.scores, (seeds, point.scores.shape[1])) for point in points])
    centres, deviations, masses = [], [], []
    degrees = 1.0
    for weights in _contrasts(labels, further):
        parts = components(np.tensordot(weights, scores, axes=1), clusters)
        # One difference that was not seen, as in `compare`, in the share that the step counts for.
        floor = (float(np.abs(weights).max()) / parts.n_examples) ** 2
        known = spread(parts, floor=floor)
        centres.append(np.full(known.variances.size, parts.mean))
        deviations.append(np.sqrt(known.variances))
        masses.append(known.weights)
        degrees = known.degrees
    chances = _fits(labels, scores, clusters)
    centre, deviation = np.concatenate(centres), np.concatenate(deviations)
    mass = np.concatenate([chance * one for chance, one in zip(chances, masses, strict=True)])
    room = 1 - float(scores[-1].mean())

    def quantile(share: float) -> float:
        reach = 4 * float(deviation.max()) + float(np.abs(centre).max()) + 1
        low, high = -reach, reach
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = float(np.dot(mass, stdtr(degrees, (middle - centre) / deviation)))
            low, high = (middle, high) if below < share else (low, middle)
        return min((low + high) / 2, room)

    interval = Interval(low=quantile((1 - level) / 2), high=quantile((1 + level) / 2))
    return Growth(gain=quantile(0.5), interval=interval)


def _shapes(labels: Array) -> Array:
    """Return how far a curve has risen at each number of labels, for each exponent [exponents, labels]."""
    logs = np.log1p(labels)
    result: Array = -np.expm1(-EXPONENTS[:, None] * logs[None, :]) / EXPONENTS[:, None]
    return result


def _contrasts(labels: Array, further: int) -> Array:
    """Return the weights of the points' scores in the gain, for each exponent [exponents, points] (least squares)."""
    shapes = _shapes(np.append(labels, labels[-1] + further))
    seen = shapes[:, :-1]
    away = seen - seen.mean(axis=1, keepdims=True)
    slopes = away / np.square(away).sum(axis=1, keepdims=True)
    result: Array = (shapes[:, -1:] - seen[:, -1:]) * slopes
    return result


def _fits(labels: Array, scores: Array, clusters: Clusters | None) -> Array:
    """Return how likely each exponent is, given how far the points lie from its best curve; they sum to 1."""
    if labels.size < 3:
        return np.full(EXPONENTS.size, 1 / EXPONENTS.size)
    means = scores.mean(axis=(1, 2))
    shapes = _shapes(labels)
    away = shapes - shapes.mean(axis=1, keepdims=True)
    centred = means - means.mean()
    slopes = (away @ centred) / np.square(away).sum(axis=1)
    squares = np.square(centred - slopes[:, None] * away).sum(axis=1)
    noise = float(np.mean([components(step, clusters).variance for step in np.diff(scores, axis=0)])) / 2
    # A noise that few seeds tell of is not known well: tails as of a t distribution with as many degrees of freedom.
    degrees = max(1, scores.shape[1] - 1)
    chances = (1 + squares / (degrees * max(noise, 1e-12))) ** (-(degrees + labels.size - 2) / 2)
    result: Array = chances / chances.sum()
    return result
