"""Energy is read where it can be, estimated and marked elsewhere, and never invented for a GPU."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from crossover.candidate import ConstantCandidate
from crossover.measure import EnergyMeter, measure
from crossover.measure.energy import WATTS_A_CORE, Rapl
from crossover.metrics import get_metric
from crossover.records import Example, TaskSpec

UNREADABLE = Path("nothing-here")


def zone(folder: Path, name: str, called: str, count: int, most: int = 1_000_000_000) -> Path:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "name").write_text(called + "\n")
    (place / "max_energy_range_uj").write_text(f"{most}\n")
    (place / "energy_uj").write_text(f"{count}\n")
    return place / "energy_uj"


def busy(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


def test_packages_and_their_memory_count_their_parts_do_not(tmp_path: Path) -> None:
    files = [
        zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000),
        zone(tmp_path, "intel-rapl:1", "package-1", 5_000_000),
        zone(tmp_path, "intel-rapl:0:1", "dram", 0),
        zone(tmp_path, "intel-rapl:0:0", "core", 0),
        zone(tmp_path, "intel-rapl:2", "psys", 0),
    ]
    with EnergyMeter(powercap=tmp_path) as energy:
        for file, joules in zip(files, (2, 3, 1, 100, 1000), strict=True):
            file.write_text(str(int(file.read_text()) + joules * 1_000_000))
    assert energy.source == "rapl"
    assert energy.joules == pytest.approx(6.0)


def test_a_counter_that_begins_anew_is_counted_on(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 9_000_000, most=10_000_000)
    rapl = Rapl(tmp_path)
    file.write_text("2000000")
    assert rapl.joules() == pytest.approx(3.0)
    assert rapl.joules() == 0.0


def test_a_counter_that_may_not_be_read_is_none(tmp_path: Path) -> None:
    file = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    file.unlink()
    file.mkdir()  # as a file that only root reads: an OSError, also for root
    with EnergyMeter(powercap=tmp_path) as energy:
        busy(0.1)
    assert energy.source == "estimated"
    assert energy.joules is not None
    assert 0.1 * WATTS_A_CORE <= energy.joules < 1.0 * WATTS_A_CORE


def test_an_estimate_is_of_processor_time_not_of_waiting() -> None:
    with EnergyMeter(powercap=UNREADABLE) as energy:
        time.sleep(0.3)
    assert energy.joules is not None
    assert energy.joules < 0.15 * WATTS_A_CORE


def test_for_a_gpu_without_nvml_nothing_is_said() -> None:
    n_threads = threading.active_count()
    with EnergyMeter(on_gpu=True, powercap=UNREADABLE) as energy:
        busy(0.02)
    assert threading.active_count() == n_threads
    if energy.source is None:
        assert energy.joules is None
    else:  # there is a card, and it tells
        assert energy.source == "nvml"
        assert energy.joules is not None


def test_a_measurement_says_what_a_call_takes_among_many_and_alone(spec: TaskSpec, rows: Sequence[Example]) -> None:
    found = measure(ConstantCandidate(answer="refund"), rows, spec, get_metric("accuracy"), None)
    assert found.call_joules is not None
    assert found.single_call_joules is not None
    one = measure(ConstantCandidate(answer="refund"), rows[:1], spec, get_metric("accuracy"), None)
    assert (one.latency, one.single_call_joules) == (None, None)
    assert one.call_joules is not None
