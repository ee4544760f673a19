"""What a test can see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.stats import (
    compare,
    detectable_difference,
    examples_needed,
    further_examples,
    measured_detectable_difference,
)


@given(n=st.integers(10, 5000), seeds=st.integers(1, 5))
def test_more_examples_see_more(n: int, seeds: int) -> None:
    assert detectable_difference(2 * n, seeds) <= detectable_difference(n, seeds) + 1e-6


def test_more_seeds_see_more() -> None:
    seen = [detectable_difference(300, seeds) for seeds in (2, 3, 5, 10)]
    assert seen == sorted(seen, reverse=True)


def test_the_needed_examples_are_those_that_see_the_difference() -> None:
    n = examples_needed(0.1, 3)
    assert n is not None
    assert detectable_difference(n, 3) <= 0.1
    assert detectable_difference(int(0.95 * n), 3) > 0.1


def test_seeds_that_differ_too_much_need_seeds_and_not_examples() -> None:
    assert examples_needed(0.1, 3, seed_sd=0.08) is None


def test_nothing_to_plan() -> None:
    with pytest.raises(ValueError, match="n_test must be at least 2"):
        detectable_difference(1, 3)


def _pair(gap: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    b = (generator.random((3, n)) < 0.6).astype(float)
    a = np.where(generator.random((3, n)) < 0.25, 1 - b, b)
    a[:, : int(gap * n)] = 1.0
    b[:, : int(gap * n)] = 0.0
    return a, b


def test_further_examples_would_settle_it() -> None:
    found = compare(*_pair(0.12, 60))
    more = further_examples(found)
    assert found.p > 0.05
    assert more is not None
    assert 10 < more < 5000


def test_an_exact_tie_can_be_settled_too() -> None:
    generator = np.random.default_rng(5)
    b = (generator.random((1, 100)) < 0.6).astype(float)
    a = b.copy()
    a[0, :10] = 1 - a[0, :10]
    more = further_examples(compare(a, b, a_is_random=False, b_is_random=False))
    assert more is not None
    assert more > 100


def test_measured_variances_replace_assumed_ones() -> None:
    calm = np.zeros((3, 300))
    calm[:, :6] = 1.0
    assert measured_detectable_difference(compare(calm, np.zeros((3, 300)))) < detectable_difference(300, 3)
