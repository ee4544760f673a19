"""Which type to compute in: a short matrix product tells which is fast on this machine, and which runs at all."""

from __future__ import annotations

__all__ = [
    "PRECISIONS",
    "QUANTIZED",
    "Throughput",
    "choose_precision",
    "device_name",
    "explain_auto",
    "measure_throughput",
    "torch_type",
    "unavailable",
]

import time
from dataclasses import dataclass
from functools import lru_cache

import torch

from crossover.errors import OptionError

PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8", "nf4")

QUANTIZED = ("int8", "nf4")
"""Precisions in which the weights of linear layers are kept; computed is in what `auto` chooses."""

_TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_FASTER = 1.25
_INSTALL = "install it: pip install 'crossover-lm[quant]'"


def device_name() -> str:
    """Return where models run: "cuda" where there is one, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """Billions of floating-point operations a second of a matrix product, by type; None where it does not run."""

    gflops: dict[str, float | None]


def torch_type(precision: str) -> torch.dtype:
    """Return torch's type for fp32, fp16 or bf16.

    Raises:
        OptionError: it is unknown, or has no type of its own (auto, int8, nf4).
    """
    if precision not in _TYPES:
        raise OptionError(f'precision "{precision}" is not known.', "allowed: " + ", ".join(_TYPES))
    return _TYPES[precision]


@lru_cache(maxsize=4)
def measure_throughput(device: str = "cpu", seconds: float = 0.15) -> Throughput:
    """Multiply matrices of a small model's shape for `seconds` in each type."""
    gflops: dict[str, float | None] = {}
    for name, dtype in _TYPES.items():
        try:
            gflops[name] = _product(device, dtype, seconds)
        except RuntimeError:  # the type is not implemented on this device
            gflops[name] = None
    return Throughput(gflops=gflops)


def choose_precision(precision: str, device: str = "cpu") -> str:
    """Return the precision to use: what was asked for, or for "auto" the faster of bf16 and fp32.

    bf16 must be a quarter faster to be taken: fp32 gives the same answers alone and in any batch. fp16 is never chosen
    on its own: its range is too small for training. Neither are int8 and nf4, which save memory and not time.

    Raises:
        OptionError: the precision is unknown or does not work on this machine; the message lists those that do.
    """
    if precision not in PRECISIONS:
        raise OptionError(f'precision "{precision}" is not known.', "allowed: " + ", ".join(PRECISIONS))
    if precision == "auto":
        gflops = measure_throughput(device).gflops
        bf16, fp32 = gflops["bf16"] or 0.0, gflops["fp32"] or 0.0
        return "bf16" if bf16 > _FASTER * fp32 else "fp32"
    if reason := unavailable(precision, device):
        works = [other for other in PRECISIONS if other != precision and unavailable(other, device) is None]
        raise OptionError(
            f'precision "{precision}" does not work on this machine: {reason}.',
            "works here: " + ", ".join(works),
            *([_INSTALL] if "bitsandbytes is not installed" in reason else []),
        )
    return precision


def explain_auto(device: str = "cpu") -> str:
    """Return why `auto` chose what it chose, in one sentence."""
    gflops = measure_throughput(device).gflops
    bf16, fp32 = gflops["bf16"], gflops["fp32"]
    if bf16 is None:
        return "bf16 does not run here"
    ratio = bf16 / (fp32 or bf16)
    needed = f"taken from {_FASTER:g} times on, since fp32 gives the same answers alone and in any batch"
    return f"bf16 runs at {ratio:.1f} times the speed of fp32; it is {needed}"


def unavailable(precision: str, device: str = "cpu") -> str | None:
    """Return in a few words why a precision does not work on this machine, or None when it does: a product is tried."""
    if precision == "auto":
        return None
    try:
        if precision in QUANTIZED:
            return _no_bitsandbytes() or _try_quantized(precision, device)
        _product(device, _TYPES[precision], 0.0)
    except Exception as error:  # noqa: BLE001  # libraries that do not fit a machine raise anything
        first = str(error).strip().splitlines()
        return f"its matrix product fails with {type(error).__name__}: {first[0] if first else ''}".rstrip(": ")
    return None


def _no_bitsandbytes() -> str | None:
    try:
        import bitsandbytes  # noqa: F401, PLC0415  # an extra
    except ImportError as error:
        if error.name in {None, "bitsandbytes"}:
            return "bitsandbytes is not installed"
        return f"bitsandbytes does not load: {error}"
    except Exception as error:  # noqa: BLE001  # a native library that does not fit raises anything
        return f"bitsandbytes does not load: {error}"
    return None


def _try_quantized(precision: str, device: str) -> str | None:
    """Quantize a small matrix and read it back: what a layer does."""
    from bitsandbytes import functional  # noqa: PLC0415  # an extra

    weight = torch.linspace(-1, 1, 64 * 64).reshape(64, 64).to(device)
    if precision == "int8":
        rounded, scale, _ = functional.int8_vectorwise_quant(weight.half())
        back = rounded.float() * scale.float()[:, None] / 127
    else:
        packed, state = functional.quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
        back = functional.dequantize_4bit(packed, state)
    error = float((back - weight).abs().max())
    # A sixteenth of the range is about the widest step of nf4; a library that computes nonsense is caught here.
    return None if error < 0.2 else f"bitsandbytes reads weights back wrongly here, {error:.2f} off"


def _product(device: str, dtype: torch.dtype, seconds: float) -> float:
    rows, inner, columns = 512, 576, 1536
    # No random numbers: those of the caller are left alone.
    a = torch.linspace(-1, 1, rows * inner, device=device).reshape(rows, inner).to(dtype)
    b = torch.linspace(-1, 1, columns * inner, device=device).reshape(columns, inner).to(dtype)
    torch.nn.functional.linear(a, b)
    best, end = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        torch.nn.functional.linear(a, b)
        if device != "cpu":
            torch.cuda.synchronize()
        now = time.perf_counter()
        best = min(best, now - start)
        if now >= end:
            return 2 * rows * inner * columns / best / 1e9
