"""One forward pass of a causal language model over a forest of tokens, below a cached prefix or none."""

from __future__ import annotations

__all__ = [
    "Prefix",
    "compute_prefix",
    "computing_type",
    "hidden_states",
    "set_computing_type",
    "token_logprobs",
]

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import DynamicCache, PreTrainedModel

from crossover.model.engine.forest import Forest

_COMPUTING = "crossover_computing_type"


@dataclass(frozen=True, slots=True)
class Prefix:
    """Keys and values of a prefix, one pair a layer, each [1, key/value heads, prefix tokens, head size]."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    n_tokens: int

    def cache(self) -> DynamicCache:
        """Return a fresh cache that begins with this prefix; appending to it leaves the prefix as it is."""
        cache = DynamicCache()
        for index, (keys, values) in enumerate(self.layers):
            cache.update(keys, values, index)
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
    layers = tuple((layer.keys, layer.values) for layer in output.past_key_values.layers)
    return Prefix(layers=layers, n_tokens=len(tokens))


def hidden_states(network: PreTrainedModel, forest: Forest, prefix: Prefix | None = None) -> torch.Tensor:
    """Return the last hidden state of every node, [nodes, hidden size]; differentiable unless grad mode is off."""
    tokens, positions, sees = forest.tensors()
    device, n = network.device, len(forest)
    mask = None
    if sees is not None:
        before = prefix.n_tokens if prefix else 0
        # The type's minimum, not -inf: a row that is masked as a whole would otherwise be NaN in low precision.
        computing = computing_type(network)
        mask = torch.zeros(1, 1, n, before + n, dtype=computing)
        mask[0, 0, :, before:].masked_fill_(~sees, torch.finfo(computing).min)
        mask = mask.to(device)
    output = network.base_model(
        input_ids=tokens[None].to(device),
        position_ids=positions[None].to(device),
        attention_mask=mask,
        past_key_values=prefix.cache() if prefix else None,
        use_cache=prefix is not None,
    )
    states: torch.Tensor = output.last_hidden_state[0]
    return states


def token_logprobs(network: PreTrainedModel, states: torch.Tensor) -> torch.Tensor:
    """Return log-probabilities of the next token in fp32, [rows, vocabulary], for hidden states [rows, hidden size]."""
    logits = network.get_output_embeddings()(states)
    return torch.log_softmax(logits.float(), dim=-1)
