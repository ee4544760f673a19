"""Probe files: choice and cloze are told apart by their columns, and what is neither says what it lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crossover.errors import DataError
from crossover.records import ProbeRow
from crossover.task import read_probe


def lines(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_choice_as_arc_has_it(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "arc.jsonl",
        {"question": "Plants use sunlight to make ", "choices": ["soil", "food"], "label": 1},
        {"question": "Ice is", "choices": ["cold", "hot", "dry"], "label": 0},
    )
    probe = read_probe(path)
    assert (probe.name, probe.kind, len(probe.sha256)) == ("arc", "choice", 64)
    assert probe.rows == (
        ProbeRow(context="Question: Plants use sunlight to make\nAnswer:", options=("soil", "food"), right=1),
        ProbeRow(context="Question: Ice is\nAnswer:", options=("cold", "hot", "dry"), right=0),
    )


def test_choice_as_hellaswag_has_it(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "h.jsonl",
        {"ind": 1, "ctx": "A man sits down. he", "endings": ["eats.", "flies."], "label": 0},
        {"ind": 2, "ctx": "A cat. it", "endings": ["reads.", "sleeps."], "label": 1},
        {"ind": 3, "ctx": None, "endings": ["reads.", "sleeps."], "label": 1},
    )
    assert read_probe(path).rows == (
        ProbeRow(context="A man sits down. he", options=("eats.", "flies."), right=0),
        ProbeRow(context="A cat. it", options=("reads.", "sleeps."), right=1),
    )


def test_choices_in_a_csv_by_letter(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text('question,choices,answer\nq1,"[""x"", ""y""]",B\nq2,"[""x"", ""y""]",A\n', encoding="utf-8")
    assert [row.right for row in read_probe(path).rows] == [1, 0]


def test_cloze_as_lambada_has_it(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "l.jsonl",
        {"context": "Is it the same ", "continuation": " book"},
        {"context": "left out", "continuation": " "},
    )
    probe = read_probe(path)
    assert (probe.kind, probe.rows) == ("cloze", (ProbeRow(context="Is it the same", options=("book",)),))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"x": "a", "y": "b"}, {"x": "c", "y": "d"}], "no column that a probe begins with"),
        ([{"question": "a", "hint": "b"}], "neither choices with one that is right nor a continuation"),
        ([{"question": "a", "choices": ["x", "y"], "label": 7}], "neither choices"),
        ([{"context": "a", "continuation": None}, {"context": None, "continuation": "b"}], "no row that can be used"),
    ],
)
def test_what_is_neither_says_what_it_lacks(tmp_path: Path, rows: list[dict[str, object]], said: str) -> None:
    path = lines(tmp_path / "p.jsonl", *rows)
    with pytest.raises(DataError, match=said) as caught:
        read_probe(path)
    assert "p.jsonl" in caught.value.message
    assert caught.value.details
