"""What there is: methods, models, this machine and the parts that are installed."""

from __future__ import annotations

__all__ = ["doctor", "machine", "methods", "models", "parts"]

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil
import torch

from crossover.methods import get_method, method_names
from crossover.model.catalog import CATALOG, DEFAULT_MODEL, cache_folder
from crossover.model.fetch import free_bytes
from crossover.model.hardware import (
    allowed_cores,
    gpu,
    instruction_sets,
    memory_limit,
    physical_cores,
    processor,
)
from crossover.model.precision import (
    PRECISIONS,
    QUANTIZED,
    choose_precision,
    device_name,
    explain_auto,
    measure_throughput,
    unavailable,
)

_PARTS = ("crossover-lm", "torch", "transformers", "peft", "scikit-learn", "polars")
_EXTRAS = ("bitsandbytes",)


def parts() -> dict[str, str]:
    """Return the versions of the parts that results depend on."""
    return {part: version(part) for part in _PARTS} | {"python": platform.python_version()}


def machine() -> str:
    """Return this machine in a few words."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def methods() -> list[dict[str, Any]]:
    """Return name, family and summary of every method, the kinds that it serves, and whether it runs unasked."""
    return [
        {"name": m.name, "family": m.family, "summary": m.summary, "kinds": list(m.kinds), "is_default": m.is_default}
        for m in map(get_method, method_names())
    ]


def models() -> list[dict[str, Any]]:
    """Return the models that have a short name, and whether they are on this machine."""
    return [
        {
            "name": m.name,
            "title": m.title,
            "license": m.license,
            "parameters": m.parameters,
            "source_precision": m.source_precision,
            "download_mb": m.download_mb,
            "on_this_machine": (cache_folder() / "models" / m.name).exists(),
            "is_default": m.name == DEFAULT_MODEL,
        }
        for m in CATALOG.values()
    ]


def doctor() -> dict[str, Any]:
    """Return what this machine has, which precisions work on it and what `auto` chooses. Keys are only ever added.

    Memory is in MiB, speed in billions of operations a second of a matrix product; what the system does not tell or
    does not have is None.
    """
    device = device_name()
    card, limit, swap = gpu(), memory_limit(), psutil.swap_memory()
    gflops = measure_throughput(device).gflops
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "cores_physical": physical_cores(),
        "cores_allowed": allowed_cores(),
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "instruction_sets": list(instruction_sets()),
        "memory_mb": round(psutil.virtual_memory().total / 2**20),
        "memory_free_mb": round(psutil.virtual_memory().available / 2**20),
        "memory_limit_mb": None if limit is None else round(limit / 2**20),
        "swap_mb": round(swap.total / 2**20),
        "swap_free_mb": round(swap.free / 2**20),
        "gpu": card.name if card else None,
        "gpu_capability": card.capability if card else None,
        "gpu_memory_mb": card.memory_mb if card else None,
        "gpu_memory_free_mb": card.memory_free_mb if card else None,
        "device": device,
        "gflops": {k: None if v is None else round(v) for k, v in gflops.items()},
        "precisions": {p: _precision(p, device) for p in PRECISIONS if p != "auto"},
        "auto_precision": choose_precision("auto", device),
        "auto_why": explain_auto(device),
        "cache": str(cache_folder()),
        "cache_free_mb": round(free_bytes(cache_folder()) / 2**20),
        "versions": parts() | _extras(),
    }


def _precision(precision: str, device: str) -> dict[str, Any]:
    why = unavailable(precision, device)
    note = f"weights of linear layers in {precision}, computed in {choose_precision('auto', device)}"
    return {"works": why is None, "why_not": why, "note": note if precision in QUANTIZED and why is None else ""}


def _extras() -> dict[str, str]:
    found = {}
    for part in _EXTRAS:
        with suppress(PackageNotFoundError):
            found[part] = version(part)
    return found
