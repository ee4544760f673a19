"""One forward pass of a causal language model over a forest of tokens, below a cached prefix or none."""

from __future__ import annotations

__all__ = ["Layers", "Prefix", "compute_prefix", "hidden_states", "states_and_layers", "token_logprobs"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from crossover.model.engine.forest import Forest

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


def compute_prefix(network: PreTrainedModel, tokens: Sequence[int]) -> Prefix:
    """Compute the keys and values of a prefix once."""
    device = network.device
    with torch.inference_mode():
        output = network.base_model(input_ids=torch.tensor([list(tokens)], device=device), use_cache=True)
    return Prefix(layers=_layers(output), n_tokens=len(tokens))


def hidden_states(network: PreTrainedModel, forest: Forest, prefix: Prefix | None = None) -> torch.Tensor:
    """Return the last hidden state of every node, [nodes, hidden size]; differentiable unless grad mode is off."""
    states: torch.Tensor = _forest_pass(network, forest, prefix, keep=False).last_hidden_state[0]
    return states


def states_and_layers(
    network: PreTrainedModel, forest: Forest, prefix: Prefix | None = None
) -> tuple[torch.Tensor, Layers]:
    """Return the last hidden state of every node, and the keys and values of the prefix and, after it, every node."""
    output = _forest_pass(network, forest, prefix, keep=True)
    return output.last_hidden_state[0], _layers(output)


def _forest_pass(network: PreTrainedModel, forest: Forest, prefix: Prefix | None, *, keep: bool) -> Any:  # noqa: ANN401  # transformers' output has as many types as it has models
    tokens, positions, sees = forest.tensors()
    device, n = network.device, len(forest)
    mask = None
    if sees is not None:
        before = prefix.n_tokens if prefix else 0
        # The type's minimum, not -inf: a row that is masked as a whole would otherwise be NaN in low precision.
        mask = torch.zeros(1, 1, n, before + n, dtype=network.dtype)
        mask[0, 0, :, before:].masked_fill_(~sees, torch.finfo(network.dtype).min)
        mask = mask.to(device)
    return network.base_model(
        input_ids=tokens[None].to(device),
        position_ids=positions[None].to(device),
        attention_mask=mask,
        past_key_values=prefix.cache() if prefix else None,
        use_cache=keep or prefix is not None,
    )


def _layers(output: Any) -> Layers:  # noqa: ANN401  # the same
    return tuple((layer.keys, layer.values) for layer in output.past_key_values.layers)


def token_logprobs(network: PreTrainedModel, states: torch.Tensor) -> torch.Tensor:
    """Return log-probabilities of the next token in fp32, [rows, vocabulary], for hidden states [rows, hidden size]."""
    logits = network.get_output_embeddings()(states)
    return torch.log_softmax(logits.float(), dim=-1)
