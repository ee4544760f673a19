"""Learning curves: where one overtakes another, and how many labels an advantage is worth."""

from __future__ import annotations

__all__ = ["CurveEstimate", "CurveRow", "crossover_point", "data_advantage"]

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from crossover.records import Bound, Interval
from crossover.stats.components import Clusters
from crossover.stats.curve_rows import CurveRow, Row, read_rows

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveEstimate:
    """A number of labels read off two curves.

    Attributes:
        labels: the estimate, or None where there is none.
        bound: how `labels` reads (see `crossover.records.Crossover`).
        interval: two-sided 95%, or None where it cannot be estimated; `high` is infinite when it lies beyond what was
            measured.
        common_scores: lowest and highest score that both curves reach, or None when they have none in common.
    """

    labels: float | None
    bound: Bound
    interval: Interval | None
    common_scores: Interval | None


def crossover_point(
    rows: Iterable[Row],
    of: str,
    over: str,
    *,
    level: float = 0.95,
    resamples: int = 400,
    clusters: Clusters | None = None,
) -> CurveEstimate:
    """Return the number of labels from which `of` scores better than `over`.

    Rows are (labels, method, seed, score), for example (32, "lora", 0, 0.71), in any order, or mappings with these
    names, or a frame with these columns; rows of other methods, and those without a finite score, take no part.

    Mean scores are joined linearly in log(labels + 1), over the range of labels that both curves cover. Of several
    crossings the last counts: from there on `of` stays better as far as was measured. The interval resamples seeds
    (deviations widened by sqrt(S / (S - 1)), as 3 seeds resampled show two thirds of their variance) and, when
    `by_example` is given, examples (Rubin's Bayesian bootstrap, 1981), those of one of the `clusters` [examples]
    together; it is the same at every call. One seed without `by_example` has no interval.

    Bounds: `exact` inside the range; `at_most` when `of` is better from the smallest number of labels on; `at_least`
    when it is not yet better at the largest but the gap has narrowed there (or only one number of labels is common);
    `never` otherwise, or when the curves share no number of labels.

    Raises:
        OptionError: `of` or `over` is no method of the rows.
        DataError: a row cannot be read.
    """
    points = _Points(rows, of, over, clusters)
    labels, differences = points.differences()
    common = _common_scores(points.means(of), points.means(over))
    if labels.size == 0:
        return CurveEstimate(labels=None, bound="never", interval=None, common_scores=common)
    found, bound = _last_crossing(labels, differences)
    if bound == "never":
        return CurveEstimate(labels=None, bound=bound, interval=None, common_scores=common)
    interval = None
    if bound == "exact" and points.can_resample:
        interval = _percentiles(labels, points.resampled_differences(labels, resamples), level)
    return CurveEstimate(labels=found, bound=bound, interval=interval, common_scores=common)


def data_advantage(rows: Iterable[Row], of: str, over: str) -> CurveEstimate:
    """Return how many labels fewer `of` needs than `over` for the same score (Le Scao & Rush 2021, "data advantage").

    For each method the best of its seeds at each number of labels, then the running maximum, joined linearly in labels;
    the mean horizontal distance between the two curves, uniform over the scores that both reach. The interval is ± 1.96
    times the standard deviation over the estimates that leave out one seed of each method, as theirs does. Curves
    without a common score give `labels` None, bound "never". Scores that fall when labels are added are flattened by
    the running maximum. One seed has no interval. Rows are those of `crossover_point`.

    Raises:
        OptionError: `of` or `over` is no method of the rows.
        DataError: a row cannot be read.
    """
    table: dict[str, dict[float, dict[int, float]]] = {of: defaultdict(dict), over: defaultdict(dict)}
    for point in read_rows(rows, of, over):
        table[point.method][point.labels][point.seed] = point.score
    curves = {method: _best(points, None) for method, points in table.items()}
    common = _common_scores(curves[of][1], curves[over][1])
    advantage = _horizontal_distance(curves[of], curves[over])
    if advantage is None:
        return CurveEstimate(labels=None, bound="never", interval=None, common_scores=common)
    seeds = [sorted({seed for at in table[method].values() for seed in at}) for method in (of, over)]
    held_out = [
        _horizontal_distance(_best(table[of], first), _best(table[over], second))
        for first, second in product(*seeds)
        if min(map(len, seeds)) > 1
    ]
    kept = [value for value in held_out if value is not None]
    half = 1.96 * float(np.std(kept)) if len(kept) > 1 else None
    interval = None if half is None else Interval(low=advantage - half, high=advantage + half)
    return CurveEstimate(labels=advantage, bound="exact", interval=interval, common_scores=common)


