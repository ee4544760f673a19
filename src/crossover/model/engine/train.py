"""Training an adapter or all weights: shared beginnings once, fp32 master weights, micro-batches that fit."""

from __future__ import annotations

__all__ = ["Fit", "FitState", "is_out_of_memory"]

import gc
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from transformers import PreTrainedModel

from crossover.errors import TrialError
from crossover.model.base import TrainSettings, TrainStep
from crossover.model.engine.forest import Forest, pack
from crossover.model.engine.objectives import Objective
from crossover.model.sizes import Sizes

_SIZES = Sizes()
_KINDS = ("master", "exp_avg", "exp_avg_sq")
_NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "alloc_failed")
"""What torch's allocators say in a plain RuntimeError: on Windows, on Linux, on a GPU, and cuBLAS."""


@dataclass(frozen=True, slots=True)
class FitState:
    """Where a fit stands: its steps, and of every parameter three tensors in fp32, named KIND/PARAMETER.

    The kinds are `master`, and AdamW's `exp_avg` and `exp_avg_sq` (zeros before the first step).
    """

    steps: int
    tensors: Mapping[str, torch.Tensor]

    def names(self) -> set[str]:
        """Return the parameters of which all three are there."""
        found = [name.split("/", 1) for name in self.tensors]
        kinds = [{name for kind, name in found if kind == wanted} for wanted in _KINDS]
        return set.intersection(*kinds) if len(found) == sum(map(len, kinds)) else set()


class Fit:
    """The optimizer's side of a fit: the caller owns the network and the parameters that are trained."""

    def __init__(
        self,
        network: PreTrainedModel,
        parameters: Sequence[torch.nn.Parameter],
        settings: TrainSettings,
        *,
        max_tokens: int = _SIZES.train_tokens,
    ) -> None:
        """Keep fp32 master copies of `parameters` for AdamW, whatever type the network computes in."""
        self._network = network
        self._parameters = list(parameters)
        self._settings = settings
        self._max_tokens = max_tokens
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

    @property
    def steps(self) -> int:
        """Steps taken so far."""
        return self._steps

    def state(self, names: Sequence[str]) -> FitState:
        """Return where the fit stands, a copy, the parameters under these names in their order."""
        tensors = {}
        for name, master in zip(names, self._masters, strict=True):
            remembered = self._optimizer.state.get(master, {})
            tensors[f"master/{name}"] = master.detach().float().cpu().clone()
            for kind in _KINDS[1:]:
                value = remembered.get(kind)
                empty = torch.zeros(master.shape)
                tensors[f"{kind}/{name}"] = empty if value is None else value.detach().float().cpu().clone()
        return FitState(self._steps, tensors)

    def load_state(self, names: Sequence[str], state: FitState) -> None:
        """Go on from a state; its tensors must have these names and the parameters' shapes."""
        self._steps = state.steps
        with torch.no_grad():
            for name, master, parameter in zip(names, self._masters, self._parameters, strict=True):
                master.copy_(state.tensors[f"master/{name}"])
                if master is not parameter:
                    parameter.copy_(master)
                self._optimizer.state[master] = {
                    "step": torch.tensor(float(state.steps), device=master.device),
                    **{kind: state.tensors[f"{kind}/{name}"].to(master.device) for kind in _KINDS[1:]},
                }

    def step(self, objective: Objective) -> TrainStep:
        """Take one step on a batch's loss.

        Where memory runs out, the micro-batch that it ran out in is halved and computed again, and so are all later
        ones: the gradient stays that of the whole batch.

        Raises:
            TrialError: memory runs out in a micro-batch of one row.
        """
        start = time.perf_counter()
        tokens, total, passes, halved = 0, 0.0, 0, 0
        gradients: list[torch.Tensor | None] = []
        waiting = deque(pack(objective.sequences, 0, 0, self._max_tokens))
        while waiting:
            group = waiting.popleft()
            forest, paths = objective.forest(group)
            loss = self._backward(objective, group, forest, paths)
            if loss is None:
                halved += 1
                self._halve(len(group), len(forest))
                left = [*group, *chain.from_iterable(waiting)]
                parts = pack([objective.sequences[i] for i in left], 0, 0, self._max_tokens)
                waiting = deque([left[i] for i in part] for part in parts)
                continue
            self._add_to(gradients)
            tokens, total, passes = tokens + len(forest), total + loss, passes + 1
        self._update(gradients)
        self._steps += 1
        return TrainStep(
            step=self._steps,
            loss=total,
            tokens=tokens,
            read=objective.read,
            seconds=time.perf_counter() - start,
            micro_batches=passes,
            out_of_memory=halved,
        )

    def _backward(self, objective: Objective, group: list[int], forest: Forest, paths: list[list[int]]) -> float | None:
        """Add one micro-batch's gradients and return its share of the loss; None, and no gradient, without memory."""
        try:
            return self._passes(objective, group, forest, paths)
        except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
            if not is_out_of_memory(error):
                raise
        # Outside the handler nothing holds the graph any more. A backward pass may have stopped halfway.
        for parameter in self._parameters:
            parameter.grad = None
        gc.collect()
        if self._network.device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _passes(self, objective: Objective, group: list[int], forest: Forest, paths: list[list[int]]) -> float:
        loss = objective.loss(self._network, group, forest, paths, self._max_tokens)
        loss.backward()
        return loss.item()

    def _halve(self, n_rows: int, n_tokens: int) -> None:
        """Bound micro-batches by half of what did not fit."""
        if n_rows == 1:
            raise TrialError(
                f"memory ran out training on one row of {n_tokens:,} tokens: shorten the rows, "
                "or take a smaller precision (--precision nf4) or model"
            )
        self._max_tokens = max(min(self._max_tokens, n_tokens) // 2, 1)

    def _add_to(self, gradients: list[torch.Tensor | None]) -> None:
        """Move the parameters' gradients into the sum, in fp32: the next micro-batch may fail halfway."""
        found = [None if p.grad is None else p.grad.float() for p in self._parameters]
        for parameter in self._parameters:
            parameter.grad = None
        if not gradients:
            gradients.extend(found)
            return
        for index, gradient in enumerate(found):
            before = gradients[index]
            if gradient is not None:
                gradients[index] = gradient if before is None else before.add_(gradient)

    def _update(self, gradients: Sequence[torch.Tensor | None]) -> None:
        for master, gradient in zip(self._masters, gradients, strict=True):
            master.grad = gradient
        torch.nn.utils.clip_grad_norm_(self._masters, self._settings.max_grad_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * _schedule(self._steps, self._settings)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for parameter, master in zip(self._parameters, self._masters, strict=True):
                if master is not parameter:
                    parameter.copy_(master)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on whatever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).casefold() for words in _NO_MEMORY)


def _schedule(step: int, settings: TrainSettings) -> float:
    """Linear warm-up, then cosine decay to a tenth."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    span = max(settings.total_steps - settings.warmup_steps, 1)
    progress = min((step - settings.warmup_steps) / span, 1.0)
    return 0.1 + 0.45 * (1 + math.cos(math.pi * progress))
