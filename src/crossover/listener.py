"""What a run tells whoever listens: the terminal's display, a notebook, a test."""

from __future__ import annotations

__all__ = ["Listener", "Silent"]

from collections.abc import Mapping, Sequence
from typing import Protocol

from crossover.records import TrialRecord


class Listener(Protocol):
    """Told what a run does, in the order of events. Methods may be called from another thread."""

    def note(self, about: str, text: str) -> None:
        """Hear a line of the opening: about "test", "120 rows, stratified …"."""

    def progress(self, what: str, share: float | None) -> None:
        """Hear that something takes time before the first trial: fetching, converting."""

    def expected(self, seconds_of: Mapping[tuple[str, int], float]) -> None:
        """Hear about how long one trial of each (method, budget) takes; the plan follows."""

    def plan(self, cells: Sequence[tuple[str, int, int]], seconds: float | None) -> None:
        """Hear which (method, budget, seed) will run, and about how long it takes."""

    def cell_started(self, method: str, budget: int, seed: int) -> None:
        """Hear that a trial begins."""

    def cell_progress(
        self, method: str, budget: int, seed: int, *, phase: str, done: float, tokens_per_second: float | None
    ) -> None:
        """Hear how far a trial is, 0..1."""

    def cell_finished(self, record: TrialRecord) -> None:
        """Hear that a trial is complete, or was complete already."""

    def left_out(self, method: str, budget: int, reason: str) -> None:
        """Hear that an arm is not run, and why."""


class Silent:
    """Listens to nothing."""

    def note(self, about: str, text: str) -> None:
        """Ignore."""

    def progress(self, what: str, share: float | None) -> None:
        """Ignore."""

    def expected(self, seconds_of: Mapping[tuple[str, int], float]) -> None:
        """Ignore."""

    def plan(self, cells: Sequence[tuple[str, int, int]], seconds: float | None) -> None:
        """Ignore."""

    def cell_started(self, method: str, budget: int, seed: int) -> None:
        """Ignore."""

    def cell_progress(
        self, method: str, budget: int, seed: int, *, phase: str, done: float, tokens_per_second: float | None
    ) -> None:
        """Ignore."""

    def cell_finished(self, record: TrialRecord) -> None:
        """Ignore."""

    def left_out(self, method: str, budget: int, reason: str) -> None:
        """Ignore."""
