"""Splits are stratified, seeded and within their bars."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.task.clean import Row
from crossover.task.split import WRITTEN_TEST_ROWS, allocate, default_test_size, draw, shuffled


def rows(targets: str | list[str]) -> list[Row]:
    return [
        Row(number=number, inputs={"text": f"t{number}"}, target=target, key=f"t{number}", stratum=target)
        for number, target in enumerate(targets, start=2)
    ]


@pytest.mark.parametrize(("n_rows", "n_test"), [(10, 5), (20, 10), (120, 50), (478, 120), (1_000, 250), (4_000, 500)])
def test_the_default_leaves_at_least_half_for_training(n_rows: int, n_test: int) -> None:
    assert default_test_size(n_rows) == n_test


@given(st.lists(st.sampled_from("aaaabbcd"), min_size=2, max_size=60), st.data())
def test_draws_are_stratified(targets: list[str], data: st.DataObject) -> None:
    counts = Counter(targets)
    n = data.draw(st.integers(1, len(targets)))
    drawn = draw(rows(targets), n, seed=data.draw(st.integers(0, 3)), leave_one=True)
    taken = Counter(row.target for row in rows(targets) if row.number in drawn)
    assert len(drawn) <= n
    assert all(taken[label] < count for label, count in counts.items()), "each label keeps a row for training"
    if n >= len(counts):
        assert all(taken[label] >= 1 for label, count in counts.items() if count > 1)


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 50), min_size=1, max_size=8), st.data())
def test_allocation_is_exact_and_in_proportion(counts: dict[str, int], data: st.DataObject) -> None:
    n = data.draw(st.integers(0, sum(counts.values())))
    taken = allocate(counts, n, at_most=counts)
    assert sum(taken.values()) == n
    for label, count in counts.items():
        assert abs(taken[label] - n * count / sum(counts.values())) <= len(counts)


def test_a_rare_label_keeps_its_row_where_a_common_one_can_give_one() -> None:
    assert allocate({"a": 8, "b": 2, "c": 2}, 3, at_most={"a": 7, "b": 1, "c": 1}) == {"a": 1, "b": 1, "c": 1}
    assert sum(allocate({"a": 8, "b": 2, "c": 2}, 2, at_most={"a": 7, "b": 1, "c": 1}).values()) == 2


def test_barred_rows_are_not_drawn() -> None:
    assert draw(rows("aaaabbbb"), 4, seed=0, barred={2, 3, 6}).isdisjoint({2, 3, 6})


def test_another_seed_draws_others_and_the_order_of_rows_does_not_matter() -> None:
    many = rows("ab" * 50)
    assert draw(many, 20, seed=0) == draw(many[::-1], 20, seed=0) != draw(many, 20, seed=1)


def test_the_order_is_frozen() -> None:
    assert shuffled("abcdefgh", "seed") == list("efagcdbh")


def test_written_answers_have_a_smaller_test() -> None:
    assert default_test_size(4_000, WRITTEN_TEST_ROWS) == 150
    assert default_test_size(120, WRITTEN_TEST_ROWS) == 50
