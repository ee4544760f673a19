"""One forward pass of a causal language model over a forest of tokens, below a cached prefix or none."""

from __future__ import annotations

__all__ = [
    "Growth",
    "Layers",
    "Prefix",
    "compute_prefix",
    "computing_type",
    "hidden_states",
    "set_computing_type",
    "states_and_layers",
    "token_logprobs",
]

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from crossover.model.engine.forest import Forest
from crossover.model.engine.tree_attention import by_blocks

_COMPUTING = "crossover_computing_type"
Layers = tuple[tuple[torch.Tensor, torch.Tensor], ...]
"""Keys and values, one pair a layer, each [1, key/value heads, tokens, head size]."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """Keys and values of a prefix."""

    layers: Layers
    n_tokens: int

    def cache(self) -> DynamicCache:
        """Return a fresh cache that begins with this prefix; appending to it leaves the prefix as it is."""
        cache = DynamicCache()
        for keys, values in self.layers:
            layer = DynamicLayer()
            layer.lazy_initialization(keys, values)
            # Not by its `update`, which copies them, and copies them again when it appends.
            layer.keys, layer.values = keys, values
            cache.layers.append(layer)
        return cache


def set_computing_type(network: PreTrainedModel, computing: torch.dtype) -> None:
    """Say in which type a network computes whose own type is that in which its embeddings are kept."""
    setattr(network, _COMPUTING, computing)


def computing_type(network: PreTrainedModel) -> torch.dtype:
    """Return the type of hidden states."""
    computing: torch.dtype = getattr(network, _COMPUTING, network.dtype)
    return computing


def compute_prefix(network: PreTrainedModel, tokens: Sequence[int]) -> Prefix:
    """Compute the keys and values of a prefix once."""
    device = network.device
    with torch.inference_mode():
        output = network.base_model(input_ids=torch.tensor([list(tokens)], device=device), use_cache=True)
    return Prefix(layers=_layers(output.past_key_values), n_tokens=len(tokens))


def hidden_states(network: PreTrainedModel, forest: Forest, prefix: Prefix | None = None) -> torch.Tensor:
    """Return the last hidden state of every node, [nodes, hidden size]; differentiable unless grad mode is off."""
    before = prefix.n_tokens if prefix else 0
    return _pass(network, forest, 0, before, prefix.cache() if prefix else None)


def states_and_layers(
    network: PreTrainedModel, forest: Forest, prefix: Prefix | None = None
) -> tuple[torch.Tensor, Layers]:
    """Return the last hidden state of every node, and the keys and values of the prefix and, after it, every node."""
    before, cache = (prefix.n_tokens, prefix.cache()) if prefix else (0, DynamicCache())
    states = _pass(network, forest, 0, before, cache)
    return states, _layers(cache)


class Growth:
    """A forest that grows: each call computes the nodes that were added since the last one."""

    def __init__(self, network: PreTrainedModel, prefix: Prefix | None = None) -> None:
        """Start below a prefix, or below none."""
        self._network = network
        self._before = prefix.n_tokens if prefix else 0
        self._cache = prefix.cache() if prefix else DynamicCache()
        self._computed = 0

    def states(self, forest: Forest) -> torch.Tensor:
        """Return the last hidden state of every new node, [new nodes, hidden size]."""
        states = _pass(self._network, forest, self._computed, self._before, self._cache)
        self._computed = len(forest)
        return states


def _pass(
    network: PreTrainedModel, forest: Forest, since: int, before: int, cache: DynamicCache | None
) -> torch.Tensor:
    tokens, positions, sees = forest.tensors(since)
    mask = None
    attending: AbstractContextManager[None] = nullcontext()
    if sees is not None:
        n, total = sees.shape
        # The type's minimum, not -inf: a row that is masked as a whole would otherwise be NaN in low precision.
        computing = computing_type(network)
        mask = torch.zeros(1, 1, n, before + total, dtype=computing)
        mask[0, 0, :, before:].masked_fill_(~sees, torch.finfo(computing).min)
        mask = mask.to(network.device)
        attending = by_blocks(network, mask[0, 0])
    with attending:
        output = network.base_model(
            input_ids=tokens[None].to(network.device),
            position_ids=positions[None].to(network.device),
            attention_mask=mask,
            past_key_values=cache,
            use_cache=cache is not None,
        )
    states: torch.Tensor = output.last_hidden_state[0]
    return states


def _layers(cache: Any) -> Layers:  # noqa: ANN401  # transformers' layers of a cache have as many types as it has models
    return tuple((layer.keys, layer.values) for layer in cache.layers)


def token_logprobs(network: PreTrainedModel, states: torch.Tensor) -> torch.Tensor:
    """Return log-probabilities of the next token in fp32, [rows, vocabulary], for hidden states [rows, hidden size]."""
    logits = network.get_output_embeddings()(states)
    return torch.log_softmax(logits.float(), dim=-1)
