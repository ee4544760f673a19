"""Which networks are led through many rows at once, and which one row after another: both give the same answers."""

from __future__ import annotations

import pytest
import torch

from crossover.model.engine.cache_shape import cache_shape
from tests.model.networks import SHARED, SINGLE, model_of
from tests.model.plain import plain_answer

BEGINNING = tuple(range(40, 60))
PROMPTS = [(*BEGINNING, 1), (*BEGINNING, 2, 3, 4), (*BEGINNING, 2, 3, 9, 9, 9)]


@pytest.mark.parametrize("name", SHARED)
def test_a_usual_network_is_led_through_many_rows(name: str) -> None:
    network = model_of(name)._network
    shape = cache_shape(network)
    assert shape is not None
    assert shape.n_layers == 2
    assert shape.token_bytes == 2 * 2 * shape.heads * shape.head_size * 4


@pytest.mark.parametrize("name", SINGLE)
def test_another_network_is_found_out(name: str) -> None:
    assert cache_shape(model_of(name)._network) is None


def test_sixteen_bits_round_but_leave_nothing_out() -> None:
    network = model_of("llama")._network
    half = type(network)(network.config).to(torch.bfloat16).eval()
    half.load_state_dict(network.state_dict())
    shape = cache_shape(half)
    assert shape is not None
    assert shape.dtype == torch.bfloat16


@pytest.mark.parametrize("name", [*SHARED, *SINGLE])
def test_answers_are_those_of_transformers(name: str) -> None:
    model = model_of(name)
    before = model._network.config._attn_implementation
    together = model.generate(PROMPTS, max_tokens=8)
    for prompt, answer in zip(PROMPTS, together, strict=True):
        assert answer.tokens == plain_answer(model._network, prompt, 8)
        assert model.generate([prompt], max_tokens=8) == [answer]
    assert model._network.config._attn_implementation == before
