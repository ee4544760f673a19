"""Attention by blocks is attention under the whole mask: the same states, the same gradients, for every network."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossover.model.engine import tree_attention
from crossover.model.engine.forest import Forest
from crossover.model.engine.forward import compute_prefix, hidden_states
from tests.model.networks import SHARED, model_of

rows_drawn = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=40), min_size=2, max_size=12)
BEGINNING = (7, 8, 9)


def grown(rows: Sequence[Sequence[int]], offset: int = 0) -> tuple[Forest, list[list[int]]]:
    forest = Forest(offset)
    return forest, [forest.add(row) for row in rows]


def many_rows(n: int = 12, tokens: int = 27) -> list[list[int]]:
    """Rows below one beginning, more tokens in all than are computed whole."""
    return [[*BEGINNING, *((7 * i + 3 * k) % 250 for k in range(tokens))] for i in range(n)]


def plain(name: str, row: Sequence[int]) -> torch.Tensor:
    """Return transformers' own states of one row."""
    states: torch.Tensor = (
        model_of(name)._network.base_model(input_ids=torch.tensor([list(row)]), use_cache=False).last_hidden_state[0]
    )
    return states


@pytest.mark.parametrize("name", [*SHARED, "a cap and no window", "logits with a scale", "dynamic rope"])
def test_every_row_has_the_states_that_it_has_alone(name: str) -> None:
    forest, paths = grown(many_rows())
    with torch.no_grad():
        states = hidden_states(model_of(name)._network, forest)
        for row, path in zip(many_rows(), paths, strict=True):
            torch.testing.assert_close(states[path], plain(name, row), atol=2e-4, rtol=1e-3)


@given(rows_drawn, st.integers(0, 30))
def test_blocks_of_any_forest_below_any_prefix(rows: list[list[int]], n_prefix: int) -> None:
    network = model_of("llama")._network
    beginning = [(5 * i) % 200 for i in range(n_prefix)]
    forest, paths = grown(rows, n_prefix)
    prefix = compute_prefix(network, beginning) if beginning else None
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree_attention, "_BLOCK", 7)
        states = hidden_states(network, forest, prefix)
        for row, path in zip(rows, paths, strict=True):
            torch.testing.assert_close(
                states[path], plain("llama", [*beginning, *row])[n_prefix:], atol=2e-4, rtol=1e-3
            )


@pytest.mark.parametrize("name", ["llama", "llama, every head its own", "qwen3", "gpt_neox"])
def test_gradients_are_those_of_the_rows_alone(name: str) -> None:
    network = model_of(name)._network
    forest, paths = grown(many_rows())
    weights = [p for p in network.parameters() if p.dim() > 1]
    by = torch.linspace(-1, 1, 32).square()  # not all alike: the sum after a norm is constant
    network.requires_grad_(requires_grad=True)
    try:
        together = torch.stack([(hidden_states(network, forest)[path[-1]] * by).sum() for path in paths]).sum()
        ours = torch.autograd.grad(together, weights, materialize_grads=True)
        alone = torch.stack([(plain(name, row)[-1] * by).sum() for row in many_rows()]).sum()
        theirs = torch.autograd.grad(alone, weights, materialize_grads=True)
    finally:
        network.requires_grad_(requires_grad=False)
    scale = max(float(right.abs().max()) for right in theirs)
    for mine, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, right, atol=1e-3 * scale, rtol=1e-3)


def test_the_network_computes_as_before_afterwards() -> None:
    network = model_of("llama")._network
    forest, _ = grown(many_rows())
    before = network.config._attn_implementation
    with torch.no_grad():
        hidden_states(network, forest)
    assert network.config._attn_implementation == before
