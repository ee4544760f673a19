"""Rules in promptfoo's words: each type, how they are read, what is refused, and the metric that counts them."""

from __future__ import annotations

import json
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import DataError
from crossover.metrics import get_metric
from crossover.metrics.check_types import CHECK_TYPES, RUN_SOMETHING, edit_distance
from crossover.metrics.checks import check_rules, read_checks
from crossover.records import Json
from tests.metrics.made import example, spec

METRIC = get_metric("rules")
SPEC = spec("generation")
SCHEMA: Json = {"type": "object", "required": ["a"]}


def checks(*rules: dict[str, Json]) -> str:
    return json.dumps(rules)


HOLDS: list[tuple[str, Json, str, bool]] = [
    ("equals", "Hello", "Hello", True),
    ("equals", "Hello", "hello", False),
    ("equals", 3, "3", True),
    ("equals", True, "true", True),
    ("equals", "", "", True),
    ("equals", {"a": [1, 2]}, '{"a":[1.0,2]}', True),
    ("equals", {"a": 1}, '{"a": true}', False),
    ("equals", {"a": 1}, "{a: 1}", False),
    ("equals", None, "null", True),
    ("contains", "lo, w", "Hello, world", True),
    ("contains", "LO", "Hello", False),
    ("contains", 42, "the 42nd", True),
    ("contains", 1.0, "1", True),
    ("icontains", "LO", "Hello", True),
    ("icontains", "la", "Hello", False),
    ("contains-any", ["x", "ell"], "Hello", True),
    ("contains-any", "x, ell", "Hello", True),
    ("contains-any", '"l,l", y', "Hel,lo", True),
    ("contains-any", ["x", "y"], "Hello", False),
    ("contains-all", ["H", "o"], "Hello", True),
    ("contains-all", ["H", "x"], "Hello", False),
    ("icontains-any", ["X", "ELL"], "Hello", True),
    ("icontains-any", ["X", "Y"], "Hello", False),
    ("icontains-all", "h, O", "Hello", True),
    ("icontains-all", "h, x", "Hello", False),
    ("starts-with", "Hel", "Hello", True),
    ("starts-with", "hel", "Hello", False),
    ("ends-with", "lo", "Hello", True),
    ("ends-with", "Hel", "Hello", False),
    ("regex", r"\d{4}-\d\d", "on 2026-11", True),
    ("regex", r"^\d+$", "on 2026", False),
    ("is-json", None, '{"a": 1}', True),
    ("is-json", None, 'Here: {"a": 1}', False),
    ("is-json", SCHEMA, '{"a": 1}', True),
    ("is-json", SCHEMA, '{"b": 1}', False),
    ("is-json", json.dumps(SCHEMA), '{"b": 1}', False),
    ("contains-json", None, 'Here: {"a": 1}!', True),
    ("contains-json", None, "Here: {a: 1}", False),
    ("contains-json", SCHEMA, 'Here: {"b": 1} or {"a": 1}', True),
    ("contains-json", SCHEMA, 'Here: {"b": 1}', False),
    ("levenshtein", "Hello", "Hallo", True),
    ("levenshtein", "Hello", "Goodbye all", False),
    ("word-count", 2, "Hello  world", True),
    ("word-count", "2", "Hello", False),
    ("word-count", {"min": 2}, "Hello", False),
    ("word-count", {"max": 2}, "Hello\nworld", True),
    ("word-count", {"min": 1, "max": 1}, "Hello", True),
    ("character-count", {"max": 5}, "Größe", True),
    ("character-count", 1, "🙂", True),
    ("character-count", {"min": 6}, "Hello", False),
]


@pytest.mark.parametrize(("name", "value", "answer", "holds"), HOLDS)
def test_each_type_holds_and_its_negation_does_not(name: str, value: Json, answer: str, holds: bool) -> None:
    rule: dict[str, Json] = {"type": name, "value": value}
    assert read_checks(checks(rule)).score(answer) == float(holds)
    assert read_checks(checks({**rule, "type": f"not-{name}"})).score(answer) == float(not holds)


def test_every_type_is_tried_both_ways() -> None:
    for holds in (True, False):
        assert {name for name, _, _, held in HOLDS if held is holds} == set(CHECK_TYPES)


def test_the_threshold_of_levenshtein_is_its_edits() -> None:
    for most, holds in ((0, False), (1, True), (None, True)):
        assert read_checks(checks({"type": "levenshtein", "value": "Hello", "threshold": most})).score("Hallo") == holds


