"""A column that says which rows are for the test is found, said and kept to."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossover.errors import DataError
from crossover.task import Task
from crossover.task.divided import divide
from crossover.task.table import Table
from tests.small import write_rows


def _table(values: list[str | None], name: str = "split") -> Table:
    cells = tuple((f"text {n}", "ab"[n % 2], value) for n, value in enumerate(values))
    return Table(columns=("text", "label", name), cells=cells, rows=tuple(range(2, len(values) + 2)), format="csv")


@pytest.mark.parametrize(
    ("values", "test_rows", "said"),
    [
        (["train", "test", "train", "test"], (3, 5), "2 of 4"),
        (["Train", " TEST ", "dev", "train"], (3,), "1 of 4; 1 validation row train with the others"),
        (["train", "validation", "train", "train"], (3,), "1 of 4"),
        (["train", "test", None, ""], (3,), "1 of 4"),
        (["training", "eval", "val", "val"], (3,), "1 of 4; 2 validation rows train with the others"),
    ],
)
def test_rows_go_where_the_column_says(values: list[str | None], test_rows: tuple[int, ...], said: str) -> None:
    found = divide(_table(values))
    assert found is not None
    train, test, note = found
    assert test.rows == test_rows
    assert sorted((*train.rows, *test.rows)) == [2, 3, 4, 5]
    assert train.columns == test.columns == ("text", "label")
    assert note == f'"split" says which rows are for the test: {said}'


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (["train", "train"], "split"),
        (["test", "test"], "split"),
        (["a", "b"], "split"),
        (["train", "test", "third"], "split"),
        (["train", "test"], "phase"),
        ([None, None], "split"),
        (["1", "2"], "fold"),
    ],
)
def test_other_columns_divide_nothing(values: list[str | None], name: str) -> None:
    assert divide(_table(values, name)) is None


def _write(path: Path, mark: str) -> Path:
    lines = write_rows(path, 60).read_text(encoding="utf-8").splitlines()
    marked = [f"{line},{'test' if n % 4 == 0 else mark}" for n, line in enumerate(lines[1:])]
    path.write_text("\n".join([lines[0] + ",split", *marked]) + "\n", encoding="utf-8")
    return path


def test_a_task_takes_its_test_from_the_column(tmp_path: Path) -> None:
    task = Task.from_file(_write(tmp_path / "tickets.csv", "train"))
    assert {example.row % 4 for example in task.test} == {2}
    assert all(example.row % 4 != 2 for example in task.train)
    assert len(task.check.files) == 1
    assert any('"split" says which rows are for the test' in note for note in task.check.notes)


def test_a_test_file_goes_before_the_column(tmp_path: Path) -> None:
    task = Task.from_file(_write(tmp_path / "tickets.csv", "train"), test=write_rows(tmp_path / "t.csv", 20, seed=9))
    assert task.check.files[1].name == "t.csv"
    assert len(task.train) > 45


def test_too_few_test_rows_are_said(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "tickets.csv", 60)
    lines = path.read_text(encoding="utf-8").splitlines()
    marked = [f"{line},{'test' if n < 2 else 'train'}" for n, line in enumerate(lines[1:])]
    path.write_text("\n".join([lines[0] + ",split", *marked]) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="2 rows with"):
        Task.from_file(path)
