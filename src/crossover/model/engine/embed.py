"""Mean-pooled hidden states of a frozen model, many sequences in one pass."""

from __future__ import annotations

__all__ = ["embed", "pooled"]

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from crossover.model.engine.forest import Forest, pack
from crossover.model.engine.forward import hidden_states
from crossover.model.sizes import Sizes

_SIZES = Sizes()


def embed(
    network: PreTrainedModel, sequences: Sequence[Sequence[int]], *, max_tokens: int = _SIZES.pack_tokens
) -> tuple[npt.NDArray[np.float64], int]:
    """Return mean and last hidden state side by side, [sequences, 2 × hidden size], and the tokens computed."""
    result = np.zeros((len(sequences), 2 * network.config.hidden_size))
    computed = 0
    with torch.inference_mode():
        for group in pack(sequences, 0, 0, max_tokens):
            forest = Forest()
            paths = [forest.add(sequences[i]) for i in group]
            states = hidden_states(network, forest)
            computed += len(forest)
            result[group] = pooled(states, paths).double().cpu().numpy()
    return result, computed


def pooled(states: torch.Tensor, paths: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return of each path through the states [nodes, hidden size] its mean and its last, [paths, 2 × hidden size].

    In fp32, whatever type the states are computed in.
    """
    wide = states.float()
    return torch.stack([torch.cat([wide[path].mean(0), wide[path[-1]]]) for path in map(list, paths)])
