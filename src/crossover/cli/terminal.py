"""What a command prints: a run's events, tables, JSON."""

from __future__ import annotations

__all__ = ["Terminal", "print_json", "print_table"]

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console

if TYPE_CHECKING:
    from crossover.report.terminal import Progress


class Terminal:
    """Passes a run's events on to the progress display, which begins with the plan, and prints the opening."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._stack = ExitStack()
        self._last = ""
        self.expected = progress.expected
        self.cell_started = progress.cell_started
        self.cell_progress = progress.cell_progress
        self.cell_finished = progress.cell_finished
        self.left_out = progress.left_out

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def plan(self, cells: Sequence[tuple[str, int, int]], seconds: float | None) -> None:
        """Say what will run; from here on the table is drawn."""
        self._stack.enter_context(self._progress)
        self._progress.plan(cells, seconds)

    def note(self, about: str, text: str) -> None:
        """Print a line of the opening."""
        from crossover.report.text import one_line

        self._console.print(f"{one_line(about):13} {one_line(text)}", soft_wrap=True, markup=False)

    def progress(self, what: str, share: float | None) -> None:
        """Say once what takes time; draw how far it is in a terminal."""
        if what != self._last:
            self._last = what
            self._console.print(f"{'':13} {what}", soft_wrap=True, markup=False)
        if share is not None and self._console.is_terminal and not self._console.is_dumb_terminal:
            bar = "━" * round(30 * share)
            self._console.file.write(f"\r{'':14}{bar:30} {share:4.0%}" + ("\r" + " " * 60 + "\r" if share >= 1 else ""))
            self._console.file.flush()


def print_json(value: Any) -> None:  # noqa: ANN401  # JSON
    """Print a value as JSON, and nothing else."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def print_table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """Print these columns of some rows, under their names."""
    words = {True: "yes", False: "no"}
    cells = [[words[row[c]] if isinstance(row[c], bool) else str(row[c]) for c in columns] for row in rows]
    heads = [c.replace("_", " ") for c in columns]
    widths = [max(len(h), *(len(row[i]) for row in cells)) for i, h in enumerate(heads)]
    console = Console(highlight=False)
    for row in [heads, *cells]:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.print(line.rstrip(), soft_wrap=True, markup=False)
