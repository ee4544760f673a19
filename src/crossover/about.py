"""What there is: methods, models, this machine and the parts that are installed."""

from __future__ import annotations

__all__ = ["doctor", "machine", "methods", "models", "parts"]

import os
import platform
from importlib.metadata import version
from typing import Any

import psutil
import torch

from crossover.methods import get_method, method_names
from crossover.model.catalog import CATALOG, DEFAULT_MODEL, cache_folder
from crossover.model.precision import choose_precision, measure_throughput

_PARTS = ("crossover-lm", "torch", "transformers", "peft", "scikit-learn", "polars")


def parts() -> dict[str, str]:
    """Return the versions of the parts that results depend on."""
    return {part: version(part) for part in _PARTS} | {"python": platform.python_version()}


def machine() -> str:
    """Return this machine in a few words."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def methods() -> list[dict[str, str]]:
    """Return name, family and summary of every method."""
    return [{"name": m.name, "family": m.family, "summary": m.summary} for m in map(get_method, method_names())]


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
    """Return what this machine has and what `auto` chooses on it."""
    cuda = torch.cuda.is_available()
    device = "cuda" if cuda else "cpu"
    return {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "memory_mb": round(psutil.virtual_memory().total / 2**20),
        "memory_free_mb": round(psutil.virtual_memory().available / 2**20),
        "gpu": torch.cuda.get_device_name(0) if cuda else None,
        "gflops": {k: None if v is None else round(v) for k, v in measure_throughput(device).gflops.items()},
        "auto_precision": choose_precision("auto", device),
        "cache": str(cache_folder()),
        "versions": parts(),
    }
