"""Examples that belong together: an oracle, what singletons and copies give, and what ignoring them costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crossover.stats import CurveRow, arm_interval, compare, crossover_point, further_examples, lost_share
from crossover.stats.components import components

Array = NDArray[np.float64]


@given(seed=st.integers(0, 10_000), seeds=st.integers(1, 4), n=st.integers(2, 40))
def test_clusters_of_one_change_nothing(seed: int, seeds: int, n: int) -> None:
    values = np.random.default_rng(seed).integers(-1, 2, (seeds, n)).astype(float)
    alone, clustered = components(values), components(values, np.arange(n)[::-1].copy())
    assert clustered.n_examples == alone.n_examples
    for name in ("degrees", "mean", "ms_seeds", "ms_examples", "ms_error"):
        assert getattr(clustered, name) == pytest.approx(getattr(alone, name), abs=1e-12)


@given(seed=st.integers(0, 10_000), seeds=st.integers(1, 4), n=st.integers(2, 20), copies=st.integers(2, 5))
def test_copies_of_an_example_count_once(seed: int, seeds: int, n: int, copies: int) -> None:
    values = np.random.default_rng(seed).integers(-1, 2, (seeds, n)).astype(float)
    once, often = components(values), components(np.repeat(values, copies, axis=1), np.repeat(np.arange(n), copies))
    for name in ("mean", "n_examples", "ms_seeds", "ms_examples", "ms_error", "degrees"):
        assert getattr(often, name) == pytest.approx(getattr(once, name), abs=1e-12)


def test_the_variance_is_the_cluster_robust_one() -> None:
    """CR2 of a mean, written out with matrices: residuals of each cluster times (I - H)^-1/2 (Bell & McCaffrey 2002).

    H is 1/N everywhere, so inside a cluster of m rows (I - H)^-1/2 shrinks nothing but the mean's direction.
    """
    generator = np.random.default_rng(3)
    sizes = [1, 2, 5, 3, 9, 4]
    clusters = np.repeat(np.arange(6), sizes)
    values = generator.normal(size=clusters.size)
    residuals = values - values.mean()
    meat = 0.0
    for cluster, size in enumerate(sizes):
        hat = np.full((size, size), 1 / clusters.size)
        eigenvalues, vectors = np.linalg.eigh(np.eye(size) - hat)
        root = vectors @ np.diag(eigenvalues**-0.5) @ vectors.T
        meat += float((root @ residuals[clusters == cluster]).sum()) ** 2
    assert components(values[None], clusters).variance == pytest.approx(meat / clusters.size**2)


@given(seed=st.integers(0, 1000), labels=st.permutations(range(5)))
def test_the_names_of_clusters_do_not_matter(seed: int, labels: list[int]) -> None:
    generator = np.random.default_rng(seed)
    values, clusters = generator.normal(size=(3, 30)), generator.integers(0, 5, 30)
    again = components(values, 7 * np.array(labels)[clusters])
    assert again.variance == pytest.approx(components(values, clusters).variance)


def test_one_cluster_tells_nothing() -> None:
    found = compare(np.ones((3, 50)), np.zeros((3, 50)), clusters=np.zeros(50, dtype=np.intp))
    assert found.p > 0.05
    assert arm_interval(np.ones((1, 50)), clusters=np.zeros(50, dtype=np.intp)).interval.low < 0.3


def test_a_cluster_that_is_most_of_the_test_tells_little() -> None:
    """One of six clusters has 95% of the rows: it counts as about one, whatever its rows say."""
    generator = np.random.default_rng(0)
    clusters = np.array([0] * 95 + [1, 2, 3, 4, 5])
    even = np.repeat(np.arange(5), 20)
    a, b = (generator.random((3, 100)) < 0.7).astype(float), (generator.random((3, 100)) < 0.5).astype(float)
    assert components(a - b, clusters).degrees == pytest.approx(1.0, abs=0.01)
    assert components(a - b, even).degrees == pytest.approx(4.0)


def test_clusters_must_fit() -> None:
    with pytest.raises(ValueError, match="clusters must name one for each of 4 examples"):
        compare(np.ones((1, 4)), np.zeros((1, 4)), clusters=np.zeros(3, dtype=np.intp))


def _clustered(generator: np.random.Generator, *, groups: int, alike: float) -> tuple[Array, Array, NDArray[np.intp]]:
    """Return two equally good arms' answers to groups of 1 to 12 rows, and the groups.

    Each arm has groups that suit it: a share `alike` of what decides an answer belongs to arm and group.
    """
    sizes = generator.integers(1, 13, groups)
    clusters = np.repeat(np.arange(groups), sizes)
    arms = []
    for _ in range(2):
        common = generator.normal(size=groups)[clusters] * alike**0.5
        arms.append((common + generator.normal(size=(3, clusters.size)) * (1 - alike) ** 0.5 < 0.5).astype(float))
    return arms[0], arms[1], clusters


def test_false_wins_stay_rare_where_rows_are_alike() -> None:
    generator = np.random.default_rng(1)
    studies = [_clustered(generator, groups=40, alike=0.5) for _ in range(400)]
    known = np.mean([compare(a, b, clusters=clusters).p < 0.05 for a, b, clusters in studies])
    ignored = np.mean([compare(a, b).p < 0.05 for a, b, _ in studies])
    assert known <= 0.06 + 2 * (0.06 * 0.94 / 400) ** 0.5
    assert ignored > 0.15, "ignoring the groups must show"


def test_an_arms_interval_covers_where_rows_are_alike() -> None:
    generator = np.random.default_rng(2)
    expected = 0.691462  # of a normal score below 0.5
    found = [_clustered(generator, groups=40, alike=0.5) for _ in range(400)]
    known = [arm_interval(a, clusters=clusters).interval for a, _, clusters in found]
    ignored = [arm_interval(a).interval for a, _, _ in found]
    assert np.mean([one.low <= expected <= one.high for one in known]) >= 0.93 - 2 * (0.93 * 0.07 / 400) ** 0.5
    assert np.mean([one.low <= expected <= one.high for one in ignored]) < 0.85


def test_the_crossing_is_less_sure_where_rows_are_alike() -> None:
    generator = np.random.default_rng(4)
    clusters = np.repeat(np.arange(20), 10)
    rows = []
    for method, scores in {"lora": {8: 0.4, 64: 0.8}, "few-shot": {8: 0.6, 64: 0.6}}.items():
        suits = np.repeat(generator.normal(size=20), 10)
        rows += [
            CurveRow(labels, method, 0, score, (suits < np.quantile(suits, score)).astype(float))
            for labels, score in scores.items()
        ]
    widths = []
    for given_clusters in (None, clusters):
        interval = crossover_point(rows, "lora", "few-shot", clusters=given_clusters).interval
        assert interval is not None
        widths.append(interval.high - interval.low)
    assert widths[1] > 1.5 * widths[0]


def test_more_rows_are_needed_where_rows_are_alike() -> None:
    generator = np.random.default_rng(5)
    clusters = np.repeat(np.arange(30), 10)
    a, b = ((np.repeat(generator.normal(size=(1, 30)), 10, axis=1) < bound).astype(float) for bound in (0.4, 0.3))
    alone, together = further_examples(compare(a, b)), further_examples(compare(a, b, clusters=clusters))
    assert alone is not None
    assert together is not None
    assert together > 5 * alone


def test_a_share_of_a_gain_is_less_sure_where_rows_are_alike() -> None:
    generator = np.random.default_rng(6)
    clusters = np.repeat(np.arange(30), 10)
    gain = np.repeat((generator.random((1, 30)) < 0.6).astype(float), 10, axis=1)
    rest = gain * np.repeat((generator.random((1, 30)) < 0.5).astype(float), 10, axis=1)
    alone, together = lost_share(gain, rest), lost_share(gain, rest, clusters=clusters)
    assert alone is not None
    assert together is not None
    assert together.interval.high - together.interval.low > 2 * (alone.interval.high - alone.interval.low)