class _Points:
    """The rows of two methods as arrays: labels -> seeds' scores."""

    def __init__(self, rows: Iterable[Row], of: str, over: str, clusters: Clusters | None) -> None:
        self.of, self.over, self._clusters = of, over, clusters
        self._rows: dict[str, dict[float, list[CurveRow]]] = {of: defaultdict(list), over: defaultdict(list)}
        for point in read_rows(rows, of, over):
            self._rows[point.method][point.labels].append(point)
        for at in self._rows.values():
            for points in at.values():
                points.sort(key=lambda point: (point.seed, point.score))
        self._flat = [
            point for method in (of, over) for at in sorted(self._rows[method]) for point in self._rows[method][at]
        ]

    @property
    def can_resample(self) -> bool:
        several = any(len(points) > 1 for at in self._rows.values() for points in at.values())
        return several or (bool(self._flat) and all(point.by_example is not None for point in self._flat))

    def means(self, method: str) -> Array:
        at = self._rows[method]
        return np.array([float(np.mean([point.score for point in at[labels]])) for labels in sorted(at)])

    def differences(self) -> tuple[Array, Array]:
        """Return the common range's numbers of labels and `of` minus `over` there."""
        sides = [np.array(sorted(self._rows[method]), dtype=np.float64) for method in (self.of, self.over)]
        if min(side.size for side in sides) == 0:
            return np.empty(0), np.empty(0)
        low, high = max(side[0] for side in sides), min(side[-1] for side in sides)
        labels = np.unique(np.concatenate(sides))
        labels = labels[(labels >= low) & (labels <= high)]
        if labels.size == 0:
            return labels, labels
        values = [
            np.interp(np.log1p(labels), np.log1p(side), self.means(method))
            for side, method in zip(sides, (self.of, self.over), strict=True)
        ]
        return labels, values[0] - values[1]

    def resampled_differences(self, labels: Array, resamples: int) -> Array:
        """Return `resamples` redrawn rows of the differences at `labels` [resamples, labels]."""
        generator = np.random.default_rng(20240601)
        scores = np.tile(np.array([point.score for point in self._flat]), (resamples, 1))
        matrices = [point.by_example for point in self._flat]
        if all(matrix is not None for matrix in matrices):
            stacked = np.stack([matrix for matrix in matrices if matrix is not None])
            units = stacked.shape[1] if self._clusters is None else int(self._clusters.max()) + 1
            weights = generator.standard_exponential((resamples, units), dtype=np.float32)
            if self._clusters is not None:
                weights = weights[:, self._clusters]
            weights /= weights.sum(axis=1, keepdims=True)
            scores = np.asarray(weights @ stacked.T.astype(np.float32), dtype=np.float64)
        seeds = sorted({point.seed for point in self._flat})
        drawn = generator.multinomial(len(seeds), [1 / len(seeds)] * len(seeds), size=resamples) / len(seeds)
        curves, start = [], 0
        for method in (self.of, self.over):
            columns = []
            for at in sorted(self._rows[method]):
                points = self._rows[method][at]
                block = scores[:, start : start + len(points)]
                start += len(points)
                share = drawn[:, [seeds.index(point.seed) for point in points]] + 1e-12
                mean = block.mean(axis=1)
                again = (block * share).sum(axis=1) / share.sum(axis=1)
                widen = sqrt(len(points) / (len(points) - 1)) if len(points) > 1 else 1.0
                columns.append(mean + widen * (again - mean))
            knots = np.log1p(np.array(sorted(self._rows[method])))
            curves.append(_interpolate(np.log1p(labels), knots, np.stack(columns, axis=1)))
        return curves[0] - curves[1]


