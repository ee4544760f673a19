"""Fields of JSON answers: F1 by hand and against a plain count of pairs, validity against jsonschema."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from crossover.metrics import get_metric
from crossover.records import Json
from tests.metrics.made import example, spec

METRIC = get_metric("field_f1")
SPEC = spec("extraction")
ADA = '{"name": "Ada", "born": {"year": 1815, "city": "London"}}'


def score(answer: str, target: str) -> float:
    return METRIC.score(answer, example(target), SPEC)


def lenient(answer: str, target: str) -> float:
    return METRIC.lenient(answer, example(target), SPEC)


@pytest.mark.parametrize(
    ("answer", "f1"),
    [
        (ADA, 1),
        ('{"born":{"city":"LONDON","year":1815.0},"name":" ada "}', 1),
        ('{"name": "Ada", "born": {"year": 1815, "city": "Rome"}}', 2 / 3),
        ('{"name": "Ada", "born": {"year": 1815}}', 4 / 5),
        ('{"name": "Ada"}', 1 / 2),
        ('{"name": "Ada", "year": 1815, "city": "London"}', 1 / 3),
        ('{"name": "Ada", "born": {"year": "1815", "city": "London"}}', 2 / 3),
        ('{"name": "Ada", "born": {"year": 1815, "city": "London"}, "job": "writer"}', 6 / 7),
        ('{"name": "Ada", "born": {"year": 1815, "city": "London"}, "job": null, "of": [], "x": {"y": ""}}', 1),
        ("{}", 0),
        ("null", 0),
        ("[]", 0),
        ('"Ada"', 0),
        (f"Here: {ADA}", 0),
        (f"```json\n{ADA}\n```", 0),
        (ADA[:-1], 0),
        ('{"name": NaN}', 0),
        ("", 0),
    ],
)
def test_strict_scores(answer: str, f1: float) -> None:
    assert score(answer, ADA) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("answer", "f1"),
    [
        (f"Here: {ADA}", 1),
        (f"Sure!\n```json\n{ADA}\n```\nAnything else?", 1),
        (f"Not {{this}} but {ADA} and {{}}", 1),
        ('{"name": "Ada."} and {"name": "Bob"}', 1 / 2),
        ('{"Name": "ada!", "born": {"Year": "1,815", "city": "london"}}', 1),
        ('["Ada"]', 0),
        ("{'name': 'Ada'}", 0),
        ("Ada", 0),
    ],
)
def test_lenient_scores(answer: str, f1: float) -> None:
    assert lenient(answer, ADA) == pytest.approx(f1)


def test_truth_and_numbers_in_quotation_marks_are_read_leniently_only() -> None:
    assert score('{"a": "true", "n": "2"}', '{"a": true, "n": 2}') == 0
    assert lenient('{"a": "True", "n": "2"}', '{"a": true, "n": 2}') == 1
    assert lenient('{"a": 1}', '{"a": true}') == score('{"a": 1}', '{"a": true}') == 0


@pytest.mark.parametrize(
    ("answer", "target", "f1"),
    [
        ("{}", "{}", 1),
        ("[]", "{}", 1),
        ('{"a": null}', "{}", 1),
        ('{"a": 1}', "{}", 0),
        ("", "{}", 0),
        ("nothing", "{}", 0),
        ('["b", "a"]', '["a", "b"]', 1),
        ('["a", "a"]', '["a"]', 2 / 3),
        ('["a"]', '["a", "a", "a"]', 1 / 2),
        ('[["a", "b"], ["c"]]', '[["c"], ["b", "a"]]', 1),
        ('[["a", "c"], ["b"]]', '[["c"], ["b", "a"]]', 2 / 3),
        ('["a", ["a"]]', '[["a"], "a"]', 1),
        ("3", "3.0", 1),
        ('[{"t": "person", "x": "Ada"}, {"t": "city", "x": "Rome"}]', '[{"t": "city", "x": "Rome"}]', 2 / 3),
        # Types and texts are not counted apart from each other: these two have their cities and persons swapped.
        (
            '[{"t": "city", "x": "Ada"}, {"t": "person", "x": "Rome"}]',
            '[{"t": "person", "x": "Ada"}, {"t": "city", "x": "Rome"}]',
            1 / 2,
        ),
    ],
)
def test_lists_are_bags(answer: str, target: str, f1: float) -> None:
    assert score(answer, target) == pytest.approx(f1)


def test_the_best_reference_counts() -> None:
    either = example('{"a": 1}', '{"a": 2}')
    assert METRIC.score('{"a": 2}', either, SPEC) == 1.0


def test_long_lists_of_objects_are_compared_item_by_item() -> None:
    target = [{"n": n, "word": f"w{n}"} for n in range(150)]
    answer = [{**item, "word": "other"} if item["n"] == 7 else item for item in target][::-1]
    assert score(json.dumps(answer), json.dumps(target)) == pytest.approx(149 / 150)


leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "A ", "b c", "", "1", "true"])
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
)


@given(values, values)
def test_scores_keep_to_their_bounds_whatever_the_order(said: Json, wanted: Json) -> None:
    answer, target = json.dumps(said), json.dumps(wanted)
    strict, forgiving = score(answer, target), lenient(answer, target)
    assert 0 <= strict <= forgiving <= 1
    assert score(target, answer) == strict
    assert score(target, target) == lenient(f"So: {target}", target) == 1 or not isinstance(wanted, dict | list)
    assert score(json.dumps(_turned(said)), target) == pytest.approx(strict)


def _turned(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _turned(item) for name, item in reversed(value.items())}
    return [_turned(item) for item in reversed(value)] if isinstance(value, list) else value


def test_a_thousand_flat_records_equal_a_count_of_their_pairs() -> None:
    draw = random.Random(0)
    names, words = ("city", "date", "artist", "count", "tags"), ("Rome", "may", "Ada", "two", "blue")
    for _ in range(1_000):
        target, answer = (
            {
                name: draw.choice(words) if name != "tags" else draw.choices(words, k=draw.randint(1, 4))
                for name in names
                if draw.random() < 0.7
            }
            for _ in range(2)
        )
        pairs = [
            Counter(
                (name, item)
                for name, value in record.items()
                for item in ([value] if isinstance(value, str) else value)
            )
            for record in (answer, target)
        ]
        n_all = pairs[0].total() + pairs[1].total()
        expected = 2 * (pairs[0] & pairs[1]).total() / n_all if n_all else 1.0
        assert score(json.dumps(answer), json.dumps(target)) == expected


def test_objects_in_lists_are_laid_beside_each_other_as_well_as_any_order_does() -> None:
    draw = random.Random(1)
    for _ in range(200):
        said, wanted = (
            [{name: draw.randint(0, 2) for name in "xyz" if draw.random() < 0.8} for _ in range(draw.randint(1, 4))]
            for _ in range(2)
        )
        short, long = sorted((said, wanted), key=len)
        best = max(
            sum(a.get(name) == b[name] for a, b in zip(short, order, strict=False) for name in b)
            for order in permutations(long)
        )
        n_all = sum(map(len, said)) + sum(map(len, wanted))
        assert score(json.dumps(said), json.dumps(wanted)) == pytest.approx(2 * best / n_all if n_all else 1)


def test_json_that_is_longer_than_what_is_read_is_wrong_strictly() -> None:
    long = ADA + " " * 30_000
    assert score(long, ADA) == METRIC.aggregate([long], [example(ADA)], SPEC)["valid"] == 0.0
    assert lenient(long, ADA) == 1.0


def test_exact_and_valid_stand_beside_the_mean() -> None:
    task = spec(
        "extraction", schema={"type": "object", "required": ["name"], "additionalProperties": {"type": "string"}}
    )
    target = example('{"name": "Ada"}')
    answers = ['{"name":"ada"}', '{"name": "Bob"}', '{"name": 3}', "{}", "Ada", '```\n{"name": "Ada"}\n```', None]
    found = METRIC.aggregate(answers, [target] * 7, task)
    assert found == {"exact": pytest.approx(1 / 6), "valid": pytest.approx(2 / 6)}
    assert METRIC.aggregate(answers, [target] * 7, SPEC)["valid"] == pytest.approx(4 / 6)
    assert METRIC.aggregate([None], [target], task) == {}


def test_a_thousand_answers_are_as_valid_as_jsonschema_says() -> None:
    schema: dict[str, Json] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {
            "place": {
                "type": "object",
                "required": ["city"],
                "properties": {"city": {"type": "string", "pattern": "^[A-Z]"}},
            }
        },
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 2},
            "year": {"type": "integer", "minimum": 1800},
            "places": {"type": "array", "items": {"$ref": "#/$defs/place"}, "maxItems": 2},
            "kind": {"enum": ["person", "engine"]},
        },
        "required": ["name"],
        "additionalProperties": False,
    }
    task = spec("extraction", schema=schema)
    theirs = Draft202012Validator(schema)
    draw = random.Random(2)
    n_valid = 0
    for _ in range(1_000):
        value = {
            "name": draw.choice(["Ada", "Bob", "A", 3]),
            "year": draw.choice([1815, 1815.0, 1799, "1815", True]),
            "places": [{"city": draw.choice(["Rome", "rome"])} for _ in range(draw.randint(0, 3))],
            "kind": draw.choice(["person", "engine", "cat", None]),
            "more": 1,
        }
        value = {
            name: part for name, part in value.items() if draw.random() < {"name": 0.95, "more": 0.1}.get(name, 0.4)
        }
        expected = theirs.is_valid(value)
        n_valid += expected
        assert METRIC.aggregate([json.dumps(value)], [example("{}")], task)["valid"] == float(expected)
    assert 100 < n_valid < 900


@pytest.mark.parametrize(
    "answer",
    [
        '{"a":' * 900 + "1" + "}" * 900,
        "[" * 900 + "]" * 900,
        '{"a":' * 5_000,
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": 1e999}',
        "{" * 20_000,
    ],
)
def test_hostile_answers_are_wrong_and_nothing_more(answer: str) -> None:
    task = spec("extraction", schema={"type": "object"})
    assert score(answer, ADA) == lenient(answer, ADA) == 0.0
    assert METRIC.aggregate([answer], [example(ADA)], task)["exact"] == 0.0
