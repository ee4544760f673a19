"""What a prompt program says, word by word."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.candidate import Demonstration, PromptProgram
from crossover.errors import DataError
from crossover.records import Example, TaskSpec
from tests.candidate.made import DEMONSTRATIONS

texts = st.text(max_size=30)


@given(
    instruction=texts,
    values=st.lists(texts, min_size=1, max_size=3),
    shown=st.lists(st.tuples(texts, st.sampled_from(["delivery", "refund", "log_in"])), max_size=3),
    retrieved=st.booleans(),
)
def test_json_gives_an_equal_program_back(
    spec: TaskSpec, instruction: str, values: list[str], shown: list[tuple[str, str]], retrieved: bool
) -> None:
    program = replace(PromptProgram.default(spec), instruction=instruction)
    demonstrations = [Demonstration(inputs={"text": text}, target=target) for text, target in shown]
    if demonstrations:
        program = (
            program.with_retrieval(demonstrations, 2) if retrieved else program.with_demonstrations(demonstrations)
        )
    again = PromptProgram.from_json(json.loads(json.dumps(program.to_json())))
    assert again == program
    inputs = [{"text": value} for value in values]
    assert again.prompts(inputs) == program.prompts(inputs)


@given(value=texts, shown=texts)
def test_braces_in_texts_stay_text(spec: TaskSpec, value: str, shown: str) -> None:
    program = PromptProgram.of_prompt("Q: {text}! One of {{{labels}}}.", spec)
    program = program.with_demonstrations([Demonstration(inputs={"text": shown}, target="refund")])
    (messages,) = program.prompts([{"text": value}])
    assert [m["content"] for m in messages] == [
        f"Q: {shown}! One of {{delivery, refund, access}}.",
        "refund",
        f"Q: {value}! One of {{delivery, refund, access}}.",
    ]
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]


@pytest.mark.parametrize("text", ["{labels}", "{text}", "{{labels}}", "{0.__class__}", "{% raw %}", "${text}", "}{"])
def test_what_looks_like_a_field_in_an_input_is_not_read(spec: TaskSpec, text: str) -> None:
    (messages,) = PromptProgram.default(spec).prompts([{"text": text}])
    assert messages[-1]["content"].count(text) == 1


def test_the_users_instruction_is_taken_word_by_word(spec: TaskSpec) -> None:
    program = PromptProgram.default(replace(spec, instruction="Decide: {text}?"))
    (messages,) = program.prompts([{"text": "hello"}])
    assert messages[0] == {"role": "system", "content": "Decide: {text}?"}


def test_the_default_instruction_names_the_labels_in_words(spec: TaskSpec) -> None:
    (messages,) = PromptProgram.default(spec).prompts([{"text": "hello"}])
    assert [m["role"] for m in messages] == ["system", "user"]
    assert "delivery, refund, access" in messages[0]["content"]
    assert "hello" in messages[1]["content"]


def test_demonstrations_are_solved_turns_in_order(spec: TaskSpec) -> None:
    program = PromptProgram.default(spec).with_demonstrations(DEMONSTRATIONS)
    (messages,) = program.prompts([{"text": "hello"}])
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [messages[2]["content"], messages[4]["content"]] == ["delivery", "refund"]
    assert "parcel lost {on} the way" in messages[1]["content"]


def test_the_nearest_demonstration_stands_last(spec: TaskSpec) -> None:
    pool = [
        Demonstration(inputs={"text": "refund my money"}, target="refund"),
        Demonstration(inputs={"text": "where is my parcel"}, target="delivery"),
        Demonstration(inputs={"text": "where is my money"}, target="refund"),
        Demonstration(inputs={"text": "password forgotten"}, target="log_in"),
    ]
    program = PromptProgram.default(spec).with_retrieval(pool, 2)
    first, second = program.prompts([{"text": "where is my parcel?"}, {"text": "password forgotten!"}])
    assert "where is my money" in first[1]["content"]
    assert "where is my parcel" in first[3]["content"]
    assert "password forgotten" in second[3]["content"]
    assert [m["content"] for m in first if m["role"] == "assistant"] == ["refund", "delivery"]
    (alone,) = program.prompts([{"text": "where is my parcel?"}])
    assert alone == first


def test_more_neighbours_than_there_are_gives_all(spec: TaskSpec) -> None:
    (messages,) = PromptProgram.default(spec).with_retrieval(DEMONSTRATIONS, 9).prompts([{"text": "x"}])
    assert sum(m["role"] == "assistant" for m in messages) == 2


def test_several_input_columns_are_named(spec: TaskSpec) -> None:
    program = PromptProgram.default(replace(spec, input_fields=("subject", "body")))
    (messages,) = program.prompts([{"subject": "hi", "body": "{subject}", "secret": "kept out"}])
    assert "subject: hi\nbody: {subject}" in messages[-1]["content"]
    assert not any("kept out" in m["content"] for m in messages)


def test_words_stay_unique_when_underscores_go() -> None:
    spec = TaskSpec(
        name="t",
        kind="classification",
        metric="accuracy",
        input_fields=("x",),
        target_field="y",
        labels=("a_b", "a b", "c_d"),
    )
    assert dict(PromptProgram.default(spec).label_words) == {"a_b": "a_b", "a b": "a b", "c_d": "c_d"}
    spec = replace(spec, labels=("a_b", "c_d"))
    assert dict(PromptProgram.default(spec).label_words) == {"a_b": "a b", "c_d": "c d"}


def test_a_prompt_with_an_unknown_field_is_refused(spec: TaskSpec) -> None:
    with pytest.raises(DataError, match='no value for the field "txt"'):
        PromptProgram.of_prompt("{txt}", spec).prompts([{"text": "hello"}])


def test_an_example_without_a_label_is_no_demonstration() -> None:
    with pytest.raises(ValueError, match="train:7 has no label"):
        Demonstration.of(Example(id="train:7", inputs={"text": "x"}, target=None, row=7))
