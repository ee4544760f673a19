"""Questions with options: what says the right one is read, the options are lettered, and the answer is a letter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import DataError
from crossover.task import Task
from crossover.task.choices import choices_in, lettered
from crossover.task.table import Table


def table(options: list[object], right: list[str | None]) -> Table:
    cells = tuple((json.dumps(one), said) for one, said in zip(options, right, strict=True))
    return Table(columns=("choices", "label"), cells=cells, rows=tuple(range(1, len(cells) + 1)), format="JSON")


THREE = ["red", "blue", "green"]


@pytest.mark.parametrize(
    ("right", "by", "letters"),
    [
        (["0", "2", "1"], "its number, from 0", "ACB"),
        (["1", "2", "1"], "its number, from 0", "BCB"),
        (["1", "3", "2"], "its number, from 1", "ACB"),
        (["A", "c", "(B)"], "its letter", "ACB"),
        (["red", "green", "blue"], "its words", "ACB"),
    ],
)
def test_ways_to_point_at_an_option(right: list[str | None], by: str, letters: str) -> None:
    found = choices_in(table([THREE] * 3, right), "choices", "label")
    assert found is not None
    assert found.by == by
    assert "".join(str(cell) for cell in found.table.column("label")) == letters
    words = ["red", "blue", "green"]
    assert list(found.table.column("label 2")) == [words["ABC".index(letter)] for letter in letters]
    assert found.table.column("choices")[0] == "A) red\nB) blue\nC) green"


@pytest.mark.parametrize("right", [["0", "3", "1"], ["x", "red", "blue"], ["2", "red", "A"]])
def test_what_points_at_no_option_is_no_choice(right: list[str | None]) -> None:
    assert choices_in(table([THREE] * 3, right), "choices", "label") is None


@pytest.mark.parametrize(
    "options", [["one"], "text", 3, {"text": "x"}, [["a"], ["b"]], ["a", ""], list("abcdefghijklmnopqrstuvwxyz1")]
)
def test_what_is_no_list_of_options(options: object) -> None:
    assert choices_in(table([options] * 3, ["0", "0", "0"]), "choices", "label") is None


def test_options_as_arc_has_them() -> None:
    found = choices_in(table([{"text": THREE, "label": ["A", "B", "C"]}] * 2, ["B", "C"]), "choices", "label")
    assert found is not None
    assert found.table.column("label 2") == ("blue", "green")


def test_a_row_without_options_or_answer_has_no_target() -> None:
    found = choices_in(table([THREE, THREE, [], THREE], ["0", None, "1", "2"]), "choices", "label")
    assert found is not None
    assert found.table.column("label") == ("A", None, None, "C")


@given(st.lists(st.tuples(st.lists(st.text(min_size=1), min_size=2, max_size=8), st.integers(0, 7)), min_size=1))
def test_the_letter_leads_to_the_option_that_was_meant(rows: list[tuple[list[str], int]]) -> None:
    rows = [(options, place % len(options)) for options, place in rows if all(text.strip() for text in options)]
    if not rows or "0" not in {str(place) for _, place in rows}:
        return
    found = choices_in(table([options for options, _ in rows], [str(place) for _, place in rows]), "choices", "label")
    assert found is not None
    for (options, place), letter, words in zip(
        rows, found.table.column("label"), found.table.column("label 2"), strict=True
    ):
        assert words == options[place] == options["ABCDEFGH".index(letter or "")]
    assert found.table.column("choices")[0] == lettered(rows[0][0])


def write(path: Path, n: int, start: int = 0, **changes: object) -> Path:
    rows = [
        {
            "question": f"which lamp is {i * 37} steps from door {i * i}",
            "choices": [f"red {i}", f"blue {i}", f"green {i}"],
            "answerKey": "ABC"[i % 3],
            **changes,
        }
        for i in range(start, start + n)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_file_of_questions_with_options(tmp_path: Path) -> None:
    task = Task.from_file(write(tmp_path / "q.jsonl", 40))
    assert (task.spec.kind, task.spec.metric, task.spec.labels) == ("qa", "choice_accuracy", ())
    assert (task.spec.input_fields, task.spec.target_field) == (("question", "choices"), "answerKey")
    assert task.train[0].answers in [("A", "red 0"), ("B", "blue 1"), ("C", "green 2")]
    assert task.check.reasons[-1] == (
        'kind: qa, "choices" holds 3 options a row and "answerKey" says which is right, by its letter;'
        " its words are right too"
    )


def test_the_test_is_read_as_the_training_rows(tmp_path: Path) -> None:
    train = write(tmp_path / "q.jsonl", 40)
    task = Task.from_file(train, test=write(tmp_path / "t.jsonl", 10, 500))
    assert task.test[0].answers == ("C", "green 500")
    with pytest.raises(DataError, match=r't.jsonl: "answerKey" does not say which of "choices" is right'):
        Task.from_file(train, test=write(tmp_path / "t.jsonl", 10, 500, answerKey="0"))


def test_the_users_word_goes_before(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", 40)
    task = Task.from_file(path, kind="classification")
    assert (task.spec.kind, task.spec.input_fields) == ("classification", ("question",))
    assert Task.from_file(path, input="question").spec.kind == "classification"
