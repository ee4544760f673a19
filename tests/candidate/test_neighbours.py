"""The nearest texts of a pool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.candidate.neighbours import Neighbours

POOL = ["where is my parcel", "refund my money", "where is my money", "password forgotten"]


def test_nearest_comes_first() -> None:
    assert Neighbours(POOL).nearest(["where is my parcel?", "passwort forgoten"], 2) == [[0, 2], [3, 0]]


def test_leaving_one_out() -> None:
    nearest = Neighbours(POOL).nearest(POOL, 9, without=range(4))
    assert all(i not in row for i, row in enumerate(nearest))
    assert all(sorted([i, *row]) == [0, 1, 2, 3] for i, row in enumerate(nearest))


@pytest.mark.parametrize("pool", [[""], ["", " ", "?!"], ["!", "a"], ["🙂"]])
def test_a_pool_without_words_still_answers(pool: list[str]) -> None:
    index = Neighbours(pool)
    assert [sorted(row) for row in index.nearest(["", "hello", "?!"], len(pool))] == [list(range(len(pool)))] * 3


def test_ties_go_by_place() -> None:
    assert Neighbours(["same", "same", "same"]).nearest(["same", "other"], 2) == [[0, 1], [0, 1]]


texts = st.lists(st.text(max_size=12), min_size=1, max_size=6)


@given(pool=texts, queries=texts, k=st.integers(1, 8))
def test_any_texts_do(pool: list[str], queries: list[str], k: int) -> None:
    nearest = Neighbours(pool).nearest(queries, k)
    assert len(nearest) == len(queries)
    for row in nearest:
        assert len(row) == min(k, len(pool))
        assert len(set(row)) == len(row)
