"""Answers of the embedded model: transformers' own, ended and cut as asked, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from crossover.errors import ModelError, OptionError
from crossover.model.base import TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from tests.model.plain import plain_answer

BEGINNING = tuple(range(40, 80))
CASES: dict[str, list[Sequence[int]]] = {
    "one prompt": [(1, 2, 3)],
    "one prompt of one token": [(7,)],
    "nothing in common": [(1, 2, 3), (4, 5), (6,), tuple(range(90, 120))],
    "a shared beginning": [(*BEGINNING, 1), (*BEGINNING, 2, 3, 4, 5, 6), (*BEGINNING, 2, 3)],
    "the same prompt": [(*BEGINNING, 1)] * 3,
    "a prompt that begins another": [BEGINNING, (*BEGINNING, 1), (*BEGINNING, 1, 2, 3)],
    "more rows than are answered at once": [(*BEGINNING, i, *range(i % 7)) for i in range(70)],
}


def talker() -> LocalModel:
    """Return a tiny model that says plain letters only."""
    model = tiny_model()
    speaks = set(model.encode("abcdefghijklmnopqrstuvwxyz "))
    with torch.no_grad():
        for token in set(range(258)) - speaks:
            model._network.get_output_embeddings().weight[token] = 0
    return model


@pytest.mark.parametrize("case", CASES)
def test_answers_are_those_of_transformers(tiny: LocalModel, case: str) -> None:
    prompts = CASES[case]
    answers = tiny.generate(prompts, max_tokens=9)
    assert len(answers) == len(prompts)
    for prompt, answer in zip(prompts[:8], answers[:8], strict=True):
        assert answer.tokens == plain_answer(tiny._network, prompt, 9)
        assert tiny.generate([prompt], max_tokens=9) == [answer]


def test_a_warm_prefix_makes_no_difference(tiny: LocalModel) -> None:
    prompts = CASES["a shared beginning"]
    tiny.forget()
    cold = tiny.generate(prompts, max_tokens=9)
    assert tiny.generate(prompts, max_tokens=9) == cold
    assert tiny.generate(prompts[1:2], max_tokens=9) == cold[1:2]


def test_every_end_that_the_model_states_ends_an_answer() -> None:
    model = tiny_model()
    prompts = CASES["more rows than are answered at once"][:12]
    third = {answer.tokens[2] for answer in model.generate(prompts, max_tokens=9)}
    model = tiny_model()
    model._network.generation_config.eos_token_id = sorted(third)
    answers = model.generate(prompts, max_tokens=9)
    assert {answer.finish for answer in answers} >= {"eos"}
    for prompt, answer in zip(prompts, answers, strict=True):
        assert answer.tokens == plain_answer(model._network, prompt, 9)
        assert (answer.finish == "eos") == (answer.tokens[-1] in third)
    assert model._generator.ends == third | {257}, "and the end of turn"


def test_the_templates_end_of_turn_ends_an_answer_too() -> None:
    model = tiny_model()
    model._network.generation_config.eos_token_id = None
    prompt = model.render([{"role": "user", "content": "hello"}])
    head = model._network.get_output_embeddings()
    state = torch.tensor(model.embed([prompt])[0, 32:], dtype=torch.float32)
    with torch.no_grad():  # a model that has nothing to say
        head.weight.zero_()
        head.weight[257] = state
    (answer,) = model.generate([prompt], max_tokens=3)
    assert (answer.text, answer.tokens, answer.finish) == ("", (257,), "eos")


@pytest.mark.parametrize("together", [True, False])
def test_stop_strings_cut_the_text(together: bool) -> None:
    model = talker()
    prompts: list[Sequence[int]] = [model.encode(text) for text in ("hello there", "hello you", "abc", "some more")]
    free = [answer.text for answer in model.generate(prompts, max_tokens=30)]
    assert all(len(text) == 30 for text in free)
    stop = [free[0][9:13], free[1][4:5], "never said"]
    calls = [prompts] if together else [[prompt] for prompt in prompts]
    answers = [answer for call in calls for answer in model.generate(call, max_tokens=30, stop=stop)]
    assert answers[1].finish == "stop"
    for text, answer in zip(free, answers, strict=True):
        ends = [text.find(s) + len(s) for s in stop if s in text]
        assert answer.output_tokens == min(ends, default=30), "nothing is computed after the stop string"
        said = text[: min(ends, default=30)]
        assert answer.text == said[: min((said.find(s) for s in stop if s in said), default=30)]
        assert answer.finish == ("stop" if ends else "length")


def test_an_adapted_model_answers_adapted(train_rows: tuple[TrainRow, ...], quick: TrainSettings) -> None:
    model = tiny_model()
    prompts = [row.prompt for row in train_rows[:3]]
    base = model.generate(prompts, max_tokens=6)
    with model.training(quick) as trainer:
        assert model.generate(prompts, max_tokens=6) == base
        for _ in range(6):
            trainer.step(train_rows)
        trained, adapter = model.generate(prompts, max_tokens=6), trainer.adapter()
    assert trained != base
    assert model.generate(prompts, max_tokens=6) == base
    with model.adapted(adapter):
        assert model.generate(prompts, max_tokens=6) == trained
        for prompt, answer in zip(prompts, trained, strict=True):
            assert answer.tokens == plain_answer(model._network, prompt, 6)


def test_no_prompts_give_no_answers(tiny: LocalModel) -> None:
    before = tiny.token_passes
    assert tiny.generate([], max_tokens=5) == []
    assert tiny.token_passes == before


def test_too_long_a_prompt_is_refused_with_its_place_length_and_limit() -> None:
    model = tiny_model(context_tokens=32)
    assert model.generate([(1,) * 30], max_tokens=2)[0].output_tokens == 2
    with pytest.raises(ModelError) as caught:
        model.generate([(1,) * 20, (1,) * 1_500], max_tokens=10)
    assert caught.value.message == "example 1 is 1,500 tokens long and its answer may take 10; tiny reads 32."
    assert caught.value.details == (
        "shorten it, use fewer demonstrations, lower max_tokens, or take a model with a longer context",
    )
    with pytest.raises(ModelError, match="example 0 is 31 tokens long and its answer may take 2; tiny reads 32"):
        model.generate([(1,) * 31], max_tokens=2)


def test_an_empty_prompt_is_refused(tiny: LocalModel) -> None:
    with pytest.raises(ModelError, match="the prompt of example 1 is empty"):
        tiny.generate([(1,), ()], max_tokens=2)


def refused(model: LocalModel, match: str, *, max_tokens: int = 2, **options: object) -> None:
    with pytest.raises(OptionError, match=match):
        model.generate([(1, 2)], max_tokens=max_tokens, **options)  # type: ignore[arg-type]


def test_options_that_mean_nothing_are_refused(tiny: LocalModel) -> None:
    refused(tiny, "max_tokens must be at least 1, but got 0", max_tokens=0)
    refused(tiny, r"temperature must be 0 or more, but got -0.5", temperature=-0.5)
    refused(tiny, "temperature must be 0 or more, but got nan", temperature=float("nan"))
    refused(tiny, "temperature must be 0 or more, but got inf", temperature=float("inf"))
    refused(tiny, "seed must be 0 or more, but got -1", seed=-1)
    refused(tiny, "seed must be 0 or more, but got -2", seed=[-2])
    refused(tiny, "seed must be one number or 1, one for each prompt, but got 2", seed=[1, 2])
    refused(tiny, "stop must be a list of texts", stop="ab")
    refused(tiny, "stop must be a list of texts", stop=["a", ""])
