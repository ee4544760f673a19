"""Peak resident memory of a piece of work, by a thread that looks every few milliseconds."""

from __future__ import annotations

__all__ = ["PeakMemory"]

import threading
from types import TracebackType
from typing import Self

import psutil

from crossover.model.allocation import release_memory

_EVERY_SECONDS = 0.02


class PeakMemory:
    """Context manager: `mb` is the highest resident memory of this process inside the block, in MiB.

    On entry memory that earlier work has freed is handed back to the system, so that it does not count here.
    """

    def __init__(self) -> None:
        """Prepare; nothing is measured before the block begins."""
        self.mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        release_memory()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process()
        while True:
            self.mb = max(self.mb, process.memory_info().rss / 2**20)
            if self._stop.wait(_EVERY_SECONDS):
                return
