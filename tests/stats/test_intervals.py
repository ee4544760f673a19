"""Intervals of one mean score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from crossover.stats import arm_interval, wilson
from crossover.verdict.synthetic import draw_scores


@given(n=st.integers(1, 500), share=st.floats(0, 1), level=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_is_scipys(n: int, share: float, level: float) -> None:
    successes = round(share * n)
    expected = binomtest(successes, n).proportion_ci(level, method="wilson")
    found = wilson(successes, n, level)
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)


def test_wilson_of_nothing_is_everything() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


def test_one_row_of_rights_and_wrongs_gets_wilson() -> None:
    found = arm_interval(np.array([[1.0] * 24 + [0.0] * 6]))
    assert found.interval == wilson(24, 30)
    assert found.mean == pytest.approx(0.8)


def test_identical_rows_count_as_one() -> None:
    row = np.array([1.0] * 24 + [0.0] * 6)
    assert arm_interval(np.stack([row, row, row])).interval == wilson(24, 30)


@given(
    seeds=st.integers(1, 4),
    n=st.integers(1, 40),
    high=st.sampled_from([1, 2, 5]),
    seed=st.integers(0, 10_000),
)
def test_interval_holds_the_mean_and_stays_inside(seeds: int, n: int, high: int, seed: int) -> None:
    scores = np.random.default_rng(seed).integers(0, high + 1, (seeds, n)) / high
    found = arm_interval(scores)
    assert 0 <= found.interval.low <= found.mean <= found.interval.high <= 1


@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.0), (3, 0.0), (3, 0.02), (3, 0.04)])
@pytest.mark.parametrize("n", [30, 100, 400])
@pytest.mark.parametrize("score", [0.5, 0.8, 0.95])
def test_coverage(seeds: int, seed_sd: float, n: int, score: float) -> None:
    """At least 93%; 1,000 draws, so two standard errors (1.6 points) of grace."""
    drawn = draw_scores(
        score, seed_sd, repeats=1000, seeds=seeds, n_test=n, generator=np.random.default_rng([seeds, n])
    )
    found = [arm_interval(scores).interval for scores in drawn.scores]
    covered = np.mean([interval.low <= drawn.expected <= interval.high for interval in found])
    assert covered >= 0.93 - 0.016


def test_several_seeds_widen_when_they_differ() -> None:
    generator = np.random.default_rng(3)
    calm = draw_scores(0.8, 0.0, repeats=1, seeds=3, n_test=400, generator=generator).scores[0]
    wild = calm.copy()
    wild[0, :80] = 0.0
    widths = [arm_interval(scores).interval for scores in (calm, wild)]
    assert widths[1].high - widths[1].low > 2 * (widths[0].high - widths[0].low)
