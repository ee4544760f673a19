"""Rows that belong together: on one side, whatever else is asked for."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.errors import DataError, OptionError
from crossover.task import Task, sample
from crossover.task.clean import Row
from crossover.task.groups import draw_groups

WORDS = [
    *("order", "card", "bag", "shop", "week", "price", "box", "door", "phone", "lamp", "river", "stone", "cloud"),
    *("paper", "horse", "glass", "table", "north"),
]


def _write(path: Path, groups: list[str], *, seed: int = 0, column: str = "customer") -> Path:
    draw = random.Random(seed)
    lines = [f"text,label,{column}"]
    lines += [f"{' '.join(draw.sample(WORDS, 9))} {i},{'ab'[draw.random() < 0.4]},{g}" for i, g in enumerate(groups)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _customers(n: int, rows: int = 200) -> list[str]:
    draw = random.Random(1)
    return [f"C{draw.randrange(n)}" for _ in range(rows)]


def test_a_group_is_on_one_side(tmp_path: Path) -> None:
    task = Task.from_file(_write(tmp_path / "d.csv", _customers(40)), group="customer")
    train, test = ({row.group for row in side} for side in (task.train, task.test))
    assert train
    assert test
    assert not train & test
    assert task.info.test_groups == len(test)
    assert abs(len(task.test) - 50) <= 5
    assert (task.spec.input_fields, task.spec.target_field) == (("text",), "label")
    assert any("none is on both sides" in note for note in task.check.notes)
    shares = [Counter(row.target for row in side)["b"] / len(side) for side in (task.train, task.test)]
    assert abs(shares[0] - shares[1]) < 0.1


def test_without_it_nothing_changes(tmp_path: Path) -> None:
    path = _write(tmp_path / "d.csv", _customers(40))
    plain, grouped = Task.from_file(path), Task.from_file(path, group="customer")
    assert {row.group for row in (*plain.train, *plain.test)} == {None}
    assert plain.info.test_groups is None
    assert plain.info.data_sha256 != grouped.info.data_sha256, "other sides: not the same study"


def test_samples_are_nested_as_ever(tmp_path: Path) -> None:
    task = Task.from_file(_write(tmp_path / "d.csv", _customers(40)), group="customer")
    small, large = (sample(task.train, budget, 1, task.spec.labels) for budget in (8, 32))
    assert large[:8] == small


def test_rows_of_no_group_stand_alone(tmp_path: Path) -> None:
    groups = ["" if i % 2 else name for i, name in enumerate(_customers(20))]
    task = Task.from_file(_write(tmp_path / "d.csv", groups), group="customer")
    assert {row.group for row in task.test if int(row.id.split(":")[1]) % 2} == {None}
    assert not {r.group for r in task.train if r.group} & {r.group for r in task.test if r.group}


def test_a_test_file_loses_the_groups_it_shares(tmp_path: Path) -> None:
    train = _write(tmp_path / "train.csv", ["C1", "C2", "C3"] * 20)
    test = _write(tmp_path / "test.csv", ["C3", "C4", "C5", ""] * 10, seed=9)
    task = Task.from_file(train, test=test, group="customer")
    assert {row.group for row in task.test} == {"C4", "C5", None}
    assert len(task.check.rows("shared_group", "test.csv")) == 10
    aside = next(row for row in task.check.set_aside if row.reason == "shared_group")
    assert (aside.row, aside.other_row) == (2, 4)
    assert any("10 test rows whose group is in the training data set aside" in line for line in task.check.summary())


def test_a_passage_may_be_an_input_and_the_group(tmp_path: Path) -> None:
    draw = random.Random(0)
    passages = [" ".join(draw.sample(WORDS, 12)) for _ in range(30)]
    lines = [
        "passage,question,label",
        *(f"{passages[i % 30]},what is {' '.join(draw.sample(WORDS, 4))} {i},{'yn'[i % 2]}" for i in range(150)),
    ]
    path = tmp_path / "d.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    task = Task.from_file(path, group="passage", input="passage,question")
    assert task.spec.input_fields == ("passage", "question")
    assert not {e.inputs["passage"] for e in task.train} & {e.inputs["passage"] for e in task.test}


def test_a_column_that_is_another_in_every_row_is_said(tmp_path: Path) -> None:
    task = Task.from_file(_write(tmp_path / "d.csv", [f"C{i}" for i in range(120)]), group="customer")
    assert any("no rows belong together" in note for note in task.check.notes)
    assert task.info.test_groups == len(task.test)


@pytest.mark.parametrize(
    ("groups", "group", "said"),
    [
        (_customers(40), "custmer", 'd.csv has no column "custmer", which --group names.'),
        (_customers(40), "label", 'column "label" is both the target and what rows are grouped by.'),
        (["C1"] * 100, "customer", 'd.csv: column "customer" is the same in all rows'),
    ],
)
def test_a_column_that_cannot_group(tmp_path: Path, groups: list[str], group: str, said: str) -> None:
    path = _write(tmp_path / "d.csv", groups)
    with pytest.raises((DataError, OptionError)) as caught:
        Task.from_file(path, group=group, target="label")
    assert caught.value.message.startswith(said)


def test_groups_that_are_too_large_to_hold_out(tmp_path: Path) -> None:
    path = _write(tmp_path / "d.csv", ["C1"] * 100 + ["C2"] * 100)
    with pytest.raises(DataError, match="only 0 rows of 200 can be held out in whole groups"):
        Task.from_file(path, group="customer", test_size=20)


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, *range(12)])), min_size=4, max_size=80),
    share=st.floats(0.1, 0.6),
    seed=st.integers(0, 5),
    data=st.data(),
)
def test_groups_stay_whole(cells: list[tuple[str, int | None]], share: float, seed: int, data: st.DataObject) -> None:
    rows = [
        Row(number=i, inputs={}, target=s, key=str(i), stratum=s, group=None if g is None else f"g{g}")
        for i, (s, g) in enumerate(cells)
    ]
    barred = data.draw(st.sets(st.sampled_from(range(len(rows))), max_size=4))
    drawn = draw_groups(rows, int(share * len(rows)), seed=seed, barred=barred)
    assert not drawn & barred
    inside = {row.group for row in rows if row.number in drawn} - {None}
    assert not inside & {row.group for row in rows if row.number not in drawn}
    left = Counter(row.stratum for row in rows if row.number not in drawn)
    assert left.keys() == {row.stratum for row in rows}, "each label keeps a row to learn from"
    assert draw_groups(rows[::-1], int(share * len(rows)), seed=seed, barred=barred) == drawn
