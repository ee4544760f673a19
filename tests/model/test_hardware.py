"""What the machine has is told, and nothing fails where a system does not tell."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from crossover.model import hardware


def test_this_machine() -> None:
    assert hardware.processor()
    assert 0 < hardware.allowed_cores() <= (os.cpu_count() or 1)
    physical = hardware.physical_cores()
    assert physical is None or 0 < physical <= (os.cpu_count() or 1)
    limit = hardware.memory_limit()
    assert limit is None or limit > 0
    assert hardware.instruction_sets()


@pytest.mark.parametrize(
    ("files", "cores", "limit"),
    [
        ({}, None, None),
        ({"cpu.max": "max 100000", "memory.max": "max"}, None, None),
        ({"cpu.max": "50000 100000", "memory.max": "1073741824"}, 0.5, 2**30),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None, None),
        ({"cpu/cpu.cfs_quota_us": "25000", "cpu/cpu.cfs_period_us": "100000"}, 0.25, None),
        ({"cpu/cpu.cfs_quota_us": "25000"}, None, None),
        ({"memory/memory.limit_in_bytes": "9223372036854771712"}, None, None),
        ({"memory/memory.limit_in_bytes": "4096"}, None, 4096),
        ({"cpu.max": "", "memory.max": "\n"}, None, None),
        ({"cpu.max": "much little", "memory.max": "-1"}, None, None),
    ],
)
def test_limits_of_control_groups_of_both_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: float | None, limit: int | None
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(hardware, "_GROUPS", tmp_path)
    free = hardware.allowed_cores()
    assert free == cores if cores is not None else free >= 1
    assert hardware.memory_limit() == limit


def test_a_system_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(psutil, "cpu_count", nothing)
    assert hardware.physical_cores() is None
