"""Energy of a piece of work: read from the processor's or the GPU's own counters, else estimated and marked so."""

from __future__ import annotations

__all__ = ["WATTS_A_CORE", "EnergyMeter", "Rapl", "estimated_joules"]

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crossover.records import EnergySource

WATTS_A_CORE = 7.0
"""What a busy core is taken to draw where nothing can be read: a processor's rated power by its cores. An EPYC 7763 has
280 W for 64 of them, an i7-1165G7 28 W for 4. Memory, disks and the power supply are not in it."""

_POWERCAP = Path("/sys/class/powercap")
_EVERY_SECONDS = 20.0
"""How often counters are looked at: a processor's one begins anew after some minutes under load."""
_EVERY_SECONDS_POWER = 0.1
"""How often a GPU's power is looked at where it keeps no count of its energy."""


class Rapl:
    """The processors' energy counters (Running Average Power Limit), all packages and their memory together.

    They count what the whole machine computes, not this process alone. Since 2020 Linux lets only root read them, or
    whom the administrator allows to: without permission there are none.
    """

    def __init__(self, folder: Path = _POWERCAP) -> None:
        """Find the counters that can be read."""
        self._counters: dict[Path, float] = {}
        self._last: dict[Path, float] = {}
        with suppress(OSError):
            for zone in sorted(folder.glob("intel-rapl:*")):
                name = _word(zone / "name")
                # A package's own cores and graphics are inside its count; its memory is not. "psys" is everything.
                if name is None or not (name.startswith("package") or name == "dram"):
                    continue
                count, most = _number(zone / "energy_uj"), _number(zone / "max_energy_range_uj")
                if count is not None:
                    self._counters[zone / "energy_uj"] = most or 0.0
        self.joules()

    @property
    def is_there(self) -> bool:
        """Whether there is a counter that may be read."""
        return bool(self._counters)

    def joules(self) -> float:
        """Return the joules since the last time this was asked; a counter that began anew is counted on."""
        total = 0.0
        for file, most in self._counters.items():
            count = _number(file)
            if count is None:
                continue
            step = count - self._last.get(file, count)
            total += (step if step >= 0 else step + most) / 1e6
            self._last[file] = count
        return max(total, 0.0)


class _Nvml:
    """The first GPU's own count of its energy; where it keeps none, its power, summed up."""

    def __init__(self) -> None:
        self._device: Any = None  # pynvml is not typed, and need not be installed
        self._pynvml: Any = None
        self.counts = False
        with suppress(Exception):  # not installed, no driver, no GPU: there is no such reading
            pynvml: Any = import_module("pynvml")
            pynvml.nvmlInit()
            self._device = pynvml.nvmlDeviceGetHandleByIndex(0)
            self._pynvml = pynvml
            self.counts = self._count() is not None
        self._last = self._count() if self.counts else None
        self._at = time.monotonic()

    @property
    def is_there(self) -> bool:
        return self.counts or self._watts() is not None

    def joules(self) -> float:
        """Return the joules since the last time this was asked."""
        now = time.monotonic()
        spent, self._at = now - self._at, now
        if self.counts:
            count = self._count()
            found = 0.0 if count is None or self._last is None else (count - self._last) / 1000
            self._last = count if count is not None else self._last
            return max(found, 0.0)
        return (self._watts() or 0.0) * spent

    def _count(self) -> float | None:
        with suppress(Exception):  # GPUs before Volta keep no count
            return float(self._pynvml.nvmlDeviceGetTotalEnergyConsumption(self._device))
        return None

    def _watts(self) -> float | None:
        with suppress(Exception):  # torch has no power where pynvml is missing
            import torch  # noqa: PLC0415  # beside pynvml: asked only where there is a GPU

            if self._device is not None:
                return float(self._pynvml.nvmlDeviceGetPowerUsage(self._device)) / 1000
            return float(torch.cuda.power_draw()) / 1000
        return None


class EnergyMeter:
    """Context manager: `joules` is the energy of what ran inside the block, `source` where that comes from.

    - On the processor "rapl", all packages and their memory; where it cannot be read "estimated": the process's own
      processor time × `WATTS_A_CORE`.
    - On a GPU "nvml", the card's, with the processors' beside it where these can be read. Without NVML nothing is said,
      joules and source are None: a processor's time says nothing of a card.
    """

    def __init__(self, *, on_gpu: bool = False, powercap: Path = _POWERCAP) -> None:
        """Find what can be read; nothing is measured before the block begins."""
        self.joules: float | None = None
        self.source: EnergySource | None = None
        rapl, card = Rapl(powercap), _Nvml() if on_gpu else None
        self._readings: list[Callable[[], float]] = []
        self._every = _EVERY_SECONDS
        if card is not None and card.is_there:
            self._readings.append(card.joules)
            self._every = _EVERY_SECONDS if card.counts else _EVERY_SECONDS_POWER
            self.source = "nvml"
        if rapl.is_there and (card is None or self.source is not None):
            self._readings.append(rapl.joules)
            self.source = self.source or "rapl"
        if card is None and self.source is None:
            self.source = "estimated"
        self._total, self._cpu = 0.0, 0.0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._cpu = time.process_time()
        if self._readings:
            for read in self._readings:
                read()
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._take()
            self.joules = self._total
        elif self.source == "estimated":
            self.joules = estimated_joules(time.process_time() - self._cpu)

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            self._take()

    def _take(self) -> None:
        with self._lock:
            self._total += sum(read() for read in self._readings)


def estimated_joules(processor_seconds: float) -> float:
    """Return what so much processor time is taken to cost where nothing can be read.

    >>> estimated_joules(2.0)
    14.0
    """
    return WATTS_A_CORE * processor_seconds


def _word(file: Path) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        return file.read_text(encoding="ascii").strip()
    return None


def _number(file: Path) -> float | None:
    word = _word(file)
    return float(word) if word is not None and word.isdecimal() else None
