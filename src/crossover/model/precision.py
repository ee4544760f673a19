"""Which type to compute in: a short matrix product tells which is fast on this machine."""

from __future__ import annotations

__all__ = ["PRECISIONS", "Throughput", "choose_precision", "measure_throughput", "torch_type"]

import time
from dataclasses import dataclass
from functools import lru_cache

import torch

from crossover.errors import OptionError

PRECISIONS = ("auto", "fp32", "fp16", "bf16")
_TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """Billions of floating-point operations a second of a matrix product, by type; None where it does not run."""

    gflops: dict[str, float | None]


def torch_type(precision: str) -> torch.dtype:
    """Return torch's type for a precision other than auto.

    Raises:
        OptionError: it is unknown.
    """
    if precision not in _TYPES:
        raise OptionError(f'precision "{precision}" is not known.', "allowed: " + ", ".join(PRECISIONS))
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
    """Return the precision to compute in: what was asked for, or for "auto" the faster of bf16 and fp32.

    bf16 must be a quarter faster to be taken: fp32 gives the same answers alone and in any batch. fp16 is never chosen
    on its own: its range is too small for training.
    """
    if precision != "auto":
        torch_type(precision)
        return precision
    gflops = measure_throughput(device).gflops
    bf16, fp32 = gflops["bf16"] or 0.0, gflops["fp32"] or 0.0
    return "bf16" if bf16 > 1.25 * fp32 else "fp32"


def _product(device: str, dtype: torch.dtype, seconds: float) -> float:
    rows, inner, columns = 512, 576, 1536
    a = torch.randn(rows, inner, device=device).to(dtype)
    b = torch.randn(columns, inner, device=device).to(dtype)
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
