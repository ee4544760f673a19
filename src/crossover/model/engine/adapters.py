"""LoRA layers in fewer passes over memory: what PEFT computes, with the adapter's product added in place.

PEFT writes the base product, then the adapter's, then a scaled copy, then their sum; backward likewise. On a processor
these copies cost more than the adapter's products. Here each output and each gradient is written once.
"""

from __future__ import annotations

__all__ = ["speed_up"]

from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora.layer import Linear


def speed_up(wrapped: PeftModel) -> None:
    """Let plain LoRA layers of a network compute in place; others (dropout, DoRA, quantized bases) stay as they are.

    The layers go with the adapter: `PeftModel.unload` puts the base layers back.
    """
    for module in wrapped.modules():
        if isinstance(module, Linear) and _is_plain(module):
            module.forward = _Fast(module)  # type: ignore[method-assign]  # on this instance, as PEFT's own hooks do


def _is_plain(module: Linear) -> bool:
    base = module.base_layer
    return (
        type(base) is torch.nn.Linear
        and list(module.lora_A) == module.active_adapters
        and len(module.active_adapters) == 1
        and not module.lora_variant
        and not any(module.lora_bias.values())
        and not module.fan_in_fan_out
        and all(isinstance(dropout, torch.nn.Identity) for dropout in module.lora_dropout.values())
    )


class _Fast:
    """A plain LoRA layer's forward pass: x W' + b + s (x A') B', with W [out, in], A [rank, in], B [out, rank]."""

    def __init__(self, module: Linear) -> None:
        (name,) = module.active_adapters
        self._module = module
        self._slow = module.forward
        self._a, self._b = module.lora_A[name], module.lora_B[name]
        self._scale = float(module.scaling[name])

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        base = self._module.base_layer
        same_type = x.dtype == base.weight.dtype == self._a.weight.dtype
        if not same_type or self._module.disable_adapters or self._module.merged:
            slow: torch.Tensor = self._slow(x)
            return slow
        multiply: Any = _Product.apply  # torch gives it no type
        result: torch.Tensor = multiply(x, base.weight, base.bias, self._a.weight, self._b.weight, self._scale)
        return result


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  # torch's own
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        low = rows @ a.t()
        result = torch.nn.functional.linear(rows, weight, bias).addmm_(low, b.t(), alpha=scale)
        ctx.save_for_backward(rows, low, weight, a, b)
        ctx.scale, ctx.shape = scale, x.shape
        return result.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401  # torch's own
        rows, low, weight, a, b = ctx.saved_tensors
        gradient = gradients[0].reshape(-1, gradients[0].shape[-1])
        back = (gradient @ b).mul_(ctx.scale)
        grad_a = back.t() @ rows
        grad_b = (gradient.t() @ low).mul_(ctx.scale)
        grad_x = (gradient @ weight).addmm_(back, a).view(ctx.shape) if ctx.needs_input_grad[0] else None
        return grad_x, None, None, grad_a, grad_b, None
