"""Products of one input with several frozen weights and their LoRA adapters, in few passes over memory.

PEFT writes the base product, then the adapter's, then a scaled copy, then their sum; backward likewise, and once for
each layer that reads the same input. On a processor these copies cost more than the adapter's products. Here each
output and each gradient is written once, and layers that read the same input share the products with their A.
"""

from __future__ import annotations

__all__ = ["Lora", "Part", "of_module", "products"]

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from peft.tuners.lora import LoraLayer

Parts = tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class Lora:
    """What an adapter adds: scale · (x A') B', with A [rank, in], B [out, rank]."""

    a: torch.Tensor
    b: torch.Tensor
    scale: float


@dataclass(frozen=True, slots=True)
class Part:
    """A frozen linear layer: x W' + b, with W [out, in] and b [out] or None, and what its adapter adds, if it has one.

    A quantized weight is a function that reads it in a type; what it returns lasts until the next one is read.
    """

    weight: torch.Tensor | Callable[[torch.dtype], torch.Tensor]
    outputs: int
    bias: torch.Tensor | None = None
    lora: Lora | None = None

    def read(self, dtype: torch.dtype) -> torch.Tensor:
        """Return the weight."""
        return self.weight if isinstance(self.weight, torch.Tensor) else self.weight(dtype)

    def fits(self, x: torch.Tensor) -> bool:
        """Return whether all that is multiplied has the type of x."""
        tensors = (self.weight, self.lora.a, self.lora.b) if self.lora else (self.weight,)
        return all(tensor.dtype == x.dtype for tensor in tensors if isinstance(tensor, torch.Tensor))


def of_module(module: object) -> Part | None:
    """Return a linear layer, with its LoRA adapter or without one; None where it computes anything else or is trained.

    Dropout, DoRA, adapter biases or several adapters are anything else. A quantized layer takes part once it has a
    function `read_weight` (`crossover.model.quantized` gives it).
    """
    lora, base = None, cast("Any", module)
    if isinstance(module, LoraLayer):
        if (lora := _only_adapter(module)) is None:
            return None
        base = module.base_layer
    weight: Any = base.weight if type(base) is torch.nn.Linear else getattr(base, "read_weight", None)
    if weight is None or any(parameter.requires_grad for parameter in base.parameters(recurse=False)):
        return None
    return Part(weight, int(base.out_features), base.bias, lora)


def _only_adapter(module: Any) -> Lora | None:  # noqa: ANN401  # PEFT's layers of many kinds, which it gives no types
    if module.merged or module.disable_adapters or module.lora_variant or getattr(module, "fan_in_fan_out", False):
        return None
    if list(module.lora_A) != module.active_adapters or len(module.active_adapters) != 1:
        return None
    if any(module.lora_bias.values()):
        return None
    if not all(isinstance(dropout, torch.nn.Identity) for dropout in module.lora_dropout.values()):
        return None
    (name,) = module.active_adapters
    return Lora(module.lora_A[name].weight, module.lora_B[name].weight, float(module.scaling[name]))


def products(x: torch.Tensor, groups: Sequence[Parts], onto: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
    """Return, of each group of layers, their outputs side by side.

    Args:
        x: [..., in].
        groups: layers that read `x`.
        onto: what is added to the output, [..., out]; only with one group of one layer.
    """
    trained = [tensor for lora in _adapters(groups) for tensor in (lora.a, lora.b)]
    given = trained if onto is None else [*trained, onto]
    if not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, *given))):
        return _forward(x.reshape(-1, x.shape[-1]), x.shape[:-1], groups, onto)[0]
    apply: Any = _Products.apply  # torch gives it no type
    results: tuple[torch.Tensor, ...] = apply(x, onto, groups, *trained)
    return results


def _adapters(groups: Sequence[Parts]) -> list[Lora]:
    return [part.lora for group in groups for part in group if part.lora is not None]


def _stacked(adapters: Sequence[Lora]) -> torch.Tensor:
    """Return the adapters' A one below the other, [ranks, in]."""
    return adapters[0].a if len(adapters) == 1 else torch.cat([lora.a for lora in adapters])