def test_a_score_is_the_weighted_share_and_a_threshold_lets_pass() -> None:
    rules: list[Json] = [
        {"type": "icontains", "value": "refund", "weight": 3, "metric": "topic"},
        {"type": "not-contains", "value": "sorry"},
        {"type": "contains", "value": "never", "weight": 0},
    ]
    strict, half = json.dumps(rules), json.dumps({"assert": rules, "threshold": 0.5})
    rows = [("A refund, sorry.", strict), ("A refund, sorry.", half), ("A refund, never.", strict), ("No.", half)]
    scores = [METRIC.score(answer, example("", checks=text), SPEC) for answer, text in rows]
    assert scores == [0.75, 0.75, 1.0, 0.25]
    answers, examples = [answer for answer, _ in rows], [example("", checks=text) for _, text in rows]
    assert METRIC.aggregate([*answers, None], [*examples, example("")], SPEC) == {"pass_rate": 0.5}


def test_one_check_may_stand_alone() -> None:
    assert METRIC.score("Hello", example(None, checks='{"type": "contains", "value": "ell"}'), SPEC) == 1.0


def test_a_wrapping_is_taken_off_leniently() -> None:
    row = example(None, checks=checks({"type": "is-json"}, {"type": "starts-with", "value": "{"}))
    said = 'Sure, here it is:\n```json\n{"a": 1}\n```'
    assert METRIC.score(said, row, SPEC) == 0.0
    assert METRIC.lenient(said, row, SPEC) == 1.0


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"type": "contain", "value": "x"}, "there is no check 'contain'; did you mean contains?"),
        ({"type": "not-icontain", "value": "x"}, "did you mean not-icontains?"),
        ({"type": "zzz"}, "there is no check 'zzz'"),
        (
            {"type": "javascript", "value": "process.exit()"},
            "javascript would run a program: nothing in a data file is run",
        ),
        ({"type": "not-llm-rubric", "value": "is kind"}, "not-llm-rubric would ask another model"),
        ({"type": "cost", "threshold": 1}, "is about the call"),
        ({"value": "x"}, "no object with a type"),
        ("contains: x", "no object with a type"),
        ({"type": "contains"}, "a text is wanted, got null"),
        ({"type": "contains", "value": ""}, 'a text is wanted, got ""'),
        ({"type": "contains", "value": ["x"]}, "a text is wanted"),
        ({"type": "contains", "value": True}, "a text is wanted"),
        ({"type": "contains", "value": "file://secret.txt"}, "no file is read"),
        ({"type": "contains-any", "value": []}, "a list of texts is wanted"),
        ({"type": "contains-any", "value": ["x", {}]}, "a text is wanted, got {}"),
        ({"type": "contains-any", "value": "a\rb"}, "give a list"),
        (
            {"type": "contains", "value": "x", "provider": "openai:gpt"},
            "contains has no 'provider'; allowed: type, value",
        ),
        ({"type": "contains", "value": "x", "transform": "output"}, "has no 'transform'"),
        ({"type": "contains", "value": "x", "threshold": 1}, "contains has no threshold"),
        ({"type": "contains", "value": "x", "weight": -1}, "weight is -1; a number from 0"),
        ({"type": "contains", "value": "x", "weight": "2"}, 'weight is "2"'),
        ({"type": "contains", "value": "x", "weight": 0}, "all weights are 0"),
        ({"type": "regex", "value": "("}, "no regular expression: missing )"),
        ({"type": "regex", "value": "(a+)+$"}, "takes too long"),
        ({"type": "regex"}, "a regular expression is wanted, got null"),
        ({"type": "is-json", "value": {"type": "banana"}}, "the JSON schema cannot be used"),
        ({"type": "is-json", "value": {"$ref": "https://x.example/y"}}, "nothing is fetched"),
        ({"type": "is-json", "value": "type: object"}, "a JSON schema is wanted"),
        ({"type": "levenshtein", "value": ["x"]}, "a text is wanted"),
        ({"type": "levenshtein", "value": "x" * 20_001}, "20,001 characters"),
        ({"type": "levenshtein", "value": "x", "threshold": 20_001}, "threshold is 20001 edits"),
        ({"type": "word-count", "value": {"min": 3, "max": 2}}, "min 3 is above max 2"),
        ({"type": "word-count", "value": {"least": 3}}, "a count is wanted"),
        ({"type": "word-count", "value": {}}, "a count is wanted"),
        ({"type": "word-count", "value": "many"}, "a count is wanted"),
        ({"type": "word-count"}, "a count is wanted"),
        ({"type": "word-count", "value": -1}, "a count is wanted"),
    ],
)
def test_what_cannot_be_read_is_named(rule: Json, says: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the text is looked for below
        read_checks(json.dumps([rule]))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("contains: x", "'contains: x' is no JSON"),
        ("[]", "no list of checks"),
        ("3", "no list of checks"),
        ('{"assert": [], "threshold": 1}', "no list of checks"),
        ('{"assert": [{"type": "is-json"}], "threshold": 2}', "threshold is 2; a number from 0 to 1"),
        ('{"assert": [{"type": "is-json"}], "vars": {}}', "'vars' is not known beside assert"),
        (json.dumps([{"type": "is-json"}] * 101), "101 checks; at most 100"),
        ("[" * 100 + "]" * 100, "nested more than 80 deep"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_list_of_checks_is_named(text: str, says: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the text is looked for below
        read_checks(text)
    assert says in str(caught.value)


def test_all_rows_are_checked_and_named_at_once() -> None:
    good = checks({"type": "icontains", "value": "refund"})
    check_rules("chat.jsonl", {2: good, 3: None, 4: ""})
    with pytest.raises(DataError) as caught:
        check_rules("chat.jsonl", {2: good, 3: None, 5: checks({"type": "zzz"}), 6: "x"})
    assert caught.value.message == "chat.jsonl: the checks of 2 rows cannot be used."
    assert caught.value.details[:2] == ("row 5: check 1: there is no check 'zzz'", "row 6: 'x' is no JSON")
    assert all(any(name in line for line in caught.value.details) for name in CHECK_TYPES)
    with pytest.raises(DataError) as caught:
        check_rules("chat.jsonl", dict.fromkeys(range(2, 22), "x") | {30: good})
    assert "and 12 rows more" in caught.value.details


def test_where_rules_decide_every_row_needs_some() -> None:
    with pytest.raises(DataError) as caught:
        check_rules("chat.jsonl", {2: checks({"type": "is-json"}), 3: None}, needed=True)
    assert caught.value.message == "chat.jsonl: the checks of 1 row cannot be used."
    assert caught.value.details[0] == "row 3: there are none"
    assert "--metric" in caught.value.details[-1]
    with pytest.raises(DataError, match="row 7 has no checks"):
        METRIC.score("x", example("x", row=7), SPEC)


def test_a_pattern_that_runs_away_on_an_answer_names_the_row() -> None:
    text = checks({"type": "regex", "value": "^START (a|aa)+$"})
    read_checks(text)  # no trial text brings it out
    started = time.perf_counter()
    with pytest.raises(DataError, match="row 17: a regular expression of its checks takes too long") as caught:
        METRIC.score("START " + "a" * 5_000 + "!", example("x", checks=text, row=17), SPEC)
    assert time.perf_counter() - started < 3
    assert any("(a|aa)+" in line for line in caught.value.details)


def test_a_schema_that_runs_away_on_an_answer_names_the_row() -> None:
    schema: Json = {"properties": {"a": {"allOf": [{"$ref": "#"}] * 10}}}
    row = example("x", checks=checks({"type": "is-json", "value": schema}), row=18)
    with pytest.raises(DataError, match="row 18: the JSON schema takes too long"):
        METRIC.score('{"a":' * 9 + "1" + "}" * 9, row, SPEC)


def test_rules_that_cannot_be_read_name_the_row_when_scoring_too() -> None:
    with pytest.raises(DataError, match="row 9: its checks cannot be read: 'x' is no JSON"):
        METRIC.score("x", example("x", checks="x", row=9), SPEC)


def test_no_type_is_both_known_and_refused() -> None:
    assert not CHECK_TYPES.keys() & RUN_SOMETHING.keys()


def plain_distance(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        above, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            above, row[j] = row[j], min(above + (a != b), row[j] + 1, row[j - 1] + 1)
    return row[-1]


@given(st.text(alphabet="abc", max_size=80), st.text(alphabet="abc", max_size=80))
def test_edits_equal_the_plain_table(first: str, second: str) -> None:
    assert edit_distance(first, second) == plain_distance(first, second)


def test_edits_of_long_texts_are_counted_quickly() -> None:
    draw = random.Random(0)
    first = "".join(draw.choices("abcdefgh ", k=20_000))
    started = time.perf_counter()
    assert edit_distance(first, first[:9_000] + "xyz" + first[9_001:]) == 3
    assert time.perf_counter() - started < 2
