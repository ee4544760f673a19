"""What adapters are trained on when demonstrations stand in their prompts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from crossover.candidate import Demonstration, PromptedCandidate, PromptProgram
from crossover.candidate.prompted import prompt_tokens, target_answers
from crossover.methods import get_method
from crossover.methods.effort import allowance
from crossover.methods.weights.lessons import Lessons
from crossover.metrics import get_metric
from crossover.model.local import LocalModel
from crossover.records import Example, TaskSpec
from tests.methods.recording import RecordingModel

METRIC = get_metric("accuracy")
Rows = tuple[Example, ...]


@pytest.fixture
def near(spec: TaskSpec, rows: Rows) -> PromptProgram:
    return PromptProgram.default(spec).with_retrieval([Demonstration.of(row) for row in rows], 3)


def test_a_lesson_ends_with_the_prompt_that_is_served(near: PromptProgram, rows: Rows, tiny: LocalModel) -> None:
    """Served with the other rows as its pool, a row has the prompt that it was trained on."""
    lessons = Lessons(near, rows, tiny)
    for index in (0, 5, 11):
        others = [Demonstration.of(row) for i, row in enumerate(rows) if i != index]
        lesson = lessons.of(index, range(len(rows)))
        served = prompt_tokens(near.with_retrieval(others, 3), [rows[index].inputs], tiny)[0]
        assert lesson[-1].prompt == served
        assert len(lesson) == lessons.answers_a_row == 4
        assert lesson[-1].completion == tiny.completion(near.answer_words(str(rows[index].target)))


def test_a_lessons_beginnings_are_computed_once(near: PromptProgram, rows: Rows, tiny: LocalModel) -> None:
    """Every answer of a sequence is a target; the tokens are those of its longest prompt."""
    lessons = Lessons(near, rows, tiny)
    lesson = lessons.of(0, range(len(rows)))
    for shorter, longer in itertools.pairwise(lesson):
        assert longer.prompt[: len(shorter.prompt)] == shorter.prompt
    longest = lesson[-1]
    assert lessons.n_tokens([lesson]) == len(longest.prompt) + len(longest.completion) - 1


def test_neighbours_come_from_the_rows_that_are_allowed(near: PromptProgram, rows: Rows, tiny: LocalModel) -> None:
    lessons = Lessons(near, rows, tiny)
    decode = tiny._chat._tokenizer.decode
    allowed = range(6)
    for prompt in (*lessons.prompts([10], allowed), lessons.of(10, allowed)[-1].prompt):
        text = str(decode(list(prompt)))
        assert not any(rows[i].inputs["text"] in text for i in range(6, len(rows)) if i != 10)


def test_a_demonstration_is_asked_below_the_others(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    shown = [Demonstration.of(row) for row in rows[:3]]
    lessons = Lessons(PromptProgram.default(spec).with_demonstrations(shown), rows, tiny)
    assert lessons.shown == [0, 1, 2]
    decode = tiny._chat._tokenizer.decode
    text = str(decode(list(lessons.of(1, range(len(rows)))[0].prompt)))
    assert text.count(rows[1].inputs["text"]) == 1
    assert rows[0].inputs["text"] in text
    assert rows[2].inputs["text"] in text
    full = str(decode(list(lessons.of(7, range(len(rows)))[0].prompt)))
    assert all(row.inputs["text"] in full for row in rows[:3])


@pytest.mark.parametrize("name", ["lora+few-shot", "lora+knn-few-shot", "few-shot/lora", "knn-few-shot/lora"])
def test_longer_prompts_leave_fewer_steps(spec: TaskSpec, rows: Rows, tiny: LocalModel, name: str) -> None:
    bound = allowance(PromptProgram.default(spec), rows, tiny, 1.0)
    plain = get_method("lora").fit(spec, rows, [], model=tiny, metric=METRIC, effort=1.0, seed=1)
    fitted = get_method(name).fit(spec, rows, [], model=tiny, metric=METRIC, effort=1.0, seed=1)
    assert int(str(fitted.tried[-1].settings["steps"])) < int(str(plain.tried[-1].settings["steps"]))
    assert fitted.token_passes < 1.5 * bound
    assert isinstance(fitted.candidate, PromptedCandidate)
    program = fitted.candidate.program
    assert program.demonstrations or program.retrieval


def test_dev_rows_of_neighbours_are_neither_asked_nor_shown_before_they_judge(spec: TaskSpec, rows: Rows) -> None:
    model = RecordingModel()
    get_method("lora+knn-few-shot").fit(spec, rows, [], model=model, metric=METRIC, effort=1.0, seed=2)
    decode = model._chat._tokenizer.decode
    seen: list[str] = []
    for event in model.events:
        texts = [str(decode(list(prompt))) for prompt in event.prompts]
        if event.what == "train":
            seen += texts
        elif event.what == "score" and seen:
            judged = [row.inputs["text"] for row in rows if any(f"{row.inputs['text']}\nLabel:" in t for t in texts)]
            asked = [text.rpartition("Text: ")[2] for text in texts]
            dev = [text for text in judged if any(one.startswith(text) for one in asked)]
            assert dev
            assert not any(one in text for one in dev for text in seen)
            break
    else:
        pytest.fail("no dev row was scored after training began")


def test_beliefs_are_learned_by_their_weight(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    """Labels that are hardly believed in cost tokens: what is left of the others adds up to one row."""
    program = PromptProgram.default(spec)
    beliefs = np.full((len(rows), len(spec.labels)), 0.001)
    beliefs[:, 0], beliefs[:, 1] = 0.74, 0.26 - 0.001 * (len(spec.labels) - 2)
    lesson = Lessons(program, rows, tiny, beliefs=beliefs).of(3, range(len(rows)))
    assert [row.completion for row in lesson] == target_answers(program, spec.labels[:2], tiny)
    assert {row.prompt for row in lesson} == set(prompt_tokens(program, [rows[3].inputs], tiny))
    assert sum(row.weight for row in lesson) == pytest.approx(1)
    assert lesson[0].weight / lesson[1].weight == pytest.approx(beliefs[3, 0] / beliefs[3, 1])


def test_the_likeliest_label_is_always_learned(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    """With a hundred labels none may be believed in much."""
    labels = tuple(f"label {number}" for number in range(40))
    wide = replace(spec, labels=labels, label_names={})
    beliefs = np.full((len(rows), 40), 0.024)
    beliefs[:, 7] = 0.064
    lesson = Lessons(PromptProgram.default(wide), [replace(r, target=labels[0]) for r in rows], tiny, beliefs=beliefs)
    assert [row.weight for row in lesson.of(0, [0])] == [pytest.approx(1)]
