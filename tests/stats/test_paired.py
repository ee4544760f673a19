"""The paired comparison: its algebra, and its error rates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import ttest_1samp

from crossover.stats import compare
from crossover.stats.components import components, spread

Array = NDArray[np.float64]


def _scores(seed: int, seeds: int, n: int) -> tuple[Array, Array]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 2, (seeds, n)).astype(float), generator.integers(0, 2, (seeds, n)).astype(float)


@given(seed=st.integers(0, 10_000), seeds=st.integers(1, 4), n=st.integers(2, 40))
def test_antisymmetric(seed: int, seeds: int, n: int) -> None:
    a, b = _scores(seed, seeds, n)
    forwards, backwards = compare(a, b), compare(b, a)
    assert forwards.difference == pytest.approx(-backwards.difference)
    assert forwards.p == pytest.approx(backwards.p)
    assert forwards.interval.low == pytest.approx(-backwards.interval.high)


@given(seed=st.integers(0, 10_000), seeds=st.integers(1, 4), n=st.integers(2, 40), data=st.data())
def test_order_of_seeds_and_examples_does_not_matter(seed: int, seeds: int, n: int, data: st.DataObject) -> None:
    a, b = _scores(seed, seeds, n)
    rows, columns = data.draw(st.permutations(range(seeds))), data.draw(st.permutations(range(n)))
    again = compare(a[rows][:, columns], b[rows][:, columns])
    assert again.p == pytest.approx(compare(a, b).p)


@given(seed=st.integers(0, 10_000), seeds=st.integers(1, 3), n=st.integers(2, 40), scale=st.floats(0.1, 10))
def test_scaled_scores_give_the_same_p(seed: int, seeds: int, n: int, scale: float) -> None:
    a, b = _scores(seed, seeds, n)
    if (a == b).all():
        return
    assert compare(scale * a, scale * b).p == pytest.approx(compare(a, b).p, rel=1e-6)


@given(seed=st.integers(0, 10_000), seeds=st.integers(1, 4), n=st.integers(2, 60), pool=st.none() | st.floats(0, 0.01))
def test_interval_and_p_agree(seed: int, seeds: int, n: int, pool: float | None) -> None:
    a, b = _scores(seed, seeds, n)
    found = compare(a, b, seed_variance_pool=pool)
    if abs(found.p - 0.05) > 1e-6:
        assert (found.p > 0.05) == (found.interval.low <= 0 <= found.interval.high)


def test_one_seed_is_the_paired_t_test() -> None:
    """But for the one unseen disagreement, 1/N², that is added to the variance."""
    a, b = _scores(7, 1, 4000)
    expected = ttest_1samp((a - b)[0], 0.0)
    assert compare(a, b).p == pytest.approx(float(expected.pvalue), abs=1e-3)


def test_seeds_alone_are_a_t_test_with_two_degrees_of_freedom() -> None:
    """Where only seeds differ, the averaged tail is Student's: the quadrature is right."""
    a = np.repeat(np.array([[0.9], [0.8], [0.4]]), 50, axis=1)
    parts = components(a - 0.5)
    expected = ttest_1samp([0.4, 0.3, -0.1], 0.0)
    # 49 degrees of freedom stand where the normal distribution would: a little more than Student's alone.
    known = spread(parts)
    assert known.two_sided(parts.mean) == pytest.approx(float(expected.pvalue), rel=0.03)


def test_one_row_is_paired_with_every_seed() -> None:
    a, b = _scores(1, 3, 50)
    assert compare(a, b[:1]).p == compare(a, np.repeat(b[:1], 3, axis=0)).p


def test_single_seed_is_flagged_only_where_there_is_chance() -> None:
    a, b = _scores(1, 3, 50)
    assert compare(a[:1], b).candidate_only
    assert not compare(a[:1], b, a_is_random=False).candidate_only
    assert not compare(a, b).candidate_only
    assert compare(a[:1], b[:1], b_is_random=False).candidate_only


def test_ten_equal_answers_prove_nothing() -> None:
    same = np.ones((3, 10))
    found = compare(same, same)
    assert (found.difference, found.p) == (0.0, 1.0)
    assert found.interval.high > 0.15
    assert not found.equivalent(0.03)


def test_equivalence_needs_both_sides() -> None:
    generator = np.random.default_rng(0)
    a = (generator.random((1, 20_000)) < 0.7).astype(float)
    b = a.copy()
    b[0, :100] = 1 - b[0, :100]
    assert compare(a, b).equivalent(0.03)
    b[0, :2000] = 0.0
    assert not compare(a, b).equivalent(0.03)


def test_a_pool_never_lowers_the_variance_between_seeds() -> None:
    a, b = _scores(2, 3, 400)
    a[0] = 1.0
    own = compare(a, b)
    assert compare(a, b, seed_variance_pool=1e-9).p == pytest.approx(own.p, rel=1e-3)


@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 5), (3, 6)), ((3, 5), (2, 5)), ((3, 0), (3, 0)), ((0, 5), (1, 5))],
)
def test_shapes_that_do_not_fit(a: tuple[int, int], b: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="must h"):
        compare(np.zeros(a), np.zeros(b))


def _null_pairs(seed_sd: float, n: int, studies: int) -> Array:
    """Return differences [studies, 3, n] of two arms with equal expected score .7."""
    generator = np.random.default_rng([int(1000 * seed_sd), n])
    shape = (studies, 2, 3, n)
    z = 0.45**0.5 * generator.standard_normal((studies, 1, 1, n), dtype=np.float32)
    z = z + 0.25**0.5 * generator.standard_normal((studies, 2, 1, n), dtype=np.float32)
    z = z + 0.30**0.5 * generator.standard_normal(shape, dtype=np.float32)
    right = np.asarray(z < ndtri(0.7 + generator.normal(0, seed_sd, (studies, 2, 3, 1))), dtype=np.float64)
    return right[:, 0] - right[:, 1]


@pytest.mark.parametrize("seed_sd", [0.0, 0.01, 0.02, 0.04])
@pytest.mark.parametrize("n", [100, 500])
def test_false_wins_of_one_comparison(seed_sd: float, n: int) -> None:
    """At most 6%; 1,000 draws, so one and a half standard errors of grace."""
    p_values = [compare(d, np.zeros_like(d)).p for d in _null_pairs(seed_sd, n, 1000)]
    assert np.mean([p < 0.05 for p in p_values]) <= 0.06 + 0.011


def test_a_test_that_forgets_the_seeds_would_fail() -> None:
    """The guard of the test above can be seen to work: McNemar's way of one seed has 16% false wins and more."""
    p_values = [compare(d[:1], np.zeros((1, 500))).p for d in _null_pairs(0.04, 500, 300)]
    assert np.mean([p < 0.05 for p in p_values]) > 0.15
