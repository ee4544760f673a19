"""Attention over a forest by blocks: a query meets the keys that its neighbours see, not those of every other row.

In a pass over many rows a token sees its own ancestors and nothing else: a fifth of the pass, often less. A dense mask
computes all pairs and throws most away. Here queries that follow each other, which are mostly of the same few rows, are
taken together with the keys that at least one of them sees; the mask inside a block stays. Exact, forward and backward.
"""

from __future__ import annotations

__all__ = ["by_blocks", "not_computed"]

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

_NAME = "crossover_blocks"
_BLOCK = 64
_TRAINED_BLOCK = 128
"""Queries of one block: fewer make many small products, which training does thrice, more let rows meet that have
nothing to do with each other."""

_HARMLESS = frozenset({"position_ids", "position_embeddings", "use_cache", "is_causal", "cache_position"})


@dataclass(frozen=True, slots=True)
class _Block:
    """Queries `start` to `end`, the keys that they see, [K], and a bias [Q, K]: 0 where one sees one, else very low."""

    start: int
    end: int
    keys: torch.Tensor
    bias: torch.Tensor


def not_computed(given: Mapping[str, object]) -> list[str]:
    """Return what a network passes to its attention that the parts here leave out: a window, a cap on scores, sinks."""
    return [name for name, it in given.items() if it is not None and it is not False and name not in _HARMLESS]


_blocks: ContextVar[tuple[_Block, ...]] = ContextVar("blocks")


@contextmanager
def by_blocks(network: PreTrainedModel, bias: torch.Tensor) -> Iterator[None]:
    """Let a network on a processor compute attention by blocks inside the `with` statement, where it knows how.

    Args:
        network: one that computes attention in another way than by scaled_dot_product_attention goes on as it does.
        bias: 0 where a query sees a key, else the type's least number, [queries, keys].
    """
    config = network.config.get_text_config(decoder=True)
    size = _TRAINED_BLOCK if torch.is_grad_enabled() else _BLOCK
    if config._attn_implementation != "sdpa" or network.device.type != "cpu" or len(bias) < 2 * size:
        yield
        return
    blocks = []
    for start in range(0, len(bias), size):
        rows = bias[start : start + size]
        keys = (rows == 0).any(dim=0).nonzero()[:, 0]
        blocks.append(_Block(start, start + len(rows), keys, rows[:, keys]))
    token = _blocks.set(tuple(blocks))
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = "sdpa"
        _blocks.reset(token)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,  # noqa: ANN401  # whatever a network passes on
) -> tuple[torch.Tensor, None]:
    """Attend from [1, heads, N, size] to [1, key/value heads, T, size]; return [1, N, heads, size]."""
    blocks = _blocks.get()
    n_keys = key.shape[2]
    if not_computed(kwargs) or dropout or blocks[-1].end != query.shape[2] or len(query) != 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, dropout, scaling, **kwargs)
    heads, size = key.shape[1], key.shape[3]
    parts = []
    for block in blocks:
        n = block.end - block.start
        # Heads that share a key/value head become its queries: nothing is copied for each of them.
        queries = query[:, :, block.start : block.end].reshape(1, heads, -1, size)
        group = queries.shape[2] // n
        whole = len(block.keys) == n_keys
        part = torch.nn.functional.scaled_dot_product_attention(
            queries,
            key if whole else key.index_select(2, block.keys),
            value if whole else value.index_select(2, block.keys),
            attn_mask=block.bias.repeat(group, 1),
            scale=scaling,
        )
        parts.append(part.view(1, heads * group, n, size).transpose(1, 2))
    return torch.cat(parts, dim=1), None


AttentionInterface.register(_NAME, _attend)
