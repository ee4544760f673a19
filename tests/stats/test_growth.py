"""What further labels buy: the algebra, and coverage on power laws of known exponent."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri

from crossover.stats import LabelPoint, further_gain

Array = NDArray[np.float64]


def _points(curve: dict[int, float], *, n: int = 400, seed_sd: float = 0.01, seed: int = 0) -> list[LabelPoint]:
    """Return a method's answers at each budget: some rows are hard at all of them, and every fit has its own luck."""
    generator = np.random.default_rng(seed)
    habit = generator.normal(size=n) * 0.7**0.5
    points = []
    for labels, score in curve.items():
        expected = np.clip(score + generator.normal(0, seed_sd, (3, 1)), 0.001, 0.999)
        right = habit + generator.normal(size=(3, n)) * 0.3**0.5 < ndtri(expected)
        points.append(LabelPoint(labels=labels, scores=right.astype(float)))
    return points


def _power_law(exponent: float, budgets: tuple[int, ...]) -> tuple[dict[int, float], float]:
    """Return a curve that begins at .4 and has .9 as its end, and what 100 labels more buy after its last budget."""

    def score(labels: int) -> float:
        return float(0.9 - 0.5 * ((labels + 1) / (budgets[0] + 1)) ** -exponent)

    return {b: score(b) for b in budgets}, score(budgets[-1] + 100) - score(budgets[-1])


@pytest.mark.parametrize("budgets", [(16, 64), (8, 32, 128), (0, 64)])
@pytest.mark.parametrize("exponent", [0.1, 0.25, 0.5, 1.0, 1.5])
def test_the_interval_covers_on_power_laws(exponent: float, budgets: tuple[int, ...]) -> None:
    curve, truth = _power_law(exponent, budgets)
    found = [further_gain(_points(curve, n=200, seed_sd=0.02, seed=seed), 100).interval for seed in range(30)]
    covered = sum(one.low <= truth <= one.high for one in found)
    assert covered >= 30 * 0.9 - 2 * (30 * 0.9 * 0.1) ** 0.5


def test_never_more_than_a_line_in_log_labels_would_give() -> None:
    found = further_gain(_points({16: 0.5, 64: 0.7}, n=20_000, seed_sd=0.0), 100)
    line = 0.2 * np.log(165 / 65) / np.log(65 / 17)
    assert 0 < found.interval.low < found.gain < line
    assert found.interval.high <= line + 0.01


def test_a_curve_that_has_flattened_promises_little() -> None:
    found = further_gain(_points({8: 0.5, 32: 0.8, 128: 0.81}, n=5000, seed_sd=0.002), 100)
    assert abs(found.gain) < 0.01
    assert found.interval.high < 0.02


def test_nothing_above_a_score_of_one() -> None:
    found = further_gain(_points({8: 0.5, 32: 0.97}), 100)
    room = 1 - float(_points({8: 0.5, 32: 0.97})[-1].scores.mean())
    assert found.gain <= found.interval.high <= room + 1e-9


def test_seeds_and_clusters_widen_it() -> None:
    points = _points({16: 0.5, 64: 0.6}, seed_sd=0.0)
    unstable = [LabelPoint(labels=p.labels, scores=np.clip(p.scores, 0.1 * np.arange(3)[:, None], 1)) for p in points]
    groups = np.repeat(np.arange(20), 20)
    alike = [LabelPoint(labels=p.labels, scores=np.sort(p.scores, axis=1)) for p in points]

    def width(points: list[LabelPoint], clusters: NDArray[np.intp] | None = None) -> float:
        found = further_gain(points, 100, clusters=clusters).interval
        return found.high - found.low

    assert width([unstable[0], points[1]]) > width(points)
    assert width(alike, groups) > width(alike)


def test_a_start_without_chance_is_one_row() -> None:
    points = _points({0: 0.4, 64: 0.6})
    once = LabelPoint(labels=0, scores=points[0].scores[:1])
    thrice = LabelPoint(labels=0, scores=np.repeat(points[0].scores[:1], 3, axis=0))
    assert further_gain([once, points[1]], 100) == further_gain([thrice, points[1]], 100)


@pytest.mark.parametrize("labels", [(64,), (64, 64), (64, 16)])
def test_points_must_rise(labels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least two points with rising labels"):
        further_gain([LabelPoint(labels=n, scores=np.ones((3, 5))) for n in labels], 100)