def _scale(columns: torch.Tensor, adapters: Sequence[Lora]) -> None:
    """Multiply each adapter's columns, [rows, ranks], by its scale."""
    if len({lora.scale for lora in adapters}) == 1:
        if adapters[0].scale != 1:
            columns.mul_(adapters[0].scale)
        return
    for lora, own in zip(adapters, columns.split(_ranks(adapters), dim=1), strict=True):
        own.mul_(lora.scale)


def _ranks(adapters: Sequence[Lora]) -> list[int]:
    return [len(lora.a) for lora in adapters]


def _forward(
    rows: torch.Tensor, shape: torch.Size, groups: Sequence[Parts], onto: torch.Tensor | None
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor | None]:
    """Return the outputs, and scale · x A' of all adapters, [rows, ranks]."""
    adapters, low = _adapters(groups), None
    ways: Iterator[torch.Tensor] = iter(())
    if adapters:
        low = rows @ _stacked(adapters).t()
        _scale(low, adapters)
        ways = iter(low.split(_ranks(adapters), dim=1))
    results = []
    for group in groups:
        sizes = [part.outputs for part in group]
        whole = rows.new_empty(len(rows), sum(sizes))
        for part, output in zip(group, whole.split(sizes, dim=1), strict=True):
            _write(output, rows, part, next(ways) if part.lora else None, onto)
        results.append(whole.view(*shape, -1))
    return tuple(results), low


def _write(
    output: torch.Tensor, rows: torch.Tensor, part: Part, low: torch.Tensor | None, onto: torch.Tensor | None
) -> None:
    """Write a layer's output.

    The adapter's share comes first and the weight's is added to it, inside the product. In 16 bits the other way round
    would lose it: the weight's share, rounded, stays as it is when something below half of its last digit is added,
    every time, which an adapter's first steps are. Rounded together, they are right in the mean.
    """
    if part.lora is not None and low is not None:
        torch.mm(low, part.lora.b.t(), out=output)
        output.addmm_(rows, part.read(rows.dtype).t())
        if onto is not None:
            output.add_(onto.reshape(output.shape))
    elif onto is not None:
        torch.addmm(onto.reshape(output.shape), rows, part.read(rows.dtype).t(), out=output)
    else:
        torch.mm(rows, part.read(rows.dtype).t(), out=output)
    if part.bias is not None:
        output.add_(part.bias)


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  # torch's own
        x: torch.Tensor,
        onto: torch.Tensor | None,
        groups: Sequence[Parts],
        *trained: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        rows = x.reshape(-1, x.shape[-1])
        results, low = _forward(rows, x.shape[:-1], groups, onto)
        ctx.groups, ctx.shape = groups, x.shape
        ctx.save_for_backward(rows if trained else None, low, *trained)
        return results

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401  # torch's own
        rows, low, *_ = ctx.saved_tensors
        parts = [part for group in ctx.groups for part in group]
        of_parts = [
            own
            for group, gradient in zip(ctx.groups, gradients, strict=True)
            for own in gradient.reshape(-1, gradient.shape[-1]).split([part.outputs for part in group], dim=1)
        ]
        adapters = _adapters(ctx.groups)
        of_adapted = [g for part, g in zip(parts, of_parts, strict=True) if part.lora is not None]
        found: list[torch.Tensor | None] = []
        if adapters:
            ranks = _ranks(adapters)
            back = low.new_empty(low.shape)
            for lora, gradient, own in zip(adapters, of_adapted, back.split(ranks, dim=1), strict=True):
                torch.mm(gradient, lora.b, out=own)
            _scale(back, adapters)
            of_a = (back.t() @ rows).split(ranks)
            of_b = [gradient.t() @ own for gradient, own in zip(of_adapted, low.split(ranks, dim=1), strict=True)]
            found = [tensor for pair in zip(of_a, of_b, strict=True) for tensor in pair]
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = of_parts[0] @ parts[0].read(of_parts[0].dtype)
            for part, gradient in zip(parts[1:], of_parts[1:], strict=True):
                of_x.addmm_(gradient, part.read(gradient.dtype))
            if adapters:
                of_x.addmm_(back, _stacked(adapters))
            of_x = of_x.view(ctx.shape)
        onto = gradients[0] if ctx.needs_input_grad[1] else None
        return (of_x, onto, None, *found)
