"""The prompted candidate's answers: alone and in a batch, with a prior, with an adapter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from crossover.candidate import PromptedCandidate, PromptProgram, predict
from crossover.candidate.program import Layout
from crossover.candidate.prompted import label_answers, prompt_tokens, scored_answers
from crossover.model.local import LocalModel
from crossover.records import Example, TaskSpec
from tests.candidate.made import DEMONSTRATIONS, adapter
from tests.model.plain import plain_logprobs

PRIOR = {"delivery": -0.1, "refund": -4.0, "log_in": -7.5}


@pytest.fixture(scope="module")
def program(spec: TaskSpec) -> PromptProgram:
    return PromptProgram.default(spec)


def kinds(program: PromptProgram) -> dict[str, PromptedCandidate]:
    return {
        "bare": PromptedCandidate(program=program),
        "prior": PromptedCandidate(program=program, prior=PRIOR),
        "shown": PromptedCandidate(program=program.with_demonstrations(DEMONSTRATIONS), prior=PRIOR),
        "nearest": PromptedCandidate(program=program.with_retrieval(DEMONSTRATIONS, 1), prior=PRIOR),
        "adapted": PromptedCandidate(program=program, adapter=adapter()),
    }


@pytest.mark.parametrize("kind", ["bare", "prior", "shown", "nearest", "adapted"])
def test_an_input_is_answered_the_same_alone_and_in_a_batch(
    tiny: LocalModel, program: PromptProgram, rows: Sequence[Example], kind: str
) -> None:
    candidate = kinds(program)[kind]
    inputs = [row.inputs for row in rows]
    together = predict(candidate, inputs, tiny)
    with candidate.opened(tiny) as predictor:
        for one, among in zip(inputs, together, strict=True):
            (alone,) = predictor([one])
            assert (alone.answer, alone.prompt_tokens, alone.output_tokens) == (
                among.answer,
                among.prompt_tokens,
                among.output_tokens,
            )
            assert alone.margin == pytest.approx(among.margin, abs=1e-4)
    assert [p.answer for p in predict(candidate, inputs[::-1], tiny)] == [p.answer for p in together[::-1]]


@pytest.mark.parametrize("prior", [None, PRIOR])
def test_the_answer_is_the_most_probable_label_less_its_prior(
    tiny: LocalModel, program: PromptProgram, rows: Sequence[Example], prior: dict[str, float] | None
) -> None:
    inputs = [row.inputs for row in rows[:6]]
    predictions = predict(PromptedCandidate(program=program, prior=prior), inputs, tiny)
    prompts, answers = prompt_tokens(program, inputs, tiny), scored_answers(program, tiny)
    labels = list(program.label_words)
    expected = plain_logprobs(tiny._network, prompts, answers)
    expected -= np.array([0.0 if prior is None else prior[label] for label in labels])
    ordered = np.sort(expected, axis=1)
    assert [p.answer for p in predictions] == [labels[i] for i in expected.argmax(axis=1)]
    assert [p.margin for p in predictions] == pytest.approx((ordered[:, -1] - ordered[:, -2]).tolist(), abs=1e-3)
    assert [p.prompt_tokens for p in predictions] == list(map(len, prompts))
    assert [p.output_tokens for p in predictions] == [len(answers[i]) for i in expected.argmax(axis=1)]


def test_a_prior_can_turn_every_answer(tiny: LocalModel, program: PromptProgram, rows: Sequence[Example]) -> None:
    inputs = [row.inputs for row in rows]
    for wanted in program.label_words:
        prior = {label: 0.0 if label == wanted else 1e3 for label in program.label_words}
        predictions = predict(PromptedCandidate(program=program, prior=prior), inputs, tiny)
        assert {p.answer for p in predictions} == {wanted}


def test_one_label_has_no_margin(tiny: LocalModel, program: PromptProgram) -> None:
    only = PromptProgram(instruction="", template="{text}", fields=program.fields, label_words={"a": "a"})
    (prediction,) = predict(PromptedCandidate(program=only), [{"text": "x"}], tiny)
    assert (prediction.answer, prediction.margin) == ("a", None)


def test_the_adapter_is_on_inside_and_off_outside(
    tiny: LocalModel, program: PromptProgram, rows: Sequence[Example]
) -> None:
    inputs = [row.inputs for row in rows[:6]]
    before = predict(PromptedCandidate(program=program), inputs, tiny)
    adapted = predict(PromptedCandidate(program=program, adapter=adapter()), inputs, tiny)
    after = predict(PromptedCandidate(program=program), inputs, tiny)
    assert before == after
    assert [p.margin for p in adapted] != [p.margin for p in before]


def test_training_and_predicting_read_the_same_tokens(tiny: LocalModel, program: PromptProgram) -> None:
    (tokens,) = prompt_tokens(program, [{"text": "where is it"}], tiny)
    assert tokens == tiny.render(program.prompts([{"text": "where is it"}])[0])
    assert label_answers(program, tiny) == [tiny.completion(words) for words in ("delivery", "refund", "access")]


def test_the_end_is_scored_only_where_it_tells_labels_apart(tiny: LocalModel) -> None:
    def answers(words: Sequence[str], layout: Layout) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        program = PromptProgram(
            instruction="",
            template="{text}",
            fields=("text",),
            label_words={word: word for word in words},
            layout=layout,
        )
        return scored_answers(program, tiny), label_answers(program, tiny)

    ends: dict[Layout, int] = {"chat": 1, "plain": 2}  # the tiny model has a token for each byte
    for layout, n_end in ends.items():
        scored, whole = answers(["order", "refund"], layout)
        assert scored == [answer[:-n_end] for answer in whole]
        scored, whole = answers(["order status", "refund", "order"], layout)
        assert scored == whole, "order begins order status"
