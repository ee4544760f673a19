"""The study while it runs: a live table in a terminal, one plain line a finished trial elsewhere."""

from __future__ import annotations

__all__ = ["Progress"]

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from threading import Lock
from time import monotonic
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from crossover.records import TrialRecord
from crossover.report.series import record_score
from crossover.report.text import DASH, one_line, score, seconds, shorten

NAME_LENGTH = 32
_SECONDS = re.compile(r"about (\d+) s, \d+ s left of the time limit$")
"""The end of the planner's reason against an arm that lacks nothing but time, and what it would take."""

_PRIOR_SECONDS = 10.0

ROOM = 4
"""Lines of the terminal that the live table leaves free."""


@dataclass(slots=True, kw_only=True)
class _Running:
    """A trial that has begun and not ended."""

    began: float
    phase: str = ""
    done: float = 0.0
    tokens_per_second: float | None = None


@dataclass(slots=True, kw_only=True)
class _Row:
    """What is known of one arm so far."""

    planned: set[int] = field(default_factory=set)
    scores: dict[int, float] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    running: dict[int, _Running] = field(default_factory=dict)
    fit: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    expected: float | None = None
    spinner: Spinner = field(default_factory=lambda: Spinner("dots"))


def _about(left: float) -> str:
    """Say a time that is only guessed: whole tens of seconds above a minute, whole minutes above ten."""
    step = 1 if left < 60 else 10 if left < 600 else 60
    return seconds(max(1.0, round(left / step) * step))


