"""LoRA on a frozen base: loss and output head on completions only, shared beginnings once, fp32 master weights."""

from __future__ import annotations

__all__ = ["TRAIN_TOKENS", "LoraFit"]

import math
import time
from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from crossover.model.base import TrainRow, TrainSettings, TrainStep
from crossover.model.engine.forest import Forest, pack
from crossover.model.engine.forward import hidden_states

TRAIN_TOKENS = 1024
"""Nodes of one micro-batch; a batch that needs more is split and its gradients are added up."""


class LoraFit:
    """The optimizer's side of a LoRA fit: the caller owns the network and its adapter."""

    def __init__(
        self, network: PreTrainedModel, parameters: Sequence[torch.nn.Parameter], settings: TrainSettings
    ) -> None:
        """Keep fp32 master copies of `parameters` for AdamW, whatever type the network computes in."""
        self._network = network
        self._parameters = list(parameters)
        self._settings = settings
        self._steps = 0
        # In fp32 the parameters are their own masters.
        self._masters = [
            p if p.dtype == torch.float32 else torch.nn.Parameter(p.detach().float()) for p in self._parameters
        ]
        self._optimizer = torch.optim.AdamW(
            self._masters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )

    @property
    def masters(self) -> list[torch.nn.Parameter]:
        """The fp32 weights, in the order of the parameters."""
        return self._masters

    def step(self, rows: Sequence[TrainRow]) -> TrainStep:
        """Take one step on the mean loss over all completion tokens of `rows`."""
        start = time.perf_counter()
        n_targets = sum(len(row.completion) for row in rows)
        sequences = [(*row.prompt, *row.completion[:-1]) for row in rows]
        tokens, total = 0, 0.0
        for group in pack(sequences, 0, 0, TRAIN_TOKENS):
            forest = Forest()
            nodes: list[int] = []
            targets: list[int] = []
            for i in group:
                path = forest.add(sequences[i])
                nodes += path[len(rows[i].prompt) - 1 :]
                targets += rows[i].completion
            states = hidden_states(self._network, forest)
            logits = self._network.get_output_embeddings()(states[nodes])
            target = torch.tensor(targets, device=logits.device)
            loss = torch.nn.functional.cross_entropy(logits.float(), target, reduction="sum") / n_targets
            loss.backward()
            tokens += len(forest)
            total += loss.item()
        self._update()
        self._steps += 1
        return TrainStep(step=self._steps, loss=total, tokens=tokens, seconds=time.perf_counter() - start)

    def _update(self) -> None:
        for parameter, master in zip(self._parameters, self._masters, strict=True):
            if master is not parameter and parameter.grad is not None:
                master.grad = parameter.grad.float()
                parameter.grad = None
        torch.nn.utils.clip_grad_norm_(self._masters, self._settings.max_grad_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * _schedule(self._steps, self._settings)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for parameter, master in zip(self._parameters, self._masters, strict=True):
                if master is not parameter:
                    parameter.copy_(master)


def _schedule(step: int, settings: TrainSettings) -> float:
    """Linear warm-up, then cosine decay to a tenth."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    span = max(settings.total_steps - settings.warmup_steps, 1)
    progress = min((step - settings.warmup_steps) / span, 1.0)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * progress))
