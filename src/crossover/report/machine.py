"""What `crossover doctor` prints for people."""

from __future__ import annotations

__all__ = ["machine_text"]

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from crossover.report.text import DASH, memory, one_line


def machine_text(found: Mapping[str, Any]) -> RenderableType:
    """Return what `crossover.about.doctor` found: the machine, its speed by type, precisions, cache, versions."""
    facts = Table.grid(padding=(0, 3, 0, 0))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column()
    for name, value in _facts(found):
        facts.add_row(name, Text(one_line(value)))
    precisions = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    precisions.add_column("precision", no_wrap=True)
    precisions.add_column("here", no_wrap=True)
    precisions.add_column("GFLOP/s", justify="right", no_wrap=True)
    precisions.add_column("")
    for name, state in found["precisions"].items():
        speed = found["gflops"].get(name)
        chosen = name == found["auto_precision"]
        precisions.add_row(
            Text(name, style="bold" if chosen else ""),
            "yes" if state["works"] else "no",
            DASH if speed is None else f"{speed:,}",
            Text(one_line(state["why_not"] or ("auto takes it" if chosen else state["note"])), style="dim"),
        )
    why = Text(f"auto is {found['auto_precision']}: {one_line(found['auto_why'])}")
    return Group(facts, "", precisions, "", why)


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    physical = found["cores_physical"]
    cores = f"{found['cores']} logical, {DASH if physical is None else physical} physical"
    if found["cores_allowed"] < found["cores"]:
        cores += f", {found['cores_allowed']:g} allowed to this process"
    held = f"{memory(found['memory_mb'])}, {memory(found['memory_free_mb'])} free"
    if found["memory_limit_mb"] is not None:
        held += f", {memory(found['memory_limit_mb'])} allowed to this process"
    swap = f"{memory(found['swap_mb'])}, {memory(found['swap_free_mb'])} free" if found["swap_mb"] else "none"
    gpu = "none that torch can use"
    if found["gpu"] is not None:
        room = f"{memory(found['gpu_memory_mb'])}, {memory(found['gpu_memory_free_mb'])} free"
        gpu = f"{found['gpu']}, compute capability {found['gpu_capability']}, {room}"
    return [
        ("system", found["system"]),
        ("processor", found["processor"]),
        ("cores", f"{cores}; torch uses {found['threads']}"),
        ("instruction sets", f"{', '.join(found['instruction_sets'])}; torch uses {found['instruction_set']}"),
        ("memory", held),
        ("swap", swap),
        ("GPU", gpu),
        ("cache", f"{found['cache']}, {memory(found['cache_free_mb'])} free there"),
        ("versions", ", ".join(f"{part} {version}" for part, version in found["versions"].items())),
    ]
