"""The lost share of a gain: its arithmetic, and its interval beside a bootstrap's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crossover.stats import lost_share

Array = NDArray[np.float64]


def _gains(seed: int, seeds: int, n: int, mean: float) -> Array:
    """Return a gain on each example that is clearly above zero."""
    return mean + np.random.default_rng(seed).choice([-0.1, 0.0, 0.1], (seeds, n))


@given(seed=st.integers(0, 10_000), seeds=st.integers(1, 3), n=st.integers(20, 60), mean=st.floats(0.3, 0.9))
def test_the_identities(seed: int, seeds: int, n: int, mean: float) -> None:
    gain = _gains(seed, seeds, n, mean)
    kept, gone = lost_share(gain, gain), lost_share(gain, np.zeros_like(gain))
    assert kept is not None
    assert gone is not None
    assert kept.share == pytest.approx(0, abs=1e-12)
    assert kept.interval.low == 0
    assert gone.share == 1
    assert gone.interval.high == 1
    assert gone.rest.difference == 0


@given(seed=st.integers(0, 10_000), n=st.integers(20, 60), share=st.floats(0, 1), scale=st.floats(0.2, 1))
def test_a_part_of_the_gain(seed: int, n: int, share: float, scale: float) -> None:
    gain = _gains(seed, 2, n, 0.6)
    found = lost_share(gain, (1 - share) * gain)
    assert found is not None
    assert found.share == pytest.approx(share, abs=1e-9)
    assert 0 <= found.interval.low <= found.share + 1e-9
    assert found.share - 1e-9 <= found.interval.high <= 1
    again = lost_share(scale * gain, scale * (1 - share) * gain)
    assert again is not None
    assert again.share == pytest.approx(found.share, abs=1e-9)


@given(seed=st.integers(0, 10_000), left=st.floats(-1, 2))
def test_it_stays_between_nothing_and_all(seed: int, left: float) -> None:
    gain = _gains(seed, 2, 30, 0.5)
    found = lost_share(gain, left * _gains(seed + 1, 2, 30, 0.5))
    assert found is not None
    assert 0 <= found.interval.low <= found.share <= found.interval.high <= 1


@pytest.mark.parametrize("mean", [-0.5, 0.0, 0.05])
def test_no_clear_gain_has_no_share(mean: float) -> None:
    noise = np.random.default_rng(3).choice([-1.0, 1.0], (1, 40))
    assert lost_share(noise - noise.mean() + mean, np.zeros((1, 40))) is None


def test_the_interval_is_a_bootstraps_where_there_is_one_seed() -> None:
    """With one seed and many examples Fieller's interval and the paired bootstrap's percentiles agree."""
    draw = np.random.default_rng(11)
    gain = draw.choice([-1.0, 0.0, 1.0], 2000, p=[0.05, 0.45, 0.5])
    rest = np.where(draw.random(2000) < 0.4, gain, 0.0)
    found = lost_share(gain[None], rest[None])
    picks = draw.integers(0, 2000, (4000, 2000))
    low, high = np.percentile(1 - rest[picks].mean(axis=1) / gain[picks].mean(axis=1), [2.5, 97.5])
    assert found is not None
    assert found.interval.low == pytest.approx(low, abs=0.01)
    assert found.interval.high == pytest.approx(high, abs=0.01)


def test_seeds_that_disagree_widen_it() -> None:
    gain = _gains(1, 3, 60, 0.6)
    steady = lost_share(gain, 0.5 * gain)
    apart = lost_share(gain, np.array([[0.2], [0.5], [0.8]]) * gain)
    assert steady is not None
    assert apart is not None
    assert apart.interval.high - apart.interval.low > 3 * (steady.interval.high - steady.interval.low)
