"""Scores are those of a plain forward pass, one sequence at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.model.engine import Prefixes, score
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from tests.model.plain import plain_logprobs

Ids = Sequence[int]
BEGINNING = tuple(range(20, 60))

CASES: dict[str, tuple[list[Ids], list[Ids]]] = {
    "one prompt, one label": ([(1, 2, 3)], [(4, 5)]),
    "one prompt of one token": ([(1,)], [(4, 5), (4,), (6, 5)]),
    "one-token labels": ([(1, 2, 3), (1, 2, 9, 8)], [(4,), (5,), (6,)]),
    "a forty-token label": ([(1, 2, 3), (7,)], [tuple(range(100, 140)), (100,), tuple(range(100, 139))]),
    "labels that begin others": ([(1, 2, 3), (1, 2, 4)], [(4,), (4, 5), (4, 5, 6), (4, 5, 6, 7)]),
    "the same label twice": ([(1, 2, 3)], [(4, 5), (4, 5)]),
    "trailing whitespace": ([(1, 2, 3)], [(4, 5), (4, 5, 220), (4, 5, 220, 220)]),
    "nothing in common": ([(1, 2, 3), (4, 5), (6,)], [(7, 8), (9,)]),
    "a shared beginning": ([(*BEGINNING, 1, 2), (*BEGINNING, 3), (*BEGINNING, 1, 4, 5)], [(7, 8), (9,)]),
    "duplicate prompts": ([(*BEGINNING, 1)] * 3, [(7, 8), (9,)]),
    "a prompt that begins another": ([(*BEGINNING,), (*BEGINNING, 1, 2)], [(1, 2), (1, 3)]),
}


@pytest.mark.parametrize("case", CASES)
def test_scores_equal_a_plain_forward(tiny: LocalModel, case: str) -> None:
    prompts, continuations = CASES[case]
    scores = tiny.score(prompts, continuations)
    assert scores.prompt_tokens == tuple(map(len, prompts))
    np.testing.assert_allclose(scores.logprobs, plain_logprobs(tiny._network, prompts, continuations), atol=1e-4)


ids = st.integers(0, 257)


@settings(max_examples=25)
@given(
    beginning=st.lists(ids, max_size=24),
    prompts=st.lists(st.lists(ids, min_size=1, max_size=12), min_size=1, max_size=6),
    continuations=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=5),
    max_tokens=st.sampled_from([1, 16, 64, 512]),
    warm=st.booleans(),
)
def test_shapes_make_no_difference(
    tiny: LocalModel,
    beginning: list[int],
    prompts: list[list[int]],
    continuations: list[list[int]],
    max_tokens: int,
    warm: bool,
) -> None:
    whole = [(*beginning, *prompt) for prompt in prompts]
    network = tiny._network
    prefix, _ = Prefixes(network).for_prompts(whole) if warm else (None, 0)
    result = score(network, whole, continuations, prefix=prefix, max_tokens=max_tokens)
    np.testing.assert_allclose(result.values, plain_logprobs(network, whole, continuations), atol=1e-4)


def test_no_prompts_give_no_scores(tiny: LocalModel) -> None:
    scores = tiny.score([], [(1,), (2,)])
    assert scores.logprobs.shape == (0, 2)
    assert scores.prompt_tokens == ()


def test_more_prompts_than_one_pass_takes(tiny: LocalModel) -> None:
    generator = np.random.default_rng(0)
    prompts = [tuple(generator.integers(0, 258, size=size).tolist()) for size in generator.integers(5, 90, size=30)]
    continuations = [(1, 2, 3), (1, 5), (9,)]
    np.testing.assert_allclose(
        tiny.score(prompts, continuations).logprobs, plain_logprobs(tiny._network, prompts, continuations), atol=1e-4
    )


def test_a_shared_beginning_is_computed_once() -> None:
    model = tiny_model()
    prompts = [(*BEGINNING, i) for i in range(5)]
    model.score(prompts, [(1, 2), (1, 3)])
    # the beginning, then for each prompt its last token and the one token that both labels begin with
    assert model.token_passes == len(BEGINNING) + 5 * 2


def test_bf16_stays_near_fp32() -> None:
    model = tiny_model()
    prompts, continuations = CASES["a shared beginning"]
    exact = model.score(prompts, continuations).logprobs
    half = LocalModel(model._network.to(torch.bfloat16), model._chat._tokenizer, model.identity)
    near = half.score(prompts, continuations).logprobs
    tokens = np.array([len(c) for c in continuations])
    assert (np.abs(near - exact) / tokens).max() < 5e-2
    assert not np.array_equal(near, exact)
    np.testing.assert_allclose(near, plain_logprobs(half._network, prompts, continuations), atol=5e-2 * tokens.max())
