"""How far a network's next-token distributions have moved from another's, token by token, over the whole vocabulary."""

from __future__ import annotations

__all__ = ["divergences", "read_states"]

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from crossover.model.engine.forest import Forest, pack
from crossover.model.engine.forward import hidden_states


def read_states(
    network: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    continuations: Sequence[Sequence[int]],
    *,
    max_tokens: int,
) -> tuple[torch.Tensor, int]:
    """Return the last hidden states that each continuation's tokens are read off, and how many tokens were computed.

    States are [tokens of all continuations, hidden size], one continuation after the other. Prompts and continuations
    must not be empty. `max_tokens` is `Sizes.pack_tokens`.
    """
    whole = [(*prompt, *own[:-1]) for prompt, own in zip(prompts, continuations, strict=True)]
    parts: list[torch.Tensor] = [torch.empty(0)] * len(whole)
    computed = 0
    with torch.inference_mode():
        for group in pack(whole, 0, 0, max_tokens):
            forest = Forest()
            places = [forest.add(whole[i])[len(prompts[i]) - 1 :] for i in group]
            states = hidden_states(network, forest)
            computed += len(forest)
            for i, place in zip(group, places, strict=True):
                parts[i] = states[place]
        return torch.cat(parts), computed


def divergences(
    base_head: torch.nn.Module,
    base: torch.Tensor,
    head: torch.nn.Module,
    states: torch.Tensor,
    tokens: Sequence[int],
    *,
    head_rows: int,
) -> npt.NDArray[np.float64]:
    """Return KL(base ‖ other), the base's loss and the other's loss at each token, [3, tokens], in nats.

    Args:
        base_head, head: output heads: hidden states -> logits.
        base, states: [tokens, hidden size], as `read_states` gives them.
        tokens: what follows each state.
        head_rows: `Sizes.head_rows`.
    """
    found = torch.empty(3, len(tokens), dtype=torch.float64)
    wanted = torch.tensor(list(tokens), device=base.device)
    with torch.inference_mode():
        for start in range(0, len(tokens), head_rows):
            rows = slice(start, start + head_rows)
            first = torch.log_softmax(base_head(base[rows]).float(), dim=-1)
            second = torch.log_softmax(head(states[rows]).float(), dim=-1)
            losses = [-side.gather(1, wanted[rows, None])[:, 0] for side in (first, second)]
            kl = first.exp().mul_(first.sub_(second)).sum(dim=-1)
            found[:, rows] = torch.stack([kl, *losses]).double().cpu()
    values: npt.NDArray[np.float64] = found.numpy()
    return values
