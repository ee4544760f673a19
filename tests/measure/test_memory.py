"""Peak memory sees what is held inside its block."""

from __future__ import annotations

import threading
import time

import pytest

from crossover.measure import PeakMemory


def held(n_mb: int) -> float:
    with PeakMemory() as peak:
        block = bytearray(b"x") * (n_mb * 2**20)
        time.sleep(0.1)
        del block
    return peak.mb


def test_it_sees_an_allocation_and_forgets_it_afterwards() -> None:
    before = held(0)
    during = held(200)
    after = held(0)
    assert 190 < during - before < 260
    assert abs(after - before) < 60


def test_it_ends_with_its_block_whatever_happens() -> None:
    n_threads = threading.active_count()
    with pytest.raises(RuntimeError, match="inside"), PeakMemory() as peak:
        raise RuntimeError("inside")
    assert peak.mb > 0
    assert threading.active_count() == n_threads
