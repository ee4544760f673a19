"""Schemas and patterns from other people's files are refused or bounded, and JSON is found in text."""

from __future__ import annotations

import re
import time

import pytest

from crossover.errors import DataError
from crossover.metrics.json_answers import is_deeper, json_in, parse_json
from crossover.metrics.patterns import pattern_fault, search
from crossover.metrics.schemas import Schema, schema_fault
from crossover.records import Json

RUNAWAY = ["(a+)+$", "(a|a)*$", r"(\d+)*[a-z]$", "^(b|bb)+$", "(x+x+)+y"]
LAUGHS: dict[str, Json] = {
    "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 10} for n in range(9)} | {"d9": {"type": "string"}},
    "$ref": "#/$defs/d0",
}


@pytest.mark.parametrize("pattern", RUNAWAY)
def test_a_pattern_that_runs_away_is_refused(pattern: str) -> None:
    started = time.perf_counter()
    assert "takes too long" in str(pattern_fault(pattern))
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(", "missing )"),
        ("a" * 1_001, "1,001 characters"),
        ("(" * 900, "no regular"),
        ("a{9", None),
        ("((a{1000}){1000}){1000}", "multiply"),
        ("a{9999999999999}", "multiply"),
    ],
)
def test_a_pattern_that_cannot_be_read_is_refused(pattern: str, says: str | None) -> None:
    fault = pattern_fault(pattern)
    assert fault is None if says is None else says in str(fault)


@pytest.mark.parametrize(
    "pattern",
    [
        "((a{0,100}){0,100}){0,100}",
        "(a{100}){1000}",
        "(?:a?){500}a{200}",
        "(?e)(?:abcdefgh){e<=6}z",
        "(a{1,999}){1,99}b",
    ],
)
def test_a_pattern_that_grows_is_bounded(pattern: str) -> None:
    started = time.perf_counter()
    pattern_fault(pattern)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("pattern", [r"\bRefund\b", r"^\d{4}-\d\d$", "(?i)hello.*world", "[^@]+@[^@]+", "a|b|c"])
def test_a_plain_pattern_is_searched_as_python_does(pattern: str) -> None:
    assert pattern_fault(pattern) is None
    for text in ("Refund now", "2026-11-24", "HELLO, my World", "me@here", "xyz", ""):
        assert search(pattern, text) == bool(re.search(pattern, text))


def test_a_search_stops() -> None:
    started = time.perf_counter()
    with pytest.raises(TimeoutError):
        search("(a|aa)+$", "a" * 50_000 + "!")
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ([], "no JSON object"),
        ({"type": "banana"}, "'banana' is not valid"),
        ({"$ref": "https://example.com/s.json"}, "nothing is fetched"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "nothing is fetched"),
        ({"properties": {"a": {"$ref": "#/$defs/gone"}}}, "#/$defs/gone, which is not in it"),
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, "takes too long"),
        ({"pattern": "("}, "no regular expression"),
        ({"patternProperties": {"^x": {}}}, "patternProperties are not supported"),
        ({"$ref": "#"}, "takes too long"),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [{"$ref": "#"}]}, "takes too long"),
        (LAUGHS, "takes too long"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema: Json, says: str) -> None:
    started = time.perf_counter()
    assert says in str(schema_fault(schema))
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "object", "properties": {"pattern": {"type": "string"}, "$ref": {"type": "string"}}},
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$ref": "#/definitions/a",
            "definitions": {"a": {"type": "string"}},
        },
        {"$defs": {"tree": {"properties": {"kids": {"items": {"$ref": "#/$defs/tree"}}}}}, "$ref": "#/$defs/tree"},
    ],
)
def test_a_schema_that_can_be_used(schema: Json) -> None:
    assert schema_fault(schema) is None


@pytest.mark.parametrize("draft", [{}, {"$schema": "https://json-schema.org/draft/2020-12/schema"}])
def test_a_schema_that_only_a_deep_value_brings_out_is_stopped(draft: dict[str, Json]) -> None:
    nested: dict[str, Json] = {**draft, "properties": {"a": {"allOf": [{"$ref": "#"}] * 10}}}
    assert schema_fault(nested) is None
    value: Json = {"a": {}}
    assert Schema(nested).fits(value)
    for _ in range(8):
        value = {"a": value}
    with pytest.raises(DataError, match="takes too long"):
        Schema(nested).fits(value)


@pytest.mark.parametrize("reference", ["#/$defs/gone", "https://example.com/schema.json"])
def test_a_reference_out_of_the_schema_is_not_followed(reference: str) -> None:
    with pytest.raises(DataError, match="which is not in it"):
        Schema({"$ref": reference}).fits(3)


def test_a_pattern_of_a_schema_that_runs_away_on_a_value_is_stopped() -> None:
    schema: dict[str, Json] = {"properties": {"name": {"pattern": "^START (a|aa)+$"}}}
    assert schema_fault(schema) is None
    with pytest.raises(DataError, match="takes too long"):
        Schema(schema).fits({"name": "START " + "a" * 5_000 + "!"})


def test_a_recursive_schema_reads_values_as_deep_as_they_are_read() -> None:
    tree: dict[str, Json] = {
        "$defs": {
            "tree": {"type": "object", "properties": {"kid": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/tree"}]}}}
        },
        "$ref": "#/$defs/tree",
    }
    value = parse_json('{"kid":' * 31 + "null" + "}" * 31)
    assert Schema(tree).fits(value)
    assert not Schema(tree).fits(parse_json('{"kid":' * 30 + "3" + "}" * 30))


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", "[Infinity]", "'a'", "[" * 33 + "]" * 33, "[" * 100_000, "9" * 5_000, "{} {}"]
)
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|is no JSON|deep|Exceeds|Extra|property name"):
        parse_json(text)


def test_depth_is_counted_in_lists_and_objects() -> None:
    assert not is_deeper(3, 0)
    assert is_deeper([], 0)
    assert not is_deeper([], 1)
    assert is_deeper({"a": [1]}, 1)
    assert not is_deeper({"a": [1]}, 2)
    assert parse_json("[" * 32 + "]" * 32)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('a {"b": 1} c {"d": {"e": 2}}', [{"b": 1}, {"d": {"e": 2}}]),
        ("{not} {} [1]", [{}]),
        ('{"a": {"b": 1}', [{"b": 1}]),
        ("", []),
        ("{" * 200 + "{}", []),
    ],
)
def test_objects_in_a_text(text: str, found: list[Json]) -> None:
    assert list(json_in(text)) == found


def test_finding_json_is_bounded() -> None:
    started = time.perf_counter()
    for text in ('{"a":' * 4_000, "[" * 20_000, '{"a":[' * 3_000, '{"' + "a" * 20_000):
        list(json_in(text))
        list(json_in(text, "["))
    assert time.perf_counter() - started < 2
