"""Keys and values of the rows that are being answered: the beginning that all share once, each row's own beside it.

A decoding step of B rows adds one token (or a few that a grammar forces) to each. transformers' own cache would hold
the shared beginning B times and copy everything at every step. Here the network's attention is replaced, for the step,
by two parts: all rows' queries against the one copy of the shared keys, and each row's queries against its own keys in
preallocated buffers. The two are put together by their log-sum-exps, which gives exactly the attention over both.
(Juravsky et al. 2024, Hydragen, arXiv:2402.05099; log-sum-exp: Dao et al. 2022, FlashAttention, arXiv:2205.14135.)
"""

from __future__ import annotations

__all__ = ["CacheShape", "RowCache"]

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.cache_utils import Cache, CacheLayerMixin

from crossover.model.engine.forward import Layers, Prefix
from crossover.model.engine.tree_attention import not_computed

_NAME = "crossover_rows"
_GROWTH = 64
"""Places for tokens are added in this many at once, or by half of what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheShape:
    """What one token's keys and values take: as many pairs as layers, each [heads, head size] of a type."""

    n_layers: int
    heads: int
    head_size: int
    dtype: torch.dtype
    device: torch.device

    @property
    def token_bytes(self) -> int:
        """Bytes of one token in all layers."""
        return 2 * self.n_layers * self.heads * self.head_size * self.dtype.itemsize


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What every layer reads in one pass: B rows, K new tokens in each, L own tokens in the longest, the new included.

    Attributes:
        prefix: the shared keys and values.
        places: where the new tokens go in a layer's tokens laid end to end, [B·K].
        window: sizes of all rows' own keys as attention reads them, [B, heads, L, head size], and their strides.
        bias: 0 where a new token sees an own one, -inf elsewhere, [B, 1, K, L]; None where all see all.
    """

    prefix: Layers | None
    places: torch.Tensor
    window: tuple[tuple[int, ...], tuple[int, ...]]
    bias: torch.Tensor | None

    @property
    def n_tokens(self) -> int:
        """L."""
        return self.window[0][2]


_step: ContextVar[_Step] = ContextVar("step")


class _RowLayer(CacheLayerMixin):
    """One layer's own keys and values, each [rows · capacity, heads, head size]."""

    def __init__(self, rows: int, capacity: int, shape: CacheShape) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # transformers' own
        # Zeros: what is masked still takes part in sums, with weight 0, and must be finite.
        size = (rows * capacity, shape.heads, shape.head_size)
        self.keys: torch.Tensor = torch.zeros(size, dtype=shape.dtype, device=shape.device)
        self.values: torch.Tensor = torch.zeros(size, dtype=shape.dtype, device=shape.device)
        self.is_initialized = True

    def by_row(self, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return keys and values as [rows, capacity, heads, head size]."""
        return self.keys.unflatten(0, (rows, -1)), self.values.unflatten(0, (rows, -1))

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Nothing is left to do."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: object, **_kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Put new keys and values [B, heads, K, head size] in their places; return all [B, heads, L, head size]."""
        step = _step.get()
        return _put(self.keys, key_states, step), _put(self.values, value_states, step)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return _step.get().n_tokens, 0

    def get_seq_length(self) -> int:
        return _step.get().n_tokens

    def get_max_length(self) -> int:
        return -1


def _put(buffer: torch.Tensor, states: torch.Tensor, step: _Step) -> torch.Tensor:
    buffer.index_copy_(0, step.places, states.transpose(1, 2).flatten(0, 1))
    return buffer.as_strided(*step.window)


class RowCache:
    """Rows that enter, grow and leave, in places 0, 1, 2, … without a gap. `lengths` counts each one's own tokens."""

    def __init__(self, shape: CacheShape, rows: int, prefix: Prefix | None) -> None:
        """Make room for `rows` rows; room for their tokens is made as they come."""
        self._shape = shape
        self._rows = rows
        self._prefix = prefix
        self._offset = prefix.n_tokens if prefix else 0
        self._capacity = 0
        self._layers: list[_RowLayer] = []
        self.lengths: list[int] = []

    def enter(self, lengths: Sequence[int]) -> range:
        """Give places to rows of so many own tokens, to be filled at once; return the places."""
        first = len(self.lengths)
        self.lengths += lengths
        self._reserve(max(lengths))
        return range(first, len(self.lengths))

    def fill(self, places: Sequence[int], layers: Layers, paths: Sequence[Sequence[int]]) -> None:
        """Copy rows into their places: of each, those tokens of `layers` that its path names."""
        longest = max(map(len, paths))
        # A short row's path is filled up with its last token: finite, and masked.
        filled = [[*path, *[path[-1]] * (longest - len(path))] for path in paths]
        nodes = torch.tensor(filled, device=self._shape.device)
        where = torch.tensor(places, device=self._shape.device)
        for layer, pair in zip(self._layers, layers, strict=True):
            for own, given in zip(layer.by_row(self._rows), pair, strict=True):
                own[where, :longest] = given[0].transpose(0, 1)[nodes]

    def leave(self, place: int) -> None:
        """Give up a row: the last one moves into its place."""
        last = len(self.lengths) - 1
        if place != last:
            n = self.lengths[last]
            for layer in self._layers:
                for own in layer.by_row(self._rows):
                    own[place, :n] = own[last, :n]
            self.lengths[place] = self.lengths[last]
        del self.lengths[last]

    def run(self, network: PreTrainedModel, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """Add to each row its tokens, one or more; return the last hidden state of each row's last one, [B, hidden]."""
        fed = [len(row) for row in tokens]
        widest = max(fed)
        self._reserve(max(self.lengths) + widest)
        ids = [[*row, *[row[-1]] * (widest - len(row))] for row in tokens]
        # What fills a row up stands at its last token's position: a position beyond the context may have no embedding.
        positions = [
            [self._offset + before + min(k, n - 1) for k in range(widest)]
            for before, n in zip(self.lengths, fed, strict=True)
        ]
        device = self._shape.device
        with _attending(network, self._step(widest)):
            output = network.base_model(
                input_ids=torch.tensor(ids, device=device),
                position_ids=torch.tensor(positions, device=device),
                past_key_values=Cache(layers=[*self._layers]),
                use_cache=True,
            )
        self.lengths = [before + n for before, n in zip(self.lengths, fed, strict=True)]
        states: torch.Tensor = output.last_hidden_state
        return states[:, 0] if widest == 1 else torch.stack([states[row, n - 1] for row, n in enumerate(fed)])

    def _step(self, widest: int) -> _Step:
        """Describe a step that adds `widest` tokens to every row."""
        shape, device = self._shape, self._shape.device
        n_tokens = max(self.lengths) + widest
        new = [[before + k for k in range(widest)] for before in self.lengths]
        bias = None
        if widest > 1 or min(self.lengths) + widest < n_tokens:
            seen = torch.tensor(new, device=device)[:, None, :, None]
            hidden = torch.arange(n_tokens, device=device) > seen
            bias = torch.zeros(hidden.shape, dtype=shape.dtype, device=device).masked_fill_(hidden, -torch.inf)
        token = shape.heads * shape.head_size
        return _Step(
            prefix=self._prefix.layers if self._prefix else None,
            places=torch.tensor([row * self._capacity + k for row, ks in enumerate(new) for k in ks], device=device),
            window=(
                (len(new), shape.heads, n_tokens, shape.head_size),
                (self._capacity * token, shape.head_size, token, 1),
            ),
            bias=bias,
        )

    def _reserve(self, n_tokens: int) -> None:
        """Make room for rows of so many tokens."""
        if n_tokens <= self._capacity:
            return
        before, self._capacity = self._capacity, max(n_tokens + _GROWTH, self._capacity * 3 // 2)
        for index in range(self._shape.n_layers):
            layer = _RowLayer(self._rows, self._capacity, self._shape)
            if before:
                for new, old in zip(layer.by_row(self._rows), self._layers[index].by_row(self._rows), strict=True):
                    new[:, :before] = old
                self._layers[index] = layer  # one at a time: the old one is free before the next is made
            else:
                self._layers.append(layer)


@contextmanager
def _attending(network: PreTrainedModel, step: _Step) -> Iterator[None]:
    """Let the network's attention read this step inside the block."""
    config = network.config.get_text_config(decoder=True)
    before, token = config._attn_implementation, _step.set(step)
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = before
        _step.reset(token)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: object,
) -> tuple[torch.Tensor, None]:
    """Attend from new tokens [B, heads, K, size] to the shared beginning and to own keys [B, key/value heads, L, size].

    Returns:
        [B, K, heads, size], as transformers wants it.

    Raises:
        NotImplementedError: this attention has a part that is not computed here (a window, a cap on scores, sinks).
    """
    unknown = not_computed(kwargs)
    if unknown or attention_mask is not None:
        raise NotImplementedError(f"attention with {', '.join(unknown) or 'a mask of its own'}")
    step = _step.get()
    n_rows, n_heads, n_new, size = query.shape
    heads = key.shape[1]
    scale = size**-0.5 if scaling is None else scaling
    # Heads that share a key/value head become its queries: [B, key/value heads, group · K, size].
    queries = query.reshape(n_rows, heads, -1, size)
    n_queries = queries.shape[2]
    bias = step.bias
    if bias is not None and n_queries != n_new:
        bias = bias.expand(-1, n_queries // n_new, -1, -1).reshape(n_rows, 1, n_queries, -1)
    result, sums = _part(queries, key, value, bias, scale)
    if step.prefix is not None:
        index = module.layer_idx
        assert isinstance(index, int)
        shared_keys, shared_values = step.prefix[index]
        together = queries.transpose(0, 1).reshape(1, heads, n_rows * n_queries, size)
        shared, shared_sums = _part(together, shared_keys, shared_values, None, scale)
        shared = shared.view(heads, n_rows, n_queries, size).transpose(0, 1)
        shared_sums = shared_sums.view(heads, n_rows, n_queries).transpose(0, 1)
        weight = torch.sigmoid(shared_sums - sums)[..., None].to(result.dtype)
        result = torch.lerp(result, shared, weight)
    return result.reshape(n_rows, n_heads, n_new, size).transpose(1, 2), None


def _part(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return attention [B, heads, Q, size] and the log-sum-exp of its scores [B, heads, Q] in fp32."""
    if query.device.type == "cpu" and _flash is not None:
        return _flash(query, key, value, 0.0, False, attn_mask=bias, scale=scale)  # noqa: FBT003  # torch's own
    return _plain_part(query, key, value, bias, scale)


def _plain_part(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    scores = torch.matmul(query, key.transpose(2, 3)).float() * scale
    if bias is not None:
        scores = scores + bias
    return torch.matmul(torch.softmax(scores, dim=-1).to(value.dtype), value), torch.logsumexp(scores, dim=-1)


# The one operator of torch's for the processor that gives the log-sum-exp; scaled_dot_product_attention calls it too.
_flash: Callable[..., tuple[torch.Tensor, torch.Tensor]] | None = getattr(
    torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None
)

AttentionInterface.register(_NAME, _attend)
