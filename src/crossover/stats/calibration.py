"""Whether answers that are said to be likely are as often right: reliability curve and expected calibration error."""

from __future__ import annotations

__all__ = ["Calibration", "CalibrationBin", "calibration"]

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from crossover.records import Interval
from crossover.stats.intervals import wilson

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Answers whose confidence lies above `low` and not above `high`.

    Attributes:
        low, high: of the confidence.
        n: answers, all seeds together.
        confidence, score: their means.
        interval: of the score, by the number of different examples: seeds that answer the same question are no more
            questions.
    """

    low: float
    high: float
    n: int
    confidence: float
    score: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A reliability curve.

    Attributes:
        bins: those that hold an answer, in ascending order.
        error: expected calibration error: the bins' distances between confidence and score, weighted by their answers.
        by_chance: about the error that perfectly calibrated answers would show with so few examples.
        n: answers with a confidence and a score.
    """

    bins: tuple[CalibrationBin, ...]
    error: float
    by_chance: float
    n: int


def calibration(
    confidence: NDArray[np.float64], score: NDArray[np.float64], *, bins: int = BINS, level: float = 0.95
) -> Calibration | None:
    """Return the reliability curve over `bins` equal bins of 0..1, or None where no answer has both numbers.

    Naeini, Cooper & Hauskrecht 2015 and Guo et al. 2017; a bin holds its upper end, as there.

    Args:
        confidence, score: [seeds, examples], in 0..1, NaN where unknown.
        bins: how many.
        level: of the bins' intervals.

    Raises:
        ValueError: the shapes differ.
    """
    sure, right = (np.atleast_2d(np.asarray(side, dtype=np.float64)) for side in (confidence, score))
    if sure.shape != right.shape:
        raise ValueError(f"confidence and score must have one shape, but have {sure.shape} and {right.shape}")
    known = ~(np.isnan(sure) | np.isnan(right))
    n = int(known.sum())
    if n == 0:
        return None
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.where(known, np.searchsorted(edges[1:-1], sure), -1)
    found, error, chance = [], 0.0, 0.0
    for index in range(bins):
        inside = place == index
        count = int(inside.sum())
        if count == 0:
            continue
        said, got = sure[inside], right[inside]
        examples = int(inside.any(axis=0).sum())
        mean = min(1.0, max(0.0, float(got.mean())))
        found.append(
            CalibrationBin(
                low=float(edges[index]),
                high=float(edges[index + 1]),
                n=count,
                confidence=float(said.mean()),
                score=mean,
                interval=wilson(mean * examples, examples, level),
            )
        )
        error += count / n * abs(float(said.mean()) - mean)
        # The mean distance of a normal variable from its mean is its deviation times √(2/π).
        chance += count / n * sqrt(2 / pi * float((said * (1 - said)).mean()) / examples)
    return Calibration(bins=tuple(found), error=error, by_chance=chance, n=n)