def _interpolate(at: Array, knots: Array, values: Array) -> Array:
    """Interpolate each row of `values` [rows, knots] linearly at the points `at`, which lie inside the knots' range."""
    if knots.size == 1:
        return np.repeat(values, at.size, axis=1)
    right = np.clip(np.searchsorted(knots, at), 1, knots.size - 1)
    share = (at - knots[right - 1]) / (knots[right] - knots[right - 1])
    result: Array = values[:, right - 1] * (1 - share) + values[:, right] * share
    return result


def _last_crossing(labels: Array, differences: Array) -> tuple[float | None, Bound]:
    positive = differences > 0
    if positive[-1]:
        behind = np.flatnonzero(~positive)
        if behind.size == 0:
            return float(labels[0]), "at_most"
        left = int(behind[-1])
        share = -differences[left] / (differences[left + 1] - differences[left])
        log_left, log_right = np.log1p(labels[left]), np.log1p(labels[left + 1])
        return float(np.expm1(log_left + share * (log_right - log_left))), "exact"
    if labels.size == 1 or differences[-1] > differences[-2]:
        return float(labels[-1]), "at_least"
    return None, "never"


def _percentiles(labels: Array, drawn: Array, level: float) -> Interval:
    crossings = np.array([_crossing_or_end(labels, row) for row in drawn])
    crossings.sort()
    below = int((1 - level) / 2 * (len(crossings) - 1))
    return Interval(low=float(crossings[below]), high=float(crossings[len(crossings) - 1 - below]))


def _crossing_or_end(labels: Array, differences: Array) -> float:
    found, bound = _last_crossing(labels, differences)
    return found if found is not None and bound in ("exact", "at_most") else inf


def _best(table: dict[float, dict[int, float]], without: int | None) -> tuple[Array, Array]:
    """Return numbers of labels and the running maximum of the best seed's score there, one seed left out."""
    labels = sorted(at for at, scores in table.items() if any(seed != without for seed in scores))
    best = [max(score for seed, score in table[at].items() if seed != without) for at in labels]
    return np.array(labels, dtype=np.float64), np.maximum.accumulate(np.array(best, dtype=np.float64))


def _common_scores(first: Array, second: Array) -> Interval | None:
    if first.size == 0 or second.size == 0:
        return None
    low, high = max(float(first.min()), float(second.min())), min(float(first.max()), float(second.max()))
    return Interval(low=low, high=high) if low <= high else None


def _horizontal_distance(first: tuple[Array, Array], second: tuple[Array, Array]) -> float | None:
    """Return the mean of (labels of second - labels of first) over the scores that both reach, exactly."""
    common = _common_scores(first[1], second[1])
    if common is None:
        return None
    if common.low == common.high:
        at = np.array([common.low])
        return float((_labels_for(at, second) - _labels_for(at, first))[0])
    knots = np.unique(np.concatenate([first[1], second[1], [common.low, common.high]]))
    knots = knots[(knots >= common.low) & (knots <= common.high)]
    middles = (knots[1:] + knots[:-1]) / 2
    distances = _labels_for(middles, second) - _labels_for(middles, first)
    return float(np.dot(distances, np.diff(knots)) / (common.high - common.low))


def _labels_for(scores: Array, curve: tuple[Array, Array]) -> Array:
    """Return the number of labels at which a rising curve first reaches each score."""
    labels, values = curve
    right = np.searchsorted(values, scores, side="left")
    left = np.maximum(right - 1, 0)  # the first point itself where it is enough
    rise = values[right] - values[left]
    share = np.divide(scores - values[left], rise, out=np.zeros_like(rise), where=rise > 0)
    result: Array = labels[left] + share * (labels[right] - labels[left])
    return result
