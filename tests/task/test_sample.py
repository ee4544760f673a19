"""Budgets are nested, stratified, seeded and the same everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import OptionError
from crossover.records import Example
from crossover.task import sample, unlabelled


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
