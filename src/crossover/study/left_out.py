"""What a run leaves out, remembered for whoever reads the study later."""

from __future__ import annotations

__all__ = ["Remembering", "left_out"]

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from crossover.records import LeftOut, TrialRecord
from crossover.study.store import StudyStore

if TYPE_CHECKING:  # a finished study is read without torch
    from crossover.study.conduct import PlanWatcher

_NAME = "left out"


class Remembering:
    """Hands on what a run tells its watcher, and keeps in the study which arms it did not run, and why.

    It is of the last run: that one's plan has all that was asked for, and what it leaves out is what is not there.
    """

    def __init__(self, watcher: PlanWatcher, store: StudyStore) -> None:
        """Hand on to this watcher."""
        self._watcher, self._store = watcher, store
        self._out: dict[tuple[str, int], str] = {}

    def expected(self, seconds_of: Mapping[tuple[str, int], float]) -> None:
        """Hand on."""
        self._watcher.expected(seconds_of)

    def plan(self, cells: Sequence[tuple[str, int, int]], seconds: float | None) -> None:
        """Hand on."""
        self._watcher.plan(cells, seconds)

    def cell_started(self, method: str, budget: int, seed: int) -> None:
        """Hand on."""
        self._watcher.cell_started(method, budget, seed)

    def cell_progress(
        self, method: str, budget: int, seed: int, *, phase: str, done: float, tokens_per_second: float | None
    ) -> None:
        """Hand on."""
        self._watcher.cell_progress(method, budget, seed, phase=phase, done=done, tokens_per_second=tokens_per_second)

    def cell_finished(self, record: TrialRecord) -> None:
        """Hand on."""
        self._watcher.cell_finished(record)

    def left_out(self, method: str, budget: int, reason: str) -> None:
        """Hand on and remember."""
        self._out[method, budget] = reason
        self._watcher.left_out(method, budget, reason)

    def keep(self) -> None:
        """Keep what was left out in the study."""
        found = [LeftOut(method=method, budget=budget, reason=reason) for (method, budget), reason in self._out.items()]
        self._store.put(_NAME, [asdict(one) for one in found])


def left_out(store: StudyStore) -> tuple[LeftOut, ...]:
    """Return what the last run left out; nothing for a study of an earlier release."""
    return tuple(LeftOut(**one) for one in store.get(_NAME) or ())
