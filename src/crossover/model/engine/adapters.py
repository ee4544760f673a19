"""LoRA layers in fewer passes over memory: what PEFT computes, with the adapter's product added in place."""

from __future__ import annotations

__all__ = ["speed_up"]

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer

from crossover.model.engine.products import of_module, products


def speed_up(wrapped: PeftModel) -> None:
    """Let plain LoRA layers of a network compute in place; others (dropout, DoRA) stay as they are.

    The layers go with the adapter: `PeftModel.unload` puts the base layers back.
    """
    for module in wrapped.modules():
        if isinstance(module, LoraLayer) and of_module(module) is not None:
            module.forward = _Fast(module)  # on this instance, as PEFT's own hooks do


class _Fast:
    """A plain LoRA layer's forward pass."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._module = module
        self._slow = module.forward

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        part = of_module(self._module)
        if part is None or not part.fits(x):
            slow: torch.Tensor = self._slow(x)
            return slow
        return products(x, [(part,)])[0]
