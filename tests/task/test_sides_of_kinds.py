"""A test by file and a test by column, for every kind: the rows go where they were put, and it is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crossover.errors import DataError, OptionError
from crossover.records import KINDS
from crossover.task import Task

WORDS = ["lamp", "river", "stone", "cloud", "paper", "horse", "glass", "table", "green", "north", "sand"]


def rows(kind: str, n: int, start: int = 0) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for i in range(start, start + n):
        text = f"please bring {i * 37} of {WORDS[i % 11]} and {WORDS[i * 3 % 7]} before day {i * i}"
        answer = f"{i * 37} of {WORDS[i % 11]}"
        row: dict[str, dict[str, object]] = {
            "classification": {"text": text, "label": "ab"[i % 2]},
            "extraction": {"text": text, "slots": {"n": i * 37, "what": WORDS[i % 11]}},
            "qa": {"question": text, "answer": answer},
            "math": {"question": text, "answer": f"{answer}\n#### {i * 37}"},
            "summarization": {"document": text, "summary": answer},
            "translation": {"en": text, "de": f"bitte {answer}"},
            "chat": {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]},
            "generation": {"instruction": text, "response": answer},
        }
        found.append(row[kind])
    return found


def write(path: Path, items: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(map(json.dumps, items)))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_by_file(kind: str, tmp_path: Path) -> None:
    train = rows(kind, 30)
    test = [train[4], *rows(kind, 12, 500)]
    task = Task.from_file(write(tmp_path / "t.jsonl", train), test=write(tmp_path / "s.jsonl", test))
    assert task.spec.kind == kind
    assert [file.name for file in task.check.files] == ["t.jsonl", "s.jsonl"]
    assert task.check.rows("leak", "s.jsonl") == (1,)
    leak = next(row for row in task.check.set_aside if row.reason == "leak")
    assert (leak.other_row, leak.text.startswith("please bring 148 of paper")) == (5, True)
    assert (len(task.train), len(task.test)) == (30, 12)


@pytest.mark.parametrize("kind", KINDS)
def test_by_column(kind: str, tmp_path: Path) -> None:
    items = [{**row, "split": ["train", "train", "test", "validation"][i % 4]} for i, row in enumerate(rows(kind, 40))]
    task = Task.from_file(write(tmp_path / "t.jsonl", items))
    assert task.spec.kind == kind
    assert {example.row % 4 for example in task.test} == {3}
    assert {example.row % 4 for example in task.train} == {0, 1, 2}
    assert "split" not in task.spec.input_fields
    said = 't.jsonl: "split" says which rows are for the test: 10 of 40; 10 validation rows train with the others'
    assert said in task.check.notes


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_file_of_another_shape_is_refused(kind: str, tmp_path: Path) -> None:
    other = write(tmp_path / "s.jsonl", [{"a": f"x {i}", "b": "y"} for i in range(12)])
    with pytest.raises(DataError, match=r's.jsonl has no column "'):
        Task.from_file(write(tmp_path / "t.jsonl", rows(kind, 30)), test=other)


def test_sheet_and_rows_are_checked(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", rows("classification", 30))
    with pytest.raises(OptionError, match=r'--sheet "Data": t.jsonl is no workbook'):
        Task.from_file(path, sheet="Data")
    with pytest.raises(OptionError, match="--max-rows 5 is too small"):
        Task.from_file(path, max_rows=5)