class Progress:
    """Shows how far a study is. A context manager; its methods may be called from any thread.

    The study knows nothing of it: whoever runs the study passes these methods on as callbacks.
    """

    def __init__(self, *, console: Console | None = None, json: bool = False, live: bool | None = None) -> None:
        """Choose where and how to show.

        Args:
            console: where to print; by default standard output.
            json: standard output belongs to the JSON: print to standard error.
            live: a table that is drawn anew, or plain lines. By default a table, unless the output is not a terminal,
                `NO_COLOR` is set or `TERM` is "dumb".
        """
        self._console = console if console is not None else Console(file=sys.stderr if json else None)
        plain = bool(os.environ.get("NO_COLOR")) or self._console.is_dumb_terminal or not self._console.is_terminal
        self._is_live = not plain if live is None else live
        self._lock = Lock()
        self._rows: dict[tuple[str, int], _Row] = {}
        self._left_out: dict[tuple[str, int], str] = {}
        self._planned_seconds: float | None = None
        self._n_planned = 0
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        if self._is_live:
            self._live = Live(get_renderable=self._picture, console=self._console, refresh_per_second=5, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None and kind is not None:
            # Interrupted: what was there so far stays on the screen.
            self._live.transient = False
        self.close()

    def expected(self, seconds_of: Mapping[tuple[str, int], float]) -> None:
        """Take the seconds that one trial of each (method, label budget) is thought to take."""
        with self._lock:
            for (method, budget), each in seconds_of.items():
                self._row(method, budget).expected = each

    def plan(self, cells: Sequence[tuple[str, int, int]], seconds: float | None) -> None:
        """Take the trials to come as (method, label budget, seed), and the seconds they are thought to take in all."""
        with self._lock:
            for method, budget, seed in cells:
                self._row(method, budget).planned.add(seed)
            self._planned_seconds, self._n_planned = seconds, len(cells)

    def cell_started(self, method: str, budget: int, seed: int) -> None:
        """A trial begins."""
        with self._lock:
            row = self._row(method, budget)
            row.planned.add(seed)
            row.running[seed] = _Running(began=monotonic())

    def cell_progress(
        self, method: str, budget: int, seed: int, *, phase: str, done: float, tokens_per_second: float | None
    ) -> None:
        """A trial is at `done` (0..1) of a phase, for example "train" or "test"."""
        with self._lock:
            row = self._row(method, budget)
            running = row.running.setdefault(seed, _Running(began=monotonic()))
            running.phase = one_line(phase)
            running.done = min(1.0, max(0.0, done))
            running.tokens_per_second = tokens_per_second

    def cell_finished(self, record: TrialRecord) -> None:
        """A trial is complete, or was found complete in the store, or has failed."""
        key = record.key
        with self._lock:
            row = self._row(self._label(record), key.budget)
            running = row.running.pop(key.seed, None)
            row.planned.add(key.seed)
            row.finished.add(key.seed)
            value = record_score(record)
            if record.error is not None:
                row.failed.add(key.seed)
            elif value is not None:
                row.scores[key.seed] = value
            row.fit.append(record.fit_seconds)
            if running is not None:
                row.took.append(monotonic() - running.began)
            left = self._seconds_left()
            line = self._line(record, value, left)
        if not self._is_live or record.error is not None:
            self._print(line)

    def left_out(self, method: str, budget: int, reason: str) -> None:
        """An arm will not be run, and why."""
        with self._lock:
            known = self._left_out.get((method, budget)) == reason
            self._left_out[(method, budget)] = reason
        if not known and _SECONDS.search(reason) is None:  # arms that lack only time are listed together at the end
            self._print(Text(f"left out: {self._called(method, budget)}: {one_line(reason)}"))

    def close(self) -> None:
        """Stop drawing and say what there was no time for. Closing twice does nothing."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        for line in self._out_of_time():
            self._print(Text(line))
        self._left_out.clear()

    def _out_of_time(self) -> list[str]:
        """Return a line for each budget with the arms that lack time, and what they would take."""
        lacking: dict[int, list[tuple[str, float]]] = {}
        for (method, budget), reason in self._left_out.items():
            if (found := _SECONDS.search(reason)) is not None:
                lacking.setdefault(budget, []).append((method, float(found[1])))
        lines = []
        for budget, arms in sorted(lacking.items(), reverse=True):
            named = ", ".join(f"{shorten(one_line(method), NAME_LENGTH)} ({_about(time)})" for method, time in arms)
            lines.append(f"no time was left with {budget:,} labels for {named}")
        if lines:
            total = sum(time for arms in lacking.values() for _, time in arms)
            lines.append(f"about {_about(total)} in all: the same command with a longer --time-limit goes on")
        return lines

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)

    def _row(self, method: str, budget: int) -> _Row:
        return self._rows.setdefault((method, budget), _Row())

    def _label(self, record: TrialRecord) -> str:
        """Return what the record's method was planned as: with its precision where the study has several."""
        labelled = f"{record.key.method} · {record.key.precision}"
        return labelled if (labelled, record.key.budget) in self._rows else record.key.method

    @staticmethod
    def _called(method: str, budget: int) -> str:
        name = shorten(one_line(method), NAME_LENGTH)
        return f"{name} with {budget:,} labels" if budget else name

    def _counts(self) -> tuple[int, int]:
        """Return how many trials are finished, and how many there are."""
        rows = self._rows.values()
        return sum(len(row.finished) for row in rows), sum(len(row.planned) for row in rows)

    def _seconds_left(self) -> float | None:
        """Return the seconds that are left: as trials of the same arm took; else as they are thought to take, by how
        much longer than thought the others took; else as trials of the method took, or the mean of the plan.
        """
        by_method: dict[str, list[float]] = {}
        for (method, _), row in self._rows.items():
            by_method.setdefault(method, []).extend(row.took)
        planned = self._planned_seconds
        mean = planned / self._n_planned if planned is not None and self._n_planned else None
        slower = self._slower()
        left, at_once = 0.0, 0
        for (method, _), row in self._rows.items():
            if row.expected is not None and not row.took:
                each: float | None = row.expected * slower
            else:
                seen = row.took or by_method[method]
                each = fmean(seen) if seen else mean
            waiting = len(row.planned) - len(row.finished) - len(row.running)
            if each is None:
                if waiting or row.running:
                    return None
                continue
            at_once += len(row.running)
            left += each * waiting + sum(max(0.0, each - (monotonic() - item.began)) for item in row.running.values())
        return left / max(1, at_once)

    def _slower(self) -> float:
        """Return how many times as long as thought trials took; the first half minute of evidence counts little.

        Arms that ask no model are thought to take nothing: their second or two say nothing of the machine's pace.
        """
        judged = [row for row in self._rows.values() if row.expected]
        taken = sum(sum(row.took) for row in judged)
        thought = sum((row.expected or 0.0) * len(row.took) for row in judged)
        return (taken + _PRIOR_SECONDS) / (thought + _PRIOR_SECONDS)

    def _line(self, record: TrialRecord, value: float | None, left: float | None) -> Text:
        key = record.key
        done, total = self._counts()
        said = f"failed: {shorten(one_line(record.error), 200)}" if record.error is not None else score(value)
        parts = [f"{done} of {total}", self._called(self._label(record), key.budget), f"seed {key.seed}", said]
        if record.error is None:
            parts.append(f"fit {seconds(record.fit_seconds)}")
        if left is not None and done < total:
            parts.append(f"about {_about(left)} left")
        return Text(" · ".join(parts))

    def _picture(self) -> RenderableType:
        with self._lock:
            shown = [(key, row) for key, row in self._rows.items() if row.finished or row.running]
            room = max(3, self._console.height - ROOM)
            hidden = max(0, len(shown) - room)
            table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
            table.add_column("method", no_wrap=True, overflow="ellipsis")
            table.add_column("labels", justify="right", no_wrap=True)
            table.add_column("score", no_wrap=True)
            table.add_column("", no_wrap=True, overflow="ellipsis")
            for (method, budget), row in shown[hidden:]:
                table.add_row(
                    Text(shorten(one_line(method), NAME_LENGTH)),
                    Text(f"{budget:,}" if budget else DASH),
                    Text(score(fmean(row.scores.values())) if row.scores else ""),
                    self._state(row),
                )
            done, total = self._counts()
            left = self._seconds_left()
            foot = f"{done} of {total} trials" if total else "starting"
            if left is not None and done < total:
                foot += f", about {_about(left)} left"
            if hidden:
                foot += f" · {hidden} more above"
        return Padding(Group(table, Text(foot, style="dim")), (0, 0, 0, 2))

    def _state(self, row: _Row) -> RenderableType:
        if not row.running:
            failed = f", {len(row.failed)} failed" if row.failed else ""
            if len(row.finished) < len(row.planned):
                return Text(f"{len(row.finished)} of {len(row.planned)} seeds{failed}", style="dim")
            return Text(f"fit {seconds(fmean(row.fit))}{failed}" if row.fit else "", style="dim")
        seed, running = next(iter(row.running.items()))
        place = sorted(row.planned).index(seed) + 1
        parts = [f"seed {place} of {len(row.planned)}"]
        if running.phase:
            parts.append(f"{running.phase} {running.done:.0%}")
        if running.tokens_per_second is not None:
            parts.append(f"{running.tokens_per_second:,.0f} tokens/s")
        spent = monotonic() - running.began
        if row.took:
            parts.append(f"{seconds(max(0.0, fmean(row.took) - spent))} left")
        row.spinner.update(text=Text(", ".join(parts)))
        return row.spinner
