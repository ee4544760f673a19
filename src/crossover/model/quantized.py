"""Weights kept in 8 or 4 bits by bitsandbytes, and computed with in another type.

Linear layers are kept as int8 (one scale an output row) or nf4 (Dettmers et al. 2023, QLoRA, arXiv:2305.14314: blocks
of 64, their scales quantized too). Embeddings and output head, which are often one and the same matrix, stay
unquantized, in bf16. All layers compute in one type, bf16 or fp32, whichever is the faster here; a weight is turned
into it when its layer runs, and forgotten.

On a processor all layers turn their weights into one buffer, which stays. A buffer of its own for each, freed before
the next layer, does not come back: the small activations that a training step keeps settle in the hole, and the next
layer's weights need new room. A model of 1.1 billion took 4.8 GB to train, where 1.5 do.
"""

from __future__ import annotations

__all__ = ["KEPT_TYPE", "SLICE_WEIGHTS", "kept_bytes", "quantization", "settle"]

from collections.abc import Iterator
from functools import partial
from threading import local
from types import MethodType
from typing import Any

import torch
from transformers import BitsAndBytesConfig, PreTrainedModel

from crossover.model.engine.forward import set_computing_type

KEPT_TYPE = torch.bfloat16
"""What is not quantized is kept in this type: embeddings and head."""

_READ_WEIGHTS = 2**18
"""Weights of a quantized layer that bitsandbytes reads at once: its results are small and leave no holes."""

SLICE_WEIGHTS = 2**22
"""Weights of the head that are turned into the computing type at once: 16 MiB in fp32."""


def quantization(precision: str, computing: torch.dtype) -> BitsAndBytesConfig:
    """Return how transformers shall load linear layers for int8 or nf4.

    nf4 with double quantization: it saves 0.37 bit a weight, and memory is what nf4 is chosen for.
    """
    if precision == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=computing,
    )


def settle(network: PreTrainedModel, computing: torch.dtype) -> None:
    """Make a network that was loaded in `KEPT_TYPE` with `quantization` compute in one type everywhere.

    What bitsandbytes does of its own accord differs between training and evaluation: int8 layers then quantize the
    activations too, and cut them to fp16; nf4 layers are packed anew on some processors, and no gradient passes them
    any more. Here both compute the same in training, scoring and serving, alone and in any batch.
    """
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt  # noqa: PLC0415  # an extra

    for module in network.modules():
        layer: Any = module  # attributes that bitsandbytes and PEFT look for, of types that neither declares
        if isinstance(module, Linear8bitLt):
            layer.init_8bit_state()
            layer.compute_dtype = computing  # PEFT reads it: adapters get this type
            layer.forward = MethodType(_weights_only if network.device.type == "cuda" else _by_buffer, layer)
            layer.read_weight = None if network.device.type == "cuda" else partial(_read, layer)
        elif isinstance(module, Linear4bit):
            layer.support_avx512bf16_for_cpu = False
            layer.weight.quant_state.dtype = computing  # the backward pass reads weights in this type
            if network.device.type != "cuda":
                layer.forward = MethodType(_by_buffer, layer)
                layer.read_weight = partial(_read, layer)
    if network.device.type == "cpu":
        # What was not quantized still lies in the mapped file, and keeps all of it, read once, in memory.
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.dtype == KEPT_TYPE:
                tensor.data = tensor.data.clone()
    if computing == KEPT_TYPE:
        return
    embedding = network.get_input_embeddings()
    head = network.get_output_embeddings()
    kept = {id(parameter) for part in (embedding, head) if part is not None for parameter in part.parameters()}
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point() and id(tensor) not in kept:
            tensor.data = tensor.data.to(computing)
    embedding.register_forward_hook(partial(_cast_output, computing))
    if head is not None:
        head.forward = MethodType(_in_slices, head)
    set_computing_type(network, computing)


def kept_bytes(network: torch.nn.Module) -> int:
    """Return the bytes of parameters and buffers as they are kept, with the scales of quantized layers."""
    return sum({t.data_ptr(): t.numel() * t.element_size() for t in _tensors(network)}.values())


def _by_buffer(self: Any, x: torch.Tensor) -> torch.Tensor:  # noqa: ANN401  # a layer of bitsandbytes
    """Multiply with the weights in the type of `x`, read into the buffer that all layers share."""
    result: torch.Tensor = _BufferProduct.apply(x, self)  # type: ignore[no-untyped-call]  # torch's own
    return result


