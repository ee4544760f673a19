"""The next token of every row: the likeliest one, or one drawn by the row's own random numbers."""

from __future__ import annotations

__all__ = ["Draws", "is_greedy", "likeliest", "pick"]

import numpy as np
import torch

_LIKELIEST = 1e-5
"""Below this temperature only equals of the likeliest token could be drawn, and fp32 would divide by nothing."""


class Draws:
    """Uniform numbers of one row. They depend on the seed and the row's index alone, never on its batch."""

    def __init__(self, seed: int, row: int) -> None:
        """Start at the first number."""
        self._generator = np.random.default_rng((seed, row))

    def next(self) -> float:
        """Return a number in [0, 1)."""
        return float(self._generator.random())


def is_greedy(temperature: float) -> bool:
    """Return whether the likeliest token is taken and nothing is drawn."""
    return temperature < _LIKELIEST


def likeliest(logits: torch.Tensor) -> tuple[list[int], list[float]]:
    """Return the likeliest token of each row of `logits` [rows, vocabulary], and how far ahead of the second it is.

    The logits are not kept: a second pass over them in place is a tenth of the cost of sorting out two.
    """
    first, tokens = logits.max(-1, keepdim=True)
    second = logits.scatter_(-1, tokens, -torch.inf).amax(-1, keepdim=True)
    return [int(token) for token in tokens[:, 0].tolist()], [float(ahead) for ahead in (first - second)[:, 0].tolist()]


def pick(logits: torch.Tensor, temperature: float, draws: list[Draws]) -> list[int]:
    """Return one token for each row of `logits` [rows, vocabulary]: at temperature 0 the likeliest.

    A draw inverts the cumulative distribution, so that one number a token is used, whatever the vocabulary.
    """
    if is_greedy(temperature):
        return [int(token) for token in logits.argmax(-1).tolist()]
    # The largest logit first becomes 0: a small temperature would overflow.
    scaled = (logits - logits.amax(-1, keepdim=True)) / temperature
    # In fp64, so that a token of probability 0 takes no room between two steps of the sum.
    sums = torch.softmax(scaled, dim=-1).cumsum(-1, dtype=torch.float64)
    total = sums[:, -1:]
    numbers = torch.tensor([[draw.next()] for draw in draws], dtype=torch.float64, device=logits.device)
    wanted = torch.minimum(numbers * total, torch.nextafter(total, torch.zeros_like(total)))
    return [int(token) for token in torch.searchsorted(sums, wanted, right=True)[:, 0].tolist()]
