"""Schemas of JSON answers: inferred from the training targets, or given and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import DataError, OptionError
from crossover.metrics.schemas import Schema, schema_fault
from crossover.task import Task
from crossover.task.schema import check_targets, infer_schema, read_schema
from tests.small import WORDS

values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(values, min_size=1, max_size=12))
def test_every_value_fits_the_schema_inferred_from_it(found: list[Any]) -> None:
    schema = infer_schema(found)
    assert schema_fault(schema) is None
    ready = Schema(schema)
    assert all(ready.fits(value) for value in found)


def test_what_is_inferred() -> None:
    schema = infer_schema([{"city": "Rome", "n": 1}, {"city": "Rome", "n": 2.5}, {"city": "Oslo"}, {"city": "Oslo"}])
    assert schema["required"] == ["city"]
    properties: Any = schema["properties"]
    assert properties["city"] == {"type": "string", "enum": ["Oslo", "Rome"]}
    assert properties["n"] == {"type": "number"}
    assert schema["additionalProperties"] is False


def _file(path: Path, n: int = 40) -> Path:
    rows = [
        {
            "text": " ".join(WORDS[(step * i + step) % 27] for step in (1, 3, 7, 5, 2)),
            "slots": {"item": WORDS[i % 20], "only_in": {f"row{i}": i}},
        }
        for i in range(n)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_the_tests_targets_have_no_part_in_it(tmp_path: Path) -> None:
    task = Task.from_file(_file(tmp_path / "t.jsonl"), test_size=8)
    said = json.dumps(task.spec.schema)
    assert all(f'"row{example.row - 1}"' not in said for example in task.test)
    assert all(f'"row{example.row - 1}"' in said for example in task.train)


def test_a_given_schema_is_checked_against_all_rows(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "object", "required": ["item"]}))
    assert Task.from_file(_file(tmp_path / "t.jsonl"), schema=schema).spec.schema == {
        "type": "object",
        "required": ["item"],
    }
    schema.write_text(json.dumps({"type": "object", "required": ["price"]}))
    with pytest.raises(DataError, match="40 targets of 40 do not fit the schema"):
        Task.from_file(_file(tmp_path / "t.jsonl"), schema=schema)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("[1]", "a JSON object is expected, got list"),
        ('{"type": "objekt"}', "cannot be used"),
        ('{"$ref": "https://example.com/s.json"}', "nothing is fetched"),
        ('{"pattern": "("}', "cannot be used"),
    ],
)
def test_schemas_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text)
    with pytest.raises(OptionError, match=said):
        read_schema(path)


def test_a_schema_from_python_is_checked_too() -> None:
    with pytest.raises(OptionError, match="nothing is fetched"):
        check_targets("t.jsonl", {"$ref": "https://example.com/s.json"}, {1: {}})
