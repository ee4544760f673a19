"""Answers that keep to a schema, a regular expression or a list, always."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import jsonschema
import pytest

from crossover.errors import OptionError
from crossover.model.base import Constraint, Generated
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from crossover.records import Json

BEGINNING = tuple(range(40, 60))
PROMPTS: list[Sequence[int]] = [(*BEGINNING, i, *range(i % 4)) for i in range(8)]

SCHEMAS: dict[str, dict[str, Json]] = {
    "an object": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "maxLength": 4},
            "people": {"type": "integer", "minimum": 0, "maximum": 99_999},
            "coast": {"type": "boolean"},
        },
        "required": ["city", "people", "coast"],
        "additionalProperties": False,
    },
    "a list": {"type": "array", "items": {"enum": ["a", "b", 1, None]}, "minItems": 1, "maxItems": 3},
    "one of two": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$"}]},
    "inside each other": {
        "$defs": {"tag": {"enum": ["x", "y"]}},
        "type": "object",
        "properties": {"tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "maxItems": 2}},
        "required": ["tags"],
        "additionalProperties": False,
    },
}
REGEXES = ["[0-9]{3}", "(yes|no)[.!]?", "[a-f]{1,5}-(é|日本|🙂)", "a{0,4}b{0,3}c?"]
CHOICES = [
    ("positive", "negative"),
    ("a", "ab", "abc"),
    ('say "hi"', "back\\slash", "two\nlines", "日本 🙂"),
    ("only",),
]


def answers(model: LocalModel, constraint: Constraint, *, max_tokens: int = 60) -> list[Generated]:
    """Return greedy and drawn answers."""
    greedy = model.generate(PROMPTS, max_tokens=max_tokens, constraint=constraint)
    hot = [model.generate(PROMPTS, max_tokens=max_tokens, constraint=constraint, temperature=t) for t in (1.0, 3.0)]
    return [*greedy, *hot[0], *hot[1]]


@pytest.mark.parametrize("name", SCHEMAS)
def test_json_is_valid_by_its_schema(tiny: LocalModel, name: str) -> None:
    for answer in answers(tiny, Constraint(json_schema=SCHEMAS[name])):
        assert answer.finish == "eos"
        value = json.loads(answer.text)
        jsonschema.validate(value, SCHEMAS[name])
        if answer.text.isascii() and "\\" not in answer.text:
            assert answer.text == json.dumps(value)


@pytest.mark.parametrize("regex", REGEXES)
def test_a_regular_expression_matches_the_whole_answer(tiny: LocalModel, regex: str) -> None:
    for answer in answers(tiny, Constraint(regex=regex), max_tokens=200):
        assert answer.finish == "eos"
        assert re.fullmatch(regex, answer.text)


@pytest.mark.parametrize("choices", CHOICES)
def test_an_answer_is_one_of_the_choices(tiny: LocalModel, choices: tuple[str, ...]) -> None:
    given = answers(tiny, Constraint(choices=choices))
    assert {answer.finish for answer in given} == {"eos"}
    said = {answer.text for answer in given}
    assert said <= set(choices)
    assert len(said) >= min(2, len(choices))


def test_an_answer_that_is_cut_says_so(tiny: LocalModel) -> None:
    schema = SCHEMAS["an object"]
    for n in (1, 5, 12):
        for answer in tiny.generate(PROMPTS, max_tokens=n, constraint=Constraint(json_schema=schema)):
            assert answer.finish == "length"
            assert answer.output_tokens == n
            assert answer.text == '{"city": "'[:n] or n > 10


ENDLESS: dict[str, Mapping[str, Json]] = {
    "a string": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    "optional fields": {
        "type": "object",
        "properties": {name: {"type": "string"} for name in "abcdefgh"},
        "required": ["a"],
        "additionalProperties": False,
    },
    "inside one another": {
        "type": "object",
        "properties": {"a": {"type": "object", "properties": {"b": {"type": "array", "items": {"type": "string"}}}}},
        "required": ["a"],
    },
    "numbers": {"type": "array", "items": {"type": "integer"}},
}


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_json_is_whole_wherever_it_is_cut(tiny: LocalModel, name: str, temperature: float) -> None:
    constraint = Constraint(json_schema=ENDLESS[name])
    cut = 0
    for n in (*range(14, 40, 5), 70):
        for answer in tiny.generate(PROMPTS, max_tokens=n, temperature=temperature, constraint=constraint):
            jsonschema.validate(json.loads(answer.text), ENDLESS[name])
            assert answer.output_tokens <= n
            cut += answer.finish == "length"
    assert cut, "none was cut: the test shows nothing"


def test_what_can_go_on_for_ever_is_cut_where_it_is_whole(tiny: LocalModel) -> None:
    for answer in tiny.generate(PROMPTS, max_tokens=9, constraint=Constraint(regex="([0-9][a-z])+")):
        assert re.fullmatch("([0-9][a-z])+", answer.text)
        assert answer.finish == "length"


def test_the_batch_makes_no_difference(tiny: LocalModel) -> None:
    constraint = Constraint(json_schema=SCHEMAS["an object"])
    together = tiny.generate(PROMPTS, max_tokens=60, constraint=constraint)
    assert [tiny.generate([p], max_tokens=60, constraint=constraint)[0] for p in PROMPTS] == together


def test_it_is_the_likeliest_of_what_is_allowed(tiny: LocalModel) -> None:
    choices = tuple("ghijk")
    given = tiny.generate(PROMPTS, max_tokens=5, constraint=Constraint(choices=choices))
    scores = tiny.score(PROMPTS, [tiny.encode(choice) for choice in choices]).logprobs
    assert [answer.text for answer in given] == [choices[i] for i in scores.argmax(1)]


def test_an_ordinary_token_that_ends_free_answers_does_not_end_these() -> None:
    model = tiny_model()
    model._network.generation_config.eos_token_id = [*model.encode('"0123 {'), 257]
    assert len(model._generator.ends) == 8
    for answer in answers(model, Constraint(json_schema=SCHEMAS["an object"])):
        assert answer.finish == "eos"
        jsonschema.validate(json.loads(answer.text), SCHEMAS["an object"])


def test_a_schema_may_be_any_mapping(tiny: LocalModel) -> None:
    inner: Mapping[str, Json] = MappingProxyType({"b": 1})
    schema: Mapping[str, Json] = MappingProxyType({"enum": ["a", inner]})
    (answer,) = tiny.generate(PROMPTS[:1], max_tokens=20, constraint=Constraint(json_schema=schema))
    assert answer.text in {'"a"', '{"b": 1}'}


def test_what_is_forced_is_read_at_once() -> None:
    model = tiny_model()
    (answer,) = model.generate([PROMPTS[0]], max_tokens=20, constraint=Constraint(choices=("only",)))
    assert (answer.text, answer.output_tokens, model.token_passes) == ("only", 4, 0)
    (answer,) = model.generate([PROMPTS[0]], max_tokens=2, constraint=Constraint(choices=("only",)))
    assert (answer.text, answer.finish, model.token_passes) == ("on", "length", 0)
    (answer,) = model.generate([PROMPTS[0]], max_tokens=20, constraint=Constraint(regex="<[xy]-----[xy]>"))
    assert re.fullmatch("<[xy]-----[xy]>", answer.text)
    assert model.token_passes == len(PROMPTS[0]) + 1 + 6, "the last two are never read"


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_forced_may_take_several_steps(temperature: float) -> None:
    model, rule = tiny_model(), Constraint(regex="[xy]" + "-" * 40 + "[xy]")
    together = model.generate(PROMPTS, max_tokens=50, temperature=temperature, constraint=rule)
    assert all(re.fullmatch("[xy]-{40}[xy]", answer.text) for answer in together)
    model = tiny_model()
    assert model.generate(PROMPTS[:1], max_tokens=50, temperature=temperature, constraint=rule) == together[:1]
    assert model.token_passes == len(PROMPTS[0]) + 41


def refusal(model: LocalModel, constraint: Constraint) -> OptionError:
    before = model.token_passes
    with pytest.raises(OptionError) as caught:
        model.generate(PROMPTS, max_tokens=5, constraint=constraint)
    assert model.token_passes == before
    assert caught.value.details
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "strin"}, "Invalid type: strin"),
        ({"type": "string", "minLength": 5, "maxLength": 2}, r"minLength \(5\) is greater than maxLength \(2\)"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "Unsatisfiable"),
        ({"enum": []}, "Unsatisfiable"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"$ref": "#/nope"}, "'/nope' does not exist"),
        ({"type": "string", "pattern": "("}, "unclosed group"),
    ],
)
def test_a_schema_that_cannot_be_fulfilled_is_refused(tiny: LocalModel, schema: dict[str, Json], reason: str) -> None:
    error = refusal(tiny, Constraint(json_schema=schema))
    assert error.message.startswith("no answer can fulfil the JSON schema: ")
    assert re.search(reason, error.message)


@pytest.mark.parametrize(
    ("regex", "reason"),
    [
        ("(", "unclosed group"),
        ("a(?=b)", "look-around"),
        (r"(a)\1", "backreferences"),
        (r"[^\s\S]", ""),
        (r"a[^\s\S]", ""),
    ],
)
def test_a_regular_expression_that_nothing_matches_is_refused(tiny: LocalModel, regex: str, reason: str) -> None:
    error = refusal(tiny, Constraint(regex=regex))
    assert error.message.startswith(f"no answer can match the regular expression {regex!r}: ")
    assert reason in error.message


def test_stop_strings_and_a_constraint_exclude_each_other(tiny: LocalModel) -> None:
    with pytest.raises(OptionError, match="stop strings would cut"):
        tiny.generate(PROMPTS, max_tokens=5, stop=["."], constraint=Constraint(regex="a"))


def test_a_constraint_is_checked_without_prompts_too(tiny: LocalModel) -> None:
    with pytest.raises(OptionError, match="no answer can match"):
        tiny.generate([], max_tokens=5, constraint=Constraint(regex="("))
    assert tiny.generate([], max_tokens=5, constraint=Constraint(regex="a")) == []
