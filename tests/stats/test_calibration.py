from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from crossover.stats import calibration, wilson

NAN = float("nan")


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=200),
    st.integers(min_value=1, max_value=15),
)
def test_the_curve_is_scikit_learn_s(answers: list[tuple[float, int]], bins: int) -> None:
    said, right = np.array([one[0] for one in answers]), np.array([float(one[1]) for one in answers])
    found = calibration(said, right, bins=bins)
    assert found is not None
    shares, means = calibration_curve(right, said, n_bins=bins, strategy="uniform")
    assert [one.score for one in found.bins] == pytest.approx(list(shares))
    assert [one.confidence for one in found.bins] == pytest.approx(list(means))
    assert sum(one.n for one in found.bins) == found.n == len(answers)
    weights = [one.n / found.n for one in found.bins]
    assert found.error == pytest.approx(float(np.dot(weights, np.abs(shares - means))))
    assert 0 <= found.error <= 1
    for one in found.bins:
        assert one.interval.low <= one.score <= one.interval.high
        assert one.low - 1e-12 <= one.confidence <= one.high + 1e-12


def test_seeds_that_answer_the_same_question_are_no_more_questions() -> None:
    said, right = np.full((3, 20), 0.75), np.tile(np.arange(20) % 4 != 0, (3, 1)).astype(np.float64)
    found = calibration(said, right)
    assert found is not None
    assert found.bins[0].n == 60
    assert found.bins[0].interval == wilson(15, 20)
    assert found.error == pytest.approx(0.0)


def test_what_is_unknown_is_left_out() -> None:
    found = calibration(np.array([0.9, NAN, 0.9]), np.array([1.0, 1.0, NAN]))
    assert found is not None
    assert found.n == 1
    assert calibration(np.array([NAN]), np.array([1.0])) is None
    assert calibration(np.empty((0, 5)), np.empty((0, 5))) is None


def test_other_shapes_are_an_error() -> None:
    with pytest.raises(ValueError, match="one shape"):
        calibration(np.zeros(3), np.zeros(4))


def test_answers_that_are_as_often_right_as_they_say_have_about_the_error_by_chance() -> None:
    generator = np.random.default_rng(0)
    errors, chances = [], []
    for _ in range(300):
        said = generator.uniform(0.5, 1.0, 200)
        found = calibration(said, (generator.random(200) < said).astype(np.float64))
        assert found is not None
        errors.append(found.error)
        chances.append(found.by_chance)
    assert np.mean(errors) == pytest.approx(np.mean(chances), rel=0.05)
