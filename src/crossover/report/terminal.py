"""What a study says in the terminal: the table of arms, and the verdict in words with the next commands."""

from __future__ import annotations

__all__ = ["IntervalBar", "Progress", "arms_table", "verdict_text"]

import shlex
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from crossover.records import Arm, Family, Verdict
from crossover.report.palette import FAMILY_COLOURS, FAMILY_COLOURS_OF_16
from crossover.report.progress import Progress
from crossover.report.series import Scale, names, scale_of, several_precisions
from crossover.report.text import DASH, known, milliseconds, one_line, score, seconds, shorten
from crossover.verdict import explanation, headline

BAR_LENGTH = 22
"""Characters between the two markers of an interval."""
NAME_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalBar:
    """An interval drawn as ━━●━━ between two markers, on a scale that all rows share."""

    low: float | None
    at: float
    high: float | None
    scale: Scale
    family: Family

    def place(self, value: float) -> int:
        """Return the character that a value falls on."""
        return round(self.scale.share(value) * (BAR_LENGTH - 1))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        at = self.place(self.at)
        first = at if self.low is None else self.place(self.low)
        last = at if self.high is None else self.place(self.high)
        cells = [" "] * BAR_LENGTH
        cells[first : last + 1] = "━" * (last + 1 - first)
        cells[at] = "●"
        few = console.color_system in {"standard", "windows"}
        yield Segment("▏", Style(dim=True))
        yield Segment("".join(cells), Style(color=(FAMILY_COLOURS_OF_16 if few else FAMILY_COLOURS)[self.family]))
        yield Segment("▏", Style(dim=True))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(BAR_LENGTH + 2, BAR_LENGTH + 2)


def _bar(arm: Arm, scale: Scale) -> RenderableType:
    value = known(arm.score)
    if value is None:
        return Text("")
    ends = (known(arm.interval.low), known(arm.interval.high)) if arm.interval is not None else (None, None)
    return IntervalBar(low=ends[0], at=value, high=ends[1], scale=scale, family=arm.family)


def _missing(arm: Arm) -> str:
    asked = arm.n_test * arm.seeds
    return f"{arm.missing:,} of {asked:,} answers missing" if arm.score is None and arm.missing else ""


def arms_table(verdict: Verdict) -> RenderableType:
    """Return all arms, one a line: method, precision where there are several, labels, score, interval, fit, call.

    Intervals are drawn on a common scale.
    """
    scale = scale_of(verdict.arms)
    called = names(verdict, with_precision=False)
    precise = several_precisions(verdict)
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("method", no_wrap=True, overflow="ellipsis")
    if precise:
        table.add_column("precision", no_wrap=True)
    table.add_column("labels", justify="right", no_wrap=True)
    table.add_column("score", no_wrap=True)
    ends = f" {score(scale.low)}{score(scale.high):>{BAR_LENGTH - len(score(scale.low))}} "
    table.add_column(Text(ends), no_wrap=True, min_width=BAR_LENGTH + 2)
    table.add_column("fit", no_wrap=True)
    table.add_column("call", no_wrap=True)
    for arm in verdict.arms:
        recommended = arm.arm == verdict.recommended
        table.add_row(
            Text(shorten(called[arm.arm], NAME_LENGTH), style="bold" if recommended else ""),
            *([Text(one_line(arm.precision) or DASH)] if precise else []),
            Text(f"{arm.budget:,}" if arm.budget else DASH),
            Text(score(arm.score), style="bold" if recommended else ""),
            Text(missing, style="dim") if (missing := _missing(arm)) else _bar(arm, scale),
            Text(seconds(arm.fit_seconds) if arm.fit_seconds else DASH),
            Text(f"{milliseconds(arm.latency_ms.p50)} ms" if arm.latency_ms is not None else DASH),
        )
    return Padding(table, (0, 0, 0, 2))


def verdict_text(verdict: Verdict, *, study: str | None = None) -> RenderableType:
    """Return the headline, the explanation as question and answer, and the commands that come next.

    Args:
        study: the study's folder as the user can type it; the task's name and "-study" when not given.
    """
    first, stop, rest = one_line(headline(verdict)).partition(". ")
    parts: list[RenderableType] = [Text.assemble((first + stop.rstrip(), "bold"), f" {rest}" if rest else "")]
    lines = explanation(verdict)
    if lines:
        answers = Table.grid(padding=(0, 3, 0, 0))
        answers.add_column(no_wrap=True)
        answers.add_column()
        for question, answer in lines:
            answers.add_row(Text(one_line(question), style="dim"), Text(one_line(answer)))
        parts += ["", Padding(answers, (0, 0, 0, 2))]
    folder = shlex.quote(one_line(study if study is not None else f"{verdict.task.name}-study"))
    commands = Table.grid(padding=(0, 3, 0, 0))
    commands.add_column(no_wrap=True)
    commands.add_column(no_wrap=True)
    commands.add_row(Text(f"crossover report {folder}"), Text("the page for others", style="dim"))
    if verdict.recommended is not None:
        commands.add_row(Text(f"crossover pack {folder}"), Text("take it with you", style="dim"))
    parts += ["", Padding(commands, (0, 0, 0, 2))]
    return Group(*parts)
