"""Other columns of few values go along with the test rows, and with no training row."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.task import Task
from crossover.task.divisions import MOST_VALUES, divisions
from crossover.task.table import Table


def _table(values: list[str | None]) -> Table:
    return Table(
        columns=("text", "channel"),
        cells=tuple((f"text {n}", value) for n, value in enumerate(values)),
        rows=tuple(range(2, len(values) + 2)),
        format="csv",
    )


def test_values_by_row() -> None:
    found = divisions(_table(["mail", " phone\n", None, "", "mail"]), ["channel", "gone"], [2, 3, 4, 5])
    assert found == {2: {"channel": "mail"}, 3: {"channel": "phone"}}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (["mail"] * 6, "one value is no division"),
        ([f"customer {n}" for n in range(MOST_VALUES + 1)], "too many values"),
        (["mail", "x" * 81], "a text, not a name"),
        ([None, None], "nothing there"),
    ],
)
def test_what_is_no_division(values: list[str | None], why: str) -> None:
    assert divisions(_table(values), ["channel"], range(2, 40)) == {}, why


@given(st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", " ", "c"]))), st.sets(st.integers(2, 20)))
def test_only_the_rows_that_were_asked_for(values: list[str | None], rows: set[int]) -> None:
    found = divisions(_table(values), ["channel"], rows)
    assert set(found) <= rows
    assert all(len(parts) == 1 for parts in found.values())


@pytest.mark.parametrize("with_test_file", [False, True])
def test_only_test_rows_have_them(tmp_path: Path, *, with_test_file: bool) -> None:
    def write(name: str, begin: int) -> Path:
        lines = [
            f"row {n} speaks of things,{'ab'[n % 2]},{('mail', 'phone')[n % 3 == 0]}" for n in range(begin, begin + 60)
        ]
        path = tmp_path / name
        path.write_text("\n".join(["text,label,channel", *lines]) + "\n", encoding="utf-8")
        return path

    test = write("test.csv", 60) if with_test_file else None
    task = Task.from_file(write("rows.csv", 0), test=test, input="text", target="label")
    assert {e.beside["channel"] for e in task.test} == {"mail", "phone"}
    assert all(e.beside == {} for e in task.train)
    assert task.spec.input_fields == ("text",)
    for example in task.test:
        number = int(example.inputs["text"].split()[1])
        assert example.beside["channel"] == ("mail", "phone")[number % 3 == 0]
