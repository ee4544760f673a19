"""The oracle: one sequence at a time through transformers' own forward, no padding, no cache, no tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

Ids = Sequence[int]


@contextmanager
def as_published(network: torch.nn.Module) -> Iterator[None]:
    """Let a network's decoder layers compute by transformers' own code inside the block."""
    layers = [module for module in network.modules() if type(module).__name__.endswith("DecoderLayer")]
    quick = [(layer, layer.__dict__.pop("forward")) for layer in layers if "forward" in layer.__dict__]
    try:
        yield
    finally:
        for module, forward in quick:
            module.forward = forward


def plain_logprobs(
    network: PreTrainedModel, prompts: Sequence[Ids], continuations: Sequence[Ids]
) -> npt.NDArray[np.float64]:
    """Return log p(continuation | prompt), [prompts, continuations]."""
    result = np.zeros((len(prompts), len(continuations)))
    for i, prompt in enumerate(prompts):
        for j, continuation in enumerate(continuations):
            ids = torch.tensor([[*prompt, *continuation]])
            with torch.no_grad(), as_published(network):
                logits = network(input_ids=ids, use_cache=False).logits[0].double()
            # From the end: PEFT gives logits for virtual tokens too, and puts them in front.
            steps = torch.log_softmax(logits[-len(continuation) - 1 : -1], dim=-1)
            result[i, j] = steps.gather(1, ids[0, len(prompt) :, None]).sum().item()
    return result


def plain_states(network: PreTrainedModel, sequence: Ids) -> npt.NDArray[np.float64]:
    """Return mean and last hidden state of the last layer, after its norm, side by side."""
    with torch.no_grad(), as_published(network):
        states = network(input_ids=torch.tensor([list(sequence)]), output_hidden_states=True).hidden_states[-1][0]
    return np.asarray(torch.cat([states.mean(0), states[-1]]).double().numpy())


def plain_answer(network: PreTrainedModel, prompt: Ids, max_tokens: int) -> tuple[int, ...]:
    """Return what transformers' own greedy search adds to a prompt, an end token included."""
    ids = torch.tensor([list(prompt)])
    search: Any = network.generate  # of a mixin that PreTrainedModel does not have
    with as_published(network):
        result = search(ids, max_new_tokens=max_tokens, do_sample=False, attention_mask=torch.ones_like(ids))
    return tuple(result[0, len(prompt) :].tolist())
