"""What the machine has: cores, instruction sets, memory, GPU. Nothing here raises where a system does not tell."""

from __future__ import annotations

__all__ = ["allowed_cores", "gpu", "instruction_sets", "memory_limit", "physical_cores", "processor"]

import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

_NAMES = {
    "sse4_2": "SSE4.2",
    "avx2": "AVX2",
    "avx_vnni": "AVX-VNNI",
    "avx512_f": "AVX512",
    "avx512_vnni": "AVX512-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "avx512_fp16": "AVX512-FP16",
    "amx_bf16": "AMX-BF16",
    "amx_int8": "AMX-INT8",
    "amx_fp16": "AMX-FP16",
    "neon": "NEON",
    "dot": "DOT",
    "fp16_arith": "FP16",
    "bf16": "BF16",
    "i8mm": "I8MM",
    "sve": "SVE",
    "sve2": "SVE2",
    "sme": "SME",
}
"""torch's name of a capability -> the name that makers use; those that matter to matrix products."""

_GROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = 2**60
"""A version 1 group without a limit has a number near 2^63 in its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A CUDA device: its name, compute capability ("9.0") and memory in MiB."""

    name: str
    capability: str
    memory_mb: int
    memory_free_mb: int


def processor() -> str:
    """Return the processor's name, or what it is called for short where the system does not say."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def physical_cores() -> int | None:
    """Return how many cores there are without counting hyper-threads; None where the system does not say."""
    with suppress(OSError, RuntimeError, NotImplementedError):
        found: int | None = psutil.cpu_count(logical=False)
        return found
    return None


def allowed_cores() -> float:
    """Return how many cores this process may use: the least of all, its affinity and its control group's quota."""
    cores = float(os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    quotas = [quota for group in _groups("cpu") if (quota := _quota(group)) is not None]
    return round(min([cores, *quotas]), 2)


def memory_limit() -> int | None:
    """Return the bytes of memory that this process's control group allows, or None without a limit."""
    files = [group / name for group in _groups("memory") for name in ("memory.max", "memory.limit_in_bytes")]
    words = [word for file in files for word in _words(file)[:1] if word.isdecimal()]
    return min((int(word) for word in words if int(word) < _UNLIMITED), default=None)


def instruction_sets() -> tuple[str, ...]:
    """Return the processor's extensions that matter to matrix products, for example ("AVX2", "AVX512", "AMX-BF16")."""
    found: Mapping[str, Any] = {}
    with suppress(AttributeError, RuntimeError):  # a torch before 2.11 does not tell
        found = torch.cpu.get_capabilities()
    named = tuple(name for key, name in _NAMES.items() if found.get(key))
    return named or (torch.backends.cpu.get_cpu_capability(),)


def gpu() -> Gpu | None:
    """Return the CUDA device that models run on, or None."""
    if not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info(0)
    major, minor = torch.cuda.get_device_capability(0)
    return Gpu(
        name=torch.cuda.get_device_name(0),
        capability=f"{major}.{minor}",
        memory_mb=round(total / 2**20),
        memory_free_mb=round(free / 2**20),
    )


def _groups(controller: str) -> list[Path]:
    """Return the folders of this process's control group and of those above it: each may set a limit."""
    folders = [_GROUPS, _GROUPS / controller]
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if controllers in {"", controller} or controller in controllers.split(","):
                base = _GROUPS if not controllers else _GROUPS / controller
                parts = Path(path).relative_to("/").parts if path.startswith("/") else ()
                folders += [base.joinpath(*parts[: n + 1]) for n in range(len(parts))]
    return folders


def _quota(group: Path) -> float | None:
    """Return a control group's quota in cores, or None without one: "max", -1, or no such file."""
    words = _words(group / "cpu.max") or _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")
    with suppress(ValueError, IndexError, ZeroDivisionError):
        quota = float(words[0]) / float(words[1])
        return quota if quota > 0 else None
    return None


def _words(path: Path) -> list[str]:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8").split()
    return []
