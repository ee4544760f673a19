"""Holm's correction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.stats import holm


def test_by_hand() -> None:
    """As statsmodels' multipletests(method="holm") gives: .01 x 4, .02 x 3, then monotone."""
    assert holm([0.01, 0.04, 0.03, 0.02]) == pytest.approx((0.04, 0.06, 0.06, 0.06))
    assert holm([0.001, 0.5, 0.9]) == pytest.approx((0.003, 1.0, 1.0))
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=20))
def test_bounds_and_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    m = len(p_values)
    for p, corrected in zip(p_values, adjusted, strict=True):
        assert p <= corrected <= min(1.0, m * p)
    order = sorted(range(m), key=p_values.__getitem__)
    assert [adjusted[index] for index in order] == sorted(adjusted)
    # The step-down definition itself: the largest of the first k products.
    for rank, index in enumerate(order):
        products = [min(1.0, p_values[order[k]] * (m - k)) for k in range(rank + 1)]
        assert adjusted[index] == pytest.approx(max(products))
