"""A soft prompt: virtual tokens with embeddings of their own, in the place of a prompt's beginning.

Virtual tokens are ids from the end of the vocabulary on, and the network's input embeddings look them up among rows
that are trained. All else, caches of prefixes, forests, answers that are led, sees token ids as ever.
(Lester et al. 2021, arXiv:2104.08691.)
"""

from __future__ import annotations

__all__ = ["EMBEDDINGS", "SoftPrompt"]

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

from crossover.model.engine.forward import computing_type

EMBEDDINGS = "prompt_embeddings"
"""What PEFT calls the rows in a file of weights."""


class SoftPrompt:
    """Rows that a network reads for virtual tokens, and how prompts are written with these.

    Attributes:
        rows: [virtual tokens, hidden size], in the type that the network computes in.
    """

    def __init__(self, network: PreTrainedModel, rows: torch.Tensor, replaces: Sequence[int]) -> None:
        """Leave the network as it is until `on`.

        Args:
            network: the frozen network.
            rows: [virtual tokens, hidden size]; they are copied.
            replaces: a prompt that begins with these token ids has the virtual tokens in their place.
        """
        self._embedding = network.get_input_embeddings()
        self._first = _vocabulary(network)
        self._replaces = tuple(replaces)
        self.rows = torch.nn.Parameter(
            rows.detach().to(network.device, computing_type(network)).clone(), requires_grad=False
        )

    @classmethod
    def begun_as(cls, network: PreTrainedModel, tokens: Sequence[int]) -> SoftPrompt:
        """Return the soft prompt that says exactly what these tokens say.

        Raises:
            ValueError: there are none, or one is not in the vocabulary.
        """
        vocabulary = _vocabulary(network)
        if not tokens or not all(0 <= token < vocabulary for token in tokens):
            raise ValueError(f"a soft prompt begins as one token or more, each from 0 to {vocabulary - 1}")
        with torch.no_grad():
            rows = network.get_input_embeddings()(torch.tensor(list(tokens), device=network.device))
        return cls(network, rows, tokens)

    def read(self, prompt: Sequence[int]) -> tuple[int, ...]:
        """Return a prompt with the virtual tokens for the beginning that they replace, or before it where it has none.

        An empty prompt stays empty: it is refused like any other.
        """
        if not prompt:
            return ()
        virtual = range(self._first, self._first + len(self.rows))
        replaced = len(self._replaces)
        begins = tuple(prompt[:replaced]) == self._replaces
        return (*virtual, *prompt[replaced if begins else 0 :])

    @contextmanager
    def on(self) -> Iterator[None]:
        """Let the network's embeddings know the virtual tokens inside the block."""
        before = self._embedding.__dict__.get("forward")
        plain = self._embedding.forward

        def forward(ids: torch.Tensor) -> torch.Tensor:
            is_virtual = ids >= self._first
            found = plain(ids.masked_fill(is_virtual, 0)).to(self.rows.dtype)
            own = torch.nn.functional.embedding((ids - self._first).clamp(min=0), self.rows)
            return torch.where(is_virtual[..., None], own, found)

        # On this instance: hooks on the layer still run, and a head that has the same weights stays as it is.
        self._embedding.forward = forward
        try:
            yield
        finally:
            del self._embedding.forward
            if before is not None:
                self._embedding.forward = before


def _vocabulary(network: PreTrainedModel) -> int:
    weight = network.get_input_embeddings().weight
    assert isinstance(weight, torch.Tensor), "a module may hold anything by this name"
    return len(weight)