class _BufferProduct(torch.autograd.Function):
    """x × weightᵀ + bias for a quantized, frozen weight; backward reads it anew."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, layer: Any) -> torch.Tensor:  # noqa: ANN401  # torch's, bitsandbytes' own
        """Return [..., outputs]."""
        ctx.layer = layer
        bias = None if layer.bias is None else layer.bias.to(x.dtype)
        return torch.nn.functional.linear(x, _read(layer, x.dtype), bias)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ANN401  # torch's own
        """Return the gradient for the inputs; the weight is frozen."""
        return gradient @ _read(ctx.layer, gradient.dtype), None


_kept = local()


def _buffer(n: int, dtype: torch.dtype) -> torch.Tensor:
    """Return this thread's buffer for n numbers of a type; it grows and stays."""
    buffers: dict[torch.dtype, torch.Tensor] = _kept.__dict__.setdefault("buffers", {})
    if dtype not in buffers or len(buffers[dtype]) < n:
        with torch.inference_mode(mode=False):  # a tensor made in inference mode could not be written outside of it
            buffers[dtype] = torch.empty(n, dtype=dtype)
    return buffers[dtype][:n]


def _read(layer: Any, dtype: torch.dtype) -> torch.Tensor:  # noqa: ANN401  # a layer of bitsandbytes
    """Return the weights [outputs, inputs] as numbers, until the next call."""
    from bitsandbytes import functional  # noqa: PLC0415  # an extra

    if (state := getattr(layer, "state", None)) is not None:
        weight = _buffer(state.CB.numel(), dtype).view(state.CB.shape)
        return weight.copy_(state.CB).mul_(state.SCB[:, None].mul(1 / 127))
    quantized = layer.weight.quant_state
    scales = quantized.absmax
    if quantized.nested:
        scales = functional.dequantize_blockwise(scales, quantized.state2).float() + quantized.offset
    size, packed = quantized.blocksize, layer.weight.data.view(torch.uint8).flatten()
    weight = _buffer(quantized.shape.numel(), dtype)
    # Whole blocks at a time: bitsandbytes has no way to say where to write.
    step = max(_READ_WEIGHTS // size, 1) * size
    for start in range(0, len(weight), step):
        part = weight[start : start + step]
        here = scales[start // size : -(-(start + len(part)) // size)]
        codes = packed[start // 2 : -(-(start + len(part)) // 2)]
        part.copy_(torch.ops.bitsandbytes.dequantize_4bit(codes, here, size, "nf4", (len(part),), dtype).flatten())
    return weight.view(quantized.shape)


def _weights_only(self: Any, x: torch.Tensor) -> torch.Tensor:  # noqa: ANN401  # a Linear8bitLt
    """Multiply with the weights in the type of `x`: bitsandbytes' own function, which it takes on a CPU in training."""
    from bitsandbytes.autograd._functions import MatMul8bitFp  # noqa: PLC0415  # an extra

    result: torch.Tensor = MatMul8bitFp.apply(x, self.weight, None, self.bias, self.state)
    return result


def _cast_output(
    computing: torch.dtype, _module: torch.nn.Module, _given: tuple[Any, ...], output: torch.Tensor
) -> torch.Tensor:
    return output.to(computing)


def _in_slices(self: Any, states: torch.Tensor) -> torch.Tensor:  # noqa: ANN401  # an nn.Linear
    """Apply the output head in the type of the states."""
    result: torch.Tensor = _SlicedProduct.apply(states, self.weight)  # type: ignore[no-untyped-call]
    return result if self.bias is None else result + self.bias.to(states.dtype)


class _SlicedProduct(torch.autograd.Function):
    """states × weightᵀ for a frozen weight of another type: a slice at a time is converted, in both directions.

    Autograd would keep every converted slice until the backward pass: the whole head in the larger type.
    """

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:  # noqa: ANN401  # torch's own
        """Return [rows, vocabulary]."""
        ctx.weight = weight
        result = states.new_empty(*states.shape[:-1], len(weight))
        for part in _slices(weight):
            result[..., part] = torch.nn.functional.linear(states, weight[part].to(states.dtype))
        return result

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ANN401  # torch's own
        """Return the gradient for the states; the weight is frozen."""
        weight: torch.Tensor = ctx.weight
        total = gradient.new_zeros(*gradient.shape[:-1], weight.shape[1])
        for part in _slices(weight):
            total += gradient[..., part] @ weight[part].to(gradient.dtype)
        return total, None


def _slices(weight: torch.Tensor) -> Iterator[slice]:
    rows = max(SLICE_WEIGHTS // weight.shape[1], 1)
    for start in range(0, len(weight), rows):
        yield slice(start, start + rows)


def _tensors(network: torch.nn.Module) -> Iterator[torch.Tensor]:
    yield from network.parameters()
    yield from network.buffers()
    for module in network.modules():
        state = getattr(module, "state", None)  # int8: weight and scales
        for scale in (getattr(state, "SCB", None), getattr(getattr(module, "weight", None), "SCB", None)):
            if isinstance(scale, torch.Tensor):
                yield scale
        quantized = getattr(getattr(module, "weight", None), "quant_state", None)  # nf4: scales of blocks, and of them
        for part in (quantized, getattr(quantized, "state2", None)):
            for name in ("absmax", "code", "offset"):
                if isinstance(tensor := getattr(part, name, None), torch.Tensor):
                    yield tensor
