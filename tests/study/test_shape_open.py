"""Room for written answers: measured in the model's own tokens, unless people say it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crossover.errors import DataError, OptionError
from crossover.model.local import LocalModel
from crossover.study import check_lengths, programs, with_room
from crossover.study.shape import measure_pace, task_shape
from crossover.task import Task


def _file(folder: Path, *, long: int = 0, n: int = 40) -> Path:
    rows = [
        {
            "article": f"story {i} of {i * 7 % 40} things and {i * 11 % 40} more",
            "summary": f"{i} things {'x ' * (i % 9)}",
        }
        for i in range(n)
    ]
    if long:
        rows[0]["summary"] = "so " * long
    file = folder / "news.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return file


def test_room_is_what_the_training_targets_need(tmp_path: Path, tiny: LocalModel) -> None:
    task = with_room(Task.from_file(_file(tmp_path), test_size=8), tiny)
    longest = max(len(tiny.completion(str(row.target))) for row in task.train)
    assert longest <= task.spec.answer_tokens <= 1.2 * longest + 1


def test_room_that_people_say_stays(tmp_path: Path, tiny: LocalModel) -> None:
    task = Task.from_file(_file(tmp_path), test_size=8, answer_tokens=7)
    assert with_room(task, tiny) is task
    assert task.spec.answer_tokens == 7


@pytest.mark.parametrize("tokens", [0, -1, 10**6])
def test_room_that_is_not_possible(tmp_path: Path, tokens: int) -> None:
    with pytest.raises(OptionError, match="allowed: 1 to 32,768"):
        Task.from_file(_file(tmp_path), test_size=8, answer_tokens=tokens)


def test_an_answer_that_does_not_fit_is_named_before_work_starts(tmp_path: Path, tiny: LocalModel) -> None:
    task = with_room(Task.from_file(_file(tmp_path, long=2000), test_size=8), tiny)
    with pytest.raises(DataError, match=r"news\.jsonl, row 1 is .* tokens long, its answer up to"):
        check_lengths(task, list(programs([], task.spec).values()), tiny)


def test_the_shape_of_written_answers(tmp_path: Path, tiny: LocalModel) -> None:
    task = with_room(Task.from_file(_file(tmp_path), test_size=8), tiny)
    shape = task_shape(task.spec, task.train, 8, tiny)
    assert shape.answer <= shape.written <= task.spec.answer_tokens
    assert shape.answer_tree == 0
    assert shape.longest > shape.prefix + shape.row + shape.answer
    pace = measure_pace(task.spec, task.train, tiny, trains=False)
    assert pace.written > 0
    assert pace.slowed(2).written == pytest.approx(pace.written / 2)
