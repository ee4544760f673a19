"""What an edit of the prompt does: timed cold, looked at in what is written, and no trace of it left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from crossover.candidate import ConstantCandidate, Demonstration, PromptedCandidate, PromptProgram, Reasoning, predict
from crossover.measure import interaction
from crossover.measure.interaction import INPUTS, wish_for
from crossover.model.base import Generated, TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.records import Example, TaskSpec


@pytest.fixture
def candidate(spec: TaskSpec, rows: Sequence[Example]) -> PromptedCandidate:
    shown = [Demonstration.of(row) for row in rows[:6]]
    return PromptedCandidate(program=PromptProgram.default(spec).with_demonstrations(shown))


def test_what_is_measured(
    tiny: LocalModel, spec: TaskSpec, rows: Sequence[Example], candidate: PromptedCandidate
) -> None:
    inputs = [row.inputs for row in rows[6:]]
    before = predict(candidate, inputs, tiny)
    found = interaction(candidate, inputs, spec, tiny)
    assert found.editable
    assert found.inputs == INPUTS
    assert found.first_answer_s is not None
    assert found.new_labels_s is not None
    assert 0 < found.first_answer_s < 5
    assert 0 < found.new_labels_s < 5
    assert found.asked == "capital letters"
    assert found.in_form == 0.0, "a random model writes no label"
    assert found.follows_before is not None
    assert found.follows is not None
    assert predict(candidate, inputs, tiny) == before, "the candidate is as it was"


def test_the_first_answer_is_timed_without_a_cache(
    tiny: LocalModel, spec: TaskSpec, rows: Sequence[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read between the edit and the answer is the whole prompt, the demonstrations with it."""
    shown = [Demonstration.of(row) for row in rows[:6]]
    candidate = PromptedCandidate(program=PromptProgram.default(spec).with_demonstrations(shown))
    inputs = [row.inputs for row in rows[6:14]]
    predict(candidate, inputs, tiny)
    read: list[int] = []
    clock = time.perf_counter

    def ticking() -> float:
        read.append(tiny.token_passes)
        return clock()

    monkeypatch.setattr(time, "perf_counter", ticking)
    interaction(candidate, inputs, spec, tiny)
    whole = predict(candidate, inputs[:1], tiny)[0].prompt_tokens
    assert read[1] - read[0] >= whole
    assert read[3] - read[2] >= whole, "so is the prompt with another label"


class Obedient:
    """Writes what the instruction asks for."""

    def __init__(self, model: LocalModel) -> None:
        self._model = model

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def generate(self, prompts: Sequence[Sequence[int]], **_: object) -> list[Generated]:
        capitals = self._model.encode("CAPITAL LETTERS")
        told = ["".join(map(chr, prompt)) for prompt in prompts]
        wanted = "".join(map(chr, capitals))
        texts = ["DELIVERY" if wanted in one else "delivery" for one in told]
        return [Generated(text=text, tokens=(1,), prompt_tokens=1, output_tokens=1, finish="eos") for text in texts]


def test_an_answer_that_follows_is_seen_to(
    tiny: LocalModel, spec: TaskSpec, rows: Sequence[Example], candidate: PromptedCandidate
) -> None:
    obedient = Obedient(tiny)
    found = interaction(candidate, [row.inputs for row in rows[6:]], spec, obedient)  # type: ignore[arg-type]  # hands on all else
    assert (found.in_form, found.follows_before, found.follows) == (1.0, 0.0, 1.0)


def test_an_adapter_stays_on_while_prompts_are_edited(
    tiny: LocalModel, spec: TaskSpec, rows: Sequence[Example], train_rows: Sequence[TrainRow], quick: TrainSettings
) -> None:
    with tiny.training(quick) as trainer:
        trainer.step(train_rows)
        adapter = trainer.adapter()
    candidate = PromptedCandidate(program=PromptProgram.default(spec), adapter=adapter)
    found = interaction(candidate, [row.inputs for row in rows], spec, tiny)
    assert found.follows is not None
    assert not tiny._adapting.is_on


def test_other_candidates(tiny: LocalModel, spec: TaskSpec, rows: Sequence[Example]) -> None:
    inputs = [row.inputs for row in rows]
    constant = interaction(ConstantCandidate(answer="refund"), inputs, spec, tiny)
    assert (constant.editable, constant.first_answer_s) == (False, None)
    nothing = interaction(PromptedCandidate(program=PromptProgram.default(spec)), [], spec, tiny)
    assert (nothing.editable, nothing.inputs, nothing.follows) == (True, 0, None)
    written = replace(spec, kind="qa", labels=(), label_names={}, answer_tokens=6)
    open_kind = interaction(PromptedCandidate(program=PromptProgram.default(written)), inputs, written, tiny)
    assert open_kind.new_labels_s is None
    assert open_kind.in_form is None
    assert open_kind.first_answer_s is not None
    how = Reasoning(tokens=8, marker="####", samples=1, temperature=0.0, seed=0, keeps_marker=True)
    thinking = PromptedCandidate(program=replace(PromptProgram.default(written), reasoning=how))
    assert interaction(thinking, inputs, written, tiny).follows is None


@pytest.mark.parametrize(
    ("answers", "called"),
    [
        (["refund", "HUM"], "capital letters"),
        (["HUM", "LOC:city"], "capital letters"),
        (["HUM"], "small letters"),
        (["42", "7"], "square brackets"),
        (["はい"], "square brackets"),
    ],
)
def test_what_is_asked_for_is_not_there_already(answers: list[str], called: str) -> None:
    wish = wish_for(answers)
    assert wish.called == called
    assert not all(map(wish.is_met, answers))
