from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from crossover.records import Example
from crossover.verdict.slices import of_rows_alone, slices


def example(place: int, *, target: str | None = None, **inputs: str) -> Example:
    return Example(id=f"test:{place}", inputs=inputs, target=target, row=place + 2)


@given(st.lists(st.integers(min_value=0, max_value=30), min_size=0, max_size=60))
def test_thirds_hold_every_row_once_and_equal_lengths_together(lengths: list[int]) -> None:
    rows = [example(place, text="x" * length) for place, length in enumerate(lengths)]
    parts = [one for one in slices(rows) if one.group == "input length"]
    ids = [key for part in parts for key in part.ids]
    assert len(ids) == len(set(ids))
    assert len(parts) in {0, 2, 3}
    if parts:
        assert set(ids) == {row.id for row in rows}
        length = {row.id: len(row.inputs["text"]) for row in rows}
        bounds = [{length[key] for key in part.ids} for part in parts]
        assert all(max(a) < min(b) for a, b in pairwise(bounds))


def test_labels_and_few_values_divide_and_texts_do_not() -> None:
    rows = [
        example(n, target="ab"[n % 2], channel=("mail", "phone")[n % 3 == 0], text=f"something else {n}")
        for n in range(12)
    ]
    found = slices(rows, labels=("a", "b", "never"))
    assert [(one.group, one.name, len(one.ids)) for one in found if one.group != "input length"] == [
        ("label", "a", 6),
        ("label", "b", 6),
        ("column channel", "mail", 8),
        ("column channel", "phone", 4),
    ]
    assert [of_rows_alone(group) for group in ("label", "input length", "column channel")] == [False, False, True]


def test_a_single_input_is_no_column_and_one_label_no_division() -> None:
    rows = [example(n, target="a", text="same") for n in range(6)]
    assert slices(rows, labels=("a",)) == ()


def test_a_division_of_one_s_own() -> None:
    rows = [example(n, text="same") for n in range(6)]
    found = slices(rows, by={"region": {"test:0": "north", "test:1": "south", "test:2": "south"}})
    assert [(one.group, one.name, sorted(one.ids)) for one in found] == [
        ("region", "north", ["test:0"]),
        ("region", "south", ["test:1", "test:2"]),
    ]
