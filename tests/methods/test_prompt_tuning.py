"""Which tokens a soft prompt takes the place of, what it begins as, and what it is trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.candidate import Demonstration, PromptedCandidate, PromptProgram
from crossover.candidate.prompted import prompt_tokens
from crossover.methods import Fitted, get_method
from crossover.methods.weights.prompt_tuning import MOST_TOKENS, beginning_of
from crossover.metrics import get_metric
from crossover.model.base import LanguageModel
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from crossover.records import Example, TaskSpec
from tests.methods.recording import RecordingModel

Rows = tuple[Example, ...]
TINY = tiny_model()


def fit(
    name: str, spec: TaskSpec, rows: Rows, model: LanguageModel, start: PromptedCandidate | None = None
) -> PromptedCandidate:
    fitted: Fitted = get_method(name).fit(
        spec, rows, [], model=model, metric=get_metric("accuracy"), effort=0.3, seed=2, start=start
    )
    assert isinstance(fitted.candidate, PromptedCandidate)
    assert fitted.candidate.adapter is not None
    return fitted.candidate


def replaced(candidate: PromptedCandidate) -> list[int]:
    assert candidate.adapter is not None
    found = candidate.adapter.config["replaces"]
    assert isinstance(found, list)
    return [int(str(token)) for token in found]


@given(text=st.text(max_size=20), instruction=st.sampled_from(["", "Sort.", "Name the intent. " * 20]))
def test_every_prompt_begins_with_what_is_replaced(spec: TaskSpec, text: str, instruction: str) -> None:
    program = replace(PromptProgram.default(spec), instruction=instruction)
    for layout in ("chat", "plain"):
        laid_out = program.in_layout(layout)
        found = beginning_of(laid_out, [{"text": "where is it"}], TINY)
        assert 8 <= len(found) <= MOST_TOKENS
        (prompt,) = prompt_tokens(laid_out, [{"text": text}], TINY)
        if len(found) != 16 or instruction:
            assert prompt[: len(found)] == found
            assert len(prompt) > len(found)


def test_prompts_that_share_little_get_tokens_before_them(spec: TaskSpec) -> None:
    program = replace(PromptProgram.default(spec), instruction="", template="{text}?", layout="plain")
    found = beginning_of(program, [{"text": "where"}], TINY)
    words = TINY.encode("delivery, refund, access")
    assert found == words[:16]
    short = replace(program, instruction="Go", template="{text}")
    assert beginning_of(short, [{"text": "where"}], TINY) == tuple(TINY.encode("Go")) * 8


def test_demonstrations_are_replaced_and_their_own_rows_are_not_asked(spec: TaskSpec, rows: Rows) -> None:
    model = RecordingModel()
    program = replace(PromptProgram.default(spec), instruction="Sort.", layout="plain")
    shown = program.with_demonstrations([Demonstration.of(row) for row in rows[:3]])
    candidate = fit("prompt-tuning", spec, rows, model, PromptedCandidate(program=shown))
    assert candidate.program == shown
    beginning = tuple(replaced(candidate))
    (prompt,) = prompt_tokens(shown, [rows[0].inputs], model)
    assert prompt[: len(beginning)] == beginning
    assert len(beginning) > len(model.encode("Sort.\n\nText: my parcel"))
    asked = {prompt for event in model.events if event.what == "train" for prompt in event.prompts}
    assert asked == set(prompt_tokens(shown, [row.inputs for row in rows[3:]], model))


def test_demonstrations_for_each_input_stand_behind_it(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    program = replace(PromptProgram.default(spec), layout="plain")
    near = program.with_retrieval([Demonstration.of(row) for row in rows], 2)
    candidate = fit("prompt-tuning", spec, rows, tiny, PromptedCandidate(program=near))
    beginning = tuple(replaced(candidate))
    for prompt in prompt_tokens(candidate.program, [row.inputs for row in rows], tiny):
        assert prompt[: len(beginning)] == beginning


@pytest.mark.parametrize("name", ["prompt-tuning", "ia3"])
def test_it_learns(spec: TaskSpec, rows: Rows, tiny: LocalModel, name: str) -> None:
    candidate = fit(name, spec, rows, tiny)
    assert candidate.prior is None, "a trained arm's prior is never corrected"
    prompts = prompt_tokens(candidate.program, [row.inputs for row in rows], tiny)
    words = [tiny.completion(candidate.program.answer_words(str(row.target))) for row in rows]
    if candidate.program.layout == "plain":
        words = [tiny.plain_completion(candidate.program.answer_words(str(row.target))) for row in rows]
    before = tiny.score_own(prompts, words)
    with tiny.adapted(candidate.adapter):
        after = tiny.score_own(prompts, words)
    assert np.mean(after) > np.mean(before)


@pytest.mark.parametrize(("name", "extra"), [("prompt-tuning", {"virtual_tokens"}), ("ia3", set()), ("lora", {"rank"})])
def test_what_the_store_keeps(spec: TaskSpec, rows: Rows, tiny: LocalModel, name: str, extra: set[str]) -> None:
    fitted = get_method(name).fit(
        spec, rows, [], model=tiny, metric=get_metric("accuracy"), effort=0.1, seed=2, start=None
    )
    assert fitted.tried[0].settings.keys() == {"layout", "learning_rate", "steps", "batch"} | extra
