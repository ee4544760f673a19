"""Answers behind reasoning: always there, always bounded, the same alone and among others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.candidate import PromptedCandidate, PromptProgram, Reasoning, predict
from crossover.candidate.copied import last_sentence, whole_sentences
from crossover.candidate.defaults import reasoning_instruction
from crossover.candidate.program import LAYOUTS, Layout
from crossover.candidate.prompted import prompt_tokens
from crossover.candidate.reasoned import Path, _agreed, _led, _path, _vote, reasoned_paths
from crossover.metrics import get_metric
from crossover.model.base import Generated, TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from crossover.records import Example, Json, TaskSpec
from tests.model.plain import plain_answer

INPUTS = [{"text": text} for text in ("two lamps and one", "", "nine boxes", "how many?", "a", "zwölf — 12")]
HOW = Reasoning(tokens=12, marker="####", keeps_marker=True)
SPEC = TaskSpec(
    name="orders", kind="math", metric="numeric_match", input_fields=("text",), target_field="answer", answer_tokens=6
)


def program(how: Reasoning = HOW, layout: Layout = "chat") -> PromptProgram:
    return replace(PromptProgram.default(SPEC), reasoning=how, layout=layout)


@pytest.fixture(scope="module")
def taught() -> Iterator[LocalModel]:
    """The tiny model, trained to reason on one input in two lines and a marker."""
    model = tiny_model()
    (prompt,) = prompt_tokens(program(), INPUTS[:1], model)
    row = TrainRow(prompt=prompt, completion=model.completion("It is 2. So 2+1=3.\n#### 3"))
    settings = TrainSettings(rank=8, alpha=16, learning_rate=2e-2, warmup_steps=2, total_steps=60)
    with model.training(settings) as trainer:
        for _ in range(60):
            trainer.step([row])
        yield model


@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_a_marker_the_answer_is_what_follows_on_a_forced_one(tiny: LocalModel, layout: Layout) -> None:
    asked = program(layout=layout)
    prompts = prompt_tokens(asked, INPUTS, tiny)
    for prompt, (path,) in zip(prompts, reasoned_paths(asked, prompts, tiny), strict=True):
        led = f"{path.reasoning}\n####" if path.reasoning else "####"
        begun = tiny.encode(f" {led}") if layout == "plain" else tiny.completion(led)[:-1]
        expected = tiny._generator._decode(plain_answer(tiny._network, (*prompt, *begun), asked.answer_tokens))
        said = expected.partition("\n")[0].rstrip("\ufffd").rstrip()  # a text ends with a whole character
        if said:
            assert path.answer.rstrip("\ufffd").rstrip() == f"####{said}"
        else:
            assert path.said in ("", last_sentence(path.reasoning), *expected.splitlines())
        assert path.output_tokens <= HOW.tokens + asked.answer_tokens


def test_the_answer_is_what_the_model_writes_behind_its_marker(taught: LocalModel) -> None:
    asked = program(replace(HOW, tokens=40))
    (path,) = reasoned_paths(asked, prompt_tokens(asked, INPUTS[:1], taught), taught)[0]
    assert (path.reasoning, path.said, path.answer) == ("It is 2. So 2+1=3.", "3", "#### 3")
    assert path.output_tokens == len(taught.completion("It is 2. So 2+1=3.\n#### 3")), "nothing was put there for it"
    row = Example(id="train:2", inputs=INPUTS[0], target="2 + 1 = 3\n#### 3", row=2)
    assert get_metric("numeric_match").score(path.answer, row, SPEC) == 1.0
    bare = program(replace(HOW, tokens=40, keeps_marker=False))
    (prediction,) = predict(PromptedCandidate(program=bare), INPUTS[:1], taught)
    assert prediction.answer == "3"
    assert prediction.margin is not None
    assert prediction.margin > 0


def test_reasoning_that_is_too_long_is_cut_after_a_whole_sentence(taught: LocalModel) -> None:
    asked = program(replace(HOW, tokens=14))
    (path,) = reasoned_paths(asked, prompt_tokens(asked, INPUTS[:1], taught), taught)[0]
    assert path.reasoning == "It is 2.", "of 'It is 2. So 2+'"
    assert path.answer.startswith("####")
    assert path.output_tokens <= 14 + asked.answer_tokens


@pytest.mark.parametrize("samples", [1, 4])
def test_drawn_paths_hang_on_the_seed_and_the_input_alone(tiny: LocalModel, samples: int) -> None:
    how = replace(HOW, samples=samples, temperature=0.9, seed=7)
    together = predict(PromptedCandidate(program=program(how)), INPUTS, tiny)
    assert [predict(PromptedCandidate(program=program(how)), [one], tiny)[0] for one in INPUTS] == together
    assert predict(PromptedCandidate(program=program(how)), INPUTS[::-1], tiny) == together[::-1]
    assert predict(PromptedCandidate(program=program(replace(how, seed=8))), INPUTS, tiny) != together
    assert all(one.margin is None for one in together)


def test_all_samples_are_counted_and_differ(tiny: LocalModel) -> None:
    asked = program(replace(HOW, samples=5, temperature=0.9))
    prompts = prompt_tokens(asked, INPUTS[:2], tiny)
    paths = reasoned_paths(asked, prompts, tiny)
    assert [len(one) for one in paths] == [5, 5]
    assert len({path.reasoning for path in paths[0]}) > 1
    found = predict(PromptedCandidate(program=asked), INPUTS[:2], tiny)
    assert [one.output_tokens for one in found] == [sum(p.output_tokens for p in one) for one in paths]
    assert [one.prompt_tokens for one in found] == [len(prompt) for prompt in prompts]


def test_near_the_end_of_the_context_the_reasoning_is_shorter() -> None:
    (prompt,) = prompt_tokens(program(), INPUTS[:1], tiny_model())
    for left in (len("####") + SPEC.answer_tokens, 12, 13, 17, 60):
        model = tiny_model(context_tokens=len(prompt) + left)
        (path,) = reasoned_paths(program(), [prompt], model)[0]
        assert path.output_tokens <= left
        assert path.answer.startswith("####")


@pytest.mark.parametrize(
    ("said", "other", "same"),
    [
        ("18", " $18.00", True),
        ("1,250", "1250", True),
        ("The Eiffel Tower!", "eiffel tower", True),
        ("-3", "3", False),
        ("1.8", "18", False),
        ("Rome", "Oslo", False),
    ],
)
def test_answers_agree_as_the_metrics_compare_them(said: str, other: str, same: bool) -> None:
    assert (_vote(said.strip()) == _vote(other.strip())) is same


@given(said=st.lists(st.sampled_from(["18", "18.0", "Rome", "rome.", "Oslo", ""]), min_size=1, max_size=9))
def test_the_answer_is_the_first_of_those_that_most_paths_reach(said: list[str]) -> None:
    paths = [Path(reasoning=str(i), said=one, answer=one, output_tokens=1) for i, one in enumerate(said)]
    chosen = _agreed(paths)
    votes = [_vote(one) for one in said]
    counts = Counter(vote for vote in votes if vote)
    if not counts:
        assert chosen is paths[0]
        return
    assert counts[_vote(chosen.said)] == max(counts.values())
    assert [counts[vote] for vote in votes].index(max(counts.values())) == paths.index(chosen)


@pytest.mark.parametrize(
    ("text", "finish", "led"),
    [
        ("2 and 1.\n", "stop", "2 and 1.\n####"),
        ("So it is ", "stop", "So it is ####"),
        ("2 and 1.", "stop", "2 and 1.\n####"),
        ("2 and 1. ", "eos", "2 and 1.\n####"),
        ("One. Two. Thr", "length", "One. Two.\n####"),
        ("no end at al", "length", "no end at al\n####"),
        ("", "length", "####"),
        ("\n", "stop", "####"),
    ],
)
def test_how_the_marker_follows_on_the_reasoning(text: str, finish: str, led: str) -> None:
    thought = Generated(text=text, tokens=(1,), prompt_tokens=1, output_tokens=1, finish=finish)  # type: ignore[arg-type]  # a literal
    assert _led(thought, "####") == led


def test_a_model_that_ends_at_the_marker_has_answered_before_it() -> None:
    thought = Generated(text="2 and 1. So it is 3.", tokens=(1, 2), prompt_tokens=1, output_tokens=2, finish="eos")
    nothing = Generated(text="", tokens=(9,), prompt_tokens=1, output_tokens=1, finish="eos")
    path = _path(HOW, thought, _led(thought, "####"), nothing)
    assert (path.said, path.answer, path.output_tokens) == ("So it is 3.", "#### So it is 3.", 3)
    row = Example(id="train:2", inputs=INPUTS[0], target="2 + 1 = 3\n#### 3", row=2)
    assert get_metric("numeric_match").lenient(path.answer, row, SPEC) == 1.0
    assert _path(HOW, nothing, "####", nothing).answer == "####"


@pytest.mark.parametrize(
    ("whole", "last"), [("A b. C d.", "C d."), ("A b.\nC d", "C d"), ("A b", "A b"), ("", ""), ("A b! ", "A b!")]
)
def test_the_last_sentence(whole: str, last: str) -> None:
    assert last_sentence(whole) == last


@given(
    sentences=st.lists(st.from_regex(r"[A-Z][a-z ]{0,8}[a-z][.!?]", fullmatch=True), max_size=4), cut=st.text("ab c")
)
def test_whole_sentences_stay(sentences: list[str], cut: str) -> None:
    whole = " ".join(sentences)
    assert whole_sentences(f"{whole} {cut}") == (whole or cut.strip())


# ------------------------------------------------------------------------------------------------------ as plain data

hows = st.builds(
    Reasoning,
    tokens=st.integers(1, 4_096),
    marker=st.sampled_from(["Answer:", "####", "\\boxed{"]),
    keeps_marker=st.booleans(),
    samples=st.integers(1, 64),
    temperature=st.floats(0, 2),
    seed=st.integers(0, 2**53),
)


@given(how=hows)
def test_json_gives_equal_reasoning_back(how: Reasoning) -> None:
    again = PromptProgram.from_json(json.loads(json.dumps(program(how).to_json())))
    assert again == program(how)


def test_a_program_from_before_there_was_reasoning_has_none() -> None:
    config = dict(PromptProgram.default(SPEC).to_json())
    assert config.pop("reasoning", "missing") is None
    assert PromptProgram.from_json(config) == PromptProgram.default(SPEC)


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("tokens", 0, "'tokens' must be 1 to 4096, got 0"),
        ("tokens", 4_097, "'tokens' must be 1 to 4096, got 4097"),
        ("tokens", 1.5, "'tokens' must be a whole number"),
        ("samples", 0, "'samples' must be 1 to 64, got 0"),
        ("samples", 65, "'samples' must be 1 to 64, got 65"),
        ("temperature", -0.1, "'temperature' must be 0 to 2"),
        ("temperature", 2.1, "'temperature' must be 0 to 2"),
        ("temperature", "warm", "'temperature' must be a number"),
        ("seed", -1, "'seed' must be 0 or more, got -1"),
        ("keeps_marker", 1, "'keeps_marker' must be true or false, got 1"),
        ("marker", "", "'marker' must be one line"),
        ("marker", " ####", "'marker' must be one line"),
        ("marker", "a\nb", "'marker' must be one line"),
        ("marker", "x" * 101, "'marker' must have at most 100 characters"),
        ("marker", None, "'marker' must be a text"),
    ],
)
def test_reasoning_that_is_not_allowed_is_refused(key: str, value: Json, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Reasoning.from_json({**HOW.to_json(), key: value})
    with pytest.raises(ValueError, match=f"field '{key}' is missing"):
        Reasoning.from_json({name: one for name, one in HOW.to_json().items() if name != key})


def test_labels_are_not_reasoned_about(spec: TaskSpec) -> None:
    closed = PromptedCandidate(program=replace(PromptProgram.default(spec), reasoning=HOW))
    with pytest.raises(ValueError, match="'reasoning' is for answers that are written"):
        PromptedCandidate.from_parts(closed.parts())


def test_the_users_own_words_come_first() -> None:
    own = replace(SPEC, instruction="Count the lamps.")
    said = reasoning_instruction(own, "####")
    assert said.startswith("Count the lamps. ")
    assert "####" in said
    assert reasoning_instruction(SPEC, "####") == PromptProgram.default(SPEC).instruction
