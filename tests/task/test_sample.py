"""Budgets are nested, stratified, seeded and the same everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import OptionError
from crossover.records import Example
from crossover.task import sample, unlabelled, validation


def examples(targets: Sequence[str]) -> tuple[Example, ...]:
    return tuple(
        Example(id=f"train:{row}", inputs={"text": f"text {row}"}, target=target, row=row)
        for row, target in enumerate(targets, start=2)
    )


splits = st.lists(st.sampled_from("aaaaaabbbcd"), min_size=1, max_size=80)


@given(splits, st.data(), st.integers(0, 5))
def test_a_smaller_budget_is_the_beginning_of_a_larger_one(targets: list[str], data: st.DataObject, seed: int) -> None:
    train = examples(targets)
    large = data.draw(st.integers(0, len(train)))
    small = data.draw(st.integers(0, large))
    labels = sorted(set(targets))
    drawn = sample(train, large, seed, labels)
    assert sample(train, small, seed, labels) == drawn[:small]
    assert len({example.id for example in drawn}) == large


@given(splits, st.integers(0, 3))
def test_every_budget_is_stratified(targets: list[str], seed: int) -> None:
    train, labels = examples(targets), sorted(set(targets))
    share = Counter(targets)
    for budget in range(len(train) + 1):
        counts = Counter(example.target for example in sample(train, budget, seed, labels))
        assert len(counts) == min(budget, len(labels)), "each label appears before any appears twice"
        for label in labels:
            expected = budget * share[label] / len(train)
            # One of each label first: a rare one is ahead of its share by less than one, and others behind by as much.
            assert expected - len(labels) <= counts[label] <= max(1, expected + 1)


@given(splits, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(targets: list[str], random: st.randoms) -> None:  # type: ignore[valid-type]
    train = list(examples(targets))
    labels = sorted(set(targets))
    before = sample(train, len(train) // 2, 1, labels)
    random.shuffle(train)  # type: ignore[attr-defined]
    assert sample(train, len(train) // 2, 1, labels) == before


def test_the_draw_is_frozen() -> None:
    train = examples("aaaaaaaabbbbc")
    assert [example.row for example in sample(train, 6, 0, "abc")] == [7, 11, 14, 3, 4, 12]
    assert [example.row for example in sample(train, 6, 1, "abc")] == [4, 10, 14, 6, 7, 12]


def test_large_labels_come_first() -> None:
    assert [example.target for example in sample(examples("cbbaaa"), 3, 0, "abc")] == ["a", "b", "c"]


@pytest.mark.parametrize("budget", [-1, 4])
def test_an_impossible_budget_is_refused(budget: int) -> None:
    with pytest.raises(OptionError, match="there are 3 training rows") as caught:
        sample(examples("aab"), budget, 0, "ab")
    assert caught.value.details == ("allowed: 0 to 3",)


def test_a_target_that_is_no_label_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="no label of the task"):
        sample(examples("aab"), 1, 0, "a")


def test_unlabelled_gives_inputs_only_seeded_and_nested() -> None:
    train = examples("aabb" * 10)
    few, many = unlabelled(train, 0, 5), unlabelled(train, 0, 20)
    assert many[:5] == few
    assert few != unlabelled(train, 1, 5)
    assert len(unlabelled(train, 0, 1_000)) == 40
    assert {tuple(inputs) for inputs in many} == {("text",)}


@given(splits, st.integers(0, 60), st.integers(0, 3), st.integers(0, 30))
def test_validation_rows_lie_outside_the_draw(targets: list[str], budget: int, seed: int, n: int) -> None:
    train, labels = examples(targets), sorted(set(targets))
    budget = min(budget, len(train))
    found = validation(train, budget, seed, labels, n=n)
    drawn = {example.id for example in sample(train, budget, seed, labels)}
    assert not drawn & {example.id for example in found}
    assert len(found) in (0, min(n, (len(train) - budget) // 2))
    assert len(found) == 0 or len(found) >= 16, "a few rows say nothing"
    assert found == validation(train[::-1], budget, seed, labels, n=n), "the order of the rows does not matter"


def test_another_budget_draws_nearly_the_same_validation_rows() -> None:
    train = examples(["a", "b", "c"] * 60)
    small, large = (validation(train, budget, 0, "abc", n=40) for budget in (16, 64))
    assert len(small) == len(large) == 40
    taken = {example.id for example in sample(train, 64, 0, "abc")}
    assert {row.id for row in small} - taken <= {row.id for row in large}


def test_validation_rows_share_no_group_with_the_draw() -> None:
    train = tuple(replace(e, group=f"customer {i // 3}") for i, e in enumerate(examples(["a", "b"] * 90)))
    found = validation(train, 12, 0, "ab", n=40)
    groups = {example.group for example in sample(train, 12, 0, "ab")}
    assert len(found) == 40
    assert not groups & {row.group for row in found}


def test_rows_without_an_answer_validate_nothing() -> None:
    train = tuple(replace(e, target=None) if i % 2 else e for i, e in enumerate(examples(["text"] * 80)))
    found = validation(train, 4, 0, (), n=30)
    assert found
    assert all(row.target is not None for row in found)


def test_inputs_without_labels_leave_out_what_is_named() -> None:
    train = examples(["a"] * 9)
    left = unlabelled(train, 0, 9, but={"train:2", "train:5"})
    assert {tuple(inputs.values()) for inputs in left} == {(f"text {row}",) for row in (3, 4, 6, 7, 8, 9, 10)}
