"""Prompts in, logits out, one step after another: the two ways in which a network is led through answers."""

from __future__ import annotations

__all__ = ["MAX_ROWS", "Decoder", "SharedDecoder", "SingleDecoder"]

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from crossover.errors import ModelError
from crossover.model.engine.forest import Forest, pack
from crossover.model.engine.forward import Prefix, states_and_layers
from crossover.model.engine.row_cache import CacheShape, RowCache
from crossover.model.sizes import Sizes

MAX_ROWS = 64
"""More rows at once gain little: the matrix products are full, and every row waits longer for its next token."""

_SIZES = Sizes()
_CACHE_BYTES = 2**31
"""Rows whose own keys and values might take more in all wait until others have left."""


class Decoder(ABC):
    """Rows that are being answered. They stand in places 0, 1, 2, …, in the order in which they entered."""

    tokens: int = 0
    """Tokens computed so far; what fills rows up does not count."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many rows it takes at once."""

    @abstractmethod
    def enter(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Read prompts, which take the next places; return what may follow each, logits [prompts, vocabulary]."""

    @abstractmethod
    def step(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """Add tokens, one or more, to every row; return what may follow each row, logits [rows, vocabulary]."""

    @abstractmethod
    def leave(self, place: int) -> None:
        """Give up the row in a place; the last row takes it."""


class SharedDecoder(Decoder):
    """Many rows at once below one prefix, for networks that compute attention in the usual way (see `cache_shape`)."""

    def __init__(
        self,
        network: PreTrainedModel,
        shape: CacheShape,
        *,
        n_prompts: int,
        longest: int,
        prefix: Prefix | None,
        max_rows: int = MAX_ROWS,
    ) -> None:
        """Take no rows yet.

        Args:
            n_prompts: how many there will be in all.
            longest: tokens of the longest prompt, the prefix included, and its answer.
            prefix: what all of them begin with.
            max_rows: how many are answered at once, if there is room for their keys and values.
        """
        self._network = network
        self._prefix = prefix
        self._offset = prefix.n_tokens if prefix else 0
        # One row alone takes the prefix into its own keys: one part of attention is quicker than two.
        self._own_prefix = range(self._offset) if n_prompts == 1 else range(0)
        row_bytes = (longest - self._offset + len(self._own_prefix)) * shape.token_bytes
        self._rows = max(1, min(n_prompts, max_rows, _CACHE_BYTES // row_bytes))
        self._cache = RowCache(shape, self._rows, None if self._own_prefix else prefix)

    @property
    def rows(self) -> int:
        return self._rows

    def enter(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        before = len(self._own_prefix)
        places = self._cache.enter([len(prompt) - self._offset + before for prompt in prompts])
        last: list[torch.Tensor] = [torch.empty(0)] * len(prompts)
        for group in pack(prompts, self._offset, 0, _SIZES.pack_tokens):
            forest = Forest(self._offset)
            ways = [forest.add(prompts[i][self._offset :]) for i in group]
            states, layers = states_and_layers(self._network, forest, self._prefix)
            paths = [[*self._own_prefix, *(self._offset + node for node in way)] for way in ways]
            self._cache.fill([places[i] for i in group], layers, paths)
            self.tokens += len(forest)
            for i, way in zip(group, ways, strict=True):
                last[i] = states[way[-1]]
        return self._logits(torch.stack(last))

    def step(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        self.tokens += sum(map(len, tokens))
        return self._logits(self._cache.run(self._network, tokens))

    def leave(self, place: int) -> None:
        self._cache.leave(place)

    def _logits(self, states: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._network.get_output_embeddings()(states)
        return logits.float()


class SingleDecoder(Decoder):
    """One row after another through transformers' own forward pass and cache: slow, and right for every network."""

    def __init__(self, network: PreTrainedModel) -> None:
        """Take no row yet."""
        self._network = network
        self._cache: object = None

    @property
    def rows(self) -> int:
        return 1

    def enter(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        self._cache = None
        return self._run(prompts)

    def step(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        return self._run(tokens)

    def leave(self, place: int) -> None:
        assert place == 0
        self._cache = None

    def _run(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        (row,) = tokens
        self.tokens += len(row)
        output = self._network(
            input_ids=torch.tensor([list(row)], device=self._network.device),
            past_key_values=self._cache,
            use_cache=True,
        )
        self._cache = output.get("past_key_values")
        if self._cache is None:
            raise ModelError(
                f"{type(self._network).__name__} keeps no keys and values, so that it cannot generate here.",
                "take a model of another architecture; this one can still score and embed",
            )
        logits: torch.Tensor = output.logits[:, -1]
        return logits.float()
