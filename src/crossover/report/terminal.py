"""What a study says in the terminal: the table of arms, and the verdict in words with the next commands."""

from __future__ import annotations

__all__ = ["IntervalBar", "Progress", "arms_table", "next_commands", "report_text", "verdict_text"]

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from crossover.records import Arm, Family, LeftOut, Verdict
from crossover.report.aspects import aspects_text
from crossover.report.differing import differ_sentence
from crossover.report.economics import cost_lines, headings, notes
from crossover.report.not_run import not_run
from crossover.report.palette import FAMILY_COLOURS, FAMILY_COLOURS_OF_16
from crossover.report.progress import Progress
from crossover.report.series import Scale, names, scale_of, several_precisions
from crossover.report.text import DASH, known, milliseconds, one_line, score, seconds, shorten
from crossover.verdict import Aspects, Diff, explanation, headline

BAR_LENGTH = 22
"""Characters between the two markers of an interval, where the terminal has room for as many."""
SHORTEST_BAR = 6
NAME_LENGTH = 32
NARROW = 96
"""Below so many columns the table of arms has shorter names and less air: 80 columns hold it with nothing lost."""
NARROW_NAME, NARROW_NAME_BESIDE_PRECISIONS = 26, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalBar:
    """An interval drawn as ━━●━━ between two markers, on a scale that all rows share."""

    low: float | None
    at: float
    high: float | None
    scale: Scale
    family: Family

    def place(self, value: float, length: int) -> int:
        """Return which of `length` characters a value falls on."""
        return round(self.scale.share(value) * (length - 1))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        length = _bar_length(options)
        at = self.place(self.at, length)
        first = at if self.low is None else self.place(self.low, length)
        last = at if self.high is None else self.place(self.high, length)
        cells = [" "] * length
        cells[first : last + 1] = "━" * (last + 1 - first)
        cells[at] = "●"
        few = console.color_system in {"standard", "windows"}
        yield Segment("▏", Style(dim=True))
        yield Segment("".join(cells), Style(color=(FAMILY_COLOURS_OF_16 if few else FAMILY_COLOURS)[self.family]))
        yield Segment("▏", Style(dim=True))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return _bar_room()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleEnds:
    """The ends of the bars' common scale, above them."""

    scale: Scale

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        low, high = score(self.scale.low), score(self.scale.high)
        yield Segment(f" {low}{high:>{max(0, _bar_length(options) - len(low))}} ", Style(dim=True))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return _bar_room()


def _bar_length(options: ConsoleOptions) -> int:
    return max(SHORTEST_BAR, min(BAR_LENGTH, options.max_width - 2))


def _bar_room() -> Measurement:
    return Measurement(SHORTEST_BAR + 2, BAR_LENGTH + 2)


def _bar(arm: Arm, scale: Scale) -> RenderableType:
    value = known(arm.score)
    if value is None:
        return Text("")
    ends = (known(arm.interval.low), known(arm.interval.high)) if arm.interval is not None else (None, None)
    return IntervalBar(low=ends[0], at=value, high=ends[1], scale=scale, family=arm.family)


def _missing(arm: Arm) -> str:
    asked = arm.n_test * arm.seeds
    return f"{arm.missing:,} of {asked:,} answers missing" if arm.score is None and arm.missing else ""


def _in_steps(name: str, room: int) -> str:
    """Break the name of a path of methods after its steps where it needs more than `room` characters."""
    lines = [""]
    for step in re.split(r"(?<=/)", name):
        if lines[-1] and len(lines[-1]) + len(step) > room:
            lines.append("")
        lines[-1] += step
    return "\n".join(shorten(line, room) for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmsTable:
    """All arms, one a line, as wide as the terminal has room for."""

    verdict: Verdict

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _arms(self.verdict, narrow=options.max_width < NARROW)


def arms_table(verdict: Verdict) -> RenderableType:
    """Return all arms, one a line: method, precision where there are several, labels, score, interval, fit, call.

    Intervals are drawn on a common scale.
    """
    return Padding(ArmsTable(verdict=verdict), (0, 0, 0, 2))


def _arms(verdict: Verdict, *, narrow: bool) -> Table:
    scale = scale_of(verdict.arms)
    called = names(verdict, with_precision=False)
    precise = several_precisions(verdict)
    room = (NARROW_NAME_BESIDE_PRECISIONS if precise else NARROW_NAME) if narrow else NAME_LENGTH
    table = Table(box=None, pad_edge=False, padding=(0, 2 if narrow else 3, 0, 0), header_style="dim")
    table.add_column("method", no_wrap=True, overflow="ellipsis")
    if precise:
        table.add_column("precision", no_wrap=True)
    table.add_column("labels", justify="right", no_wrap=True)
    table.add_column("score", no_wrap=True)
    # Where the terminal is narrow this column gives way, for the others would lose what they say.
    table.add_column(ScaleEnds(scale=scale), min_width=SHORTEST_BAR + 2)
    table.add_column("fit", no_wrap=True)
    table.add_column("call", no_wrap=True)
    for arm in verdict.arms:
        recommended = arm.arm == verdict.recommended
        table.add_row(
            Text(_in_steps(called[arm.arm], room), style="bold" if recommended else ""),
            *([Text(one_line(arm.precision) or DASH)] if precise else []),
            Text(f"{arm.budget:,}" if arm.budget else DASH),
            Text(score(arm.score), style="bold" if recommended else ""),
            Text(missing, style="dim") if (missing := _missing(arm)) else _bar(arm, scale),
            Text(seconds(arm.fit_seconds) if arm.fit_seconds else DASH),
            Text(f"{milliseconds(arm.latency_ms.p50)} ms" if arm.latency_ms is not None else DASH),
        )
    return table


def _month(verdict: Verdict) -> list[RenderableType]:
    """Return what a month costs as a table; nothing where nobody said how many calls there will be."""
    lines = cost_lines(verdict)
    if not lines:
        return []
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    # Columns are as wide as their amounts, so that 80 columns hold them; headings and names take more lines.
    table.add_column("a month", min_width=2 + max(len(line.counted) for line in lines))
    for place, heading in enumerate(headings(verdict)):
        words = max(map(len, heading.split()))
        table.add_column(heading, justify="right", width=max(words, *(len(line.cells[place]) for line in lines)))
    for line in lines:
        # A name has a line of its own: beside the amounts, 80 columns would cut these.
        if line.name:
            table.add_row(Text(shorten(line.name, NAME_LENGTH)))
        table.add_row(
            *map(Text, (f"  {line.counted}", *(cell.replace(" ", "\N{NO-BREAK SPACE}") for cell in line.cells)))
        )
    return ["", Padding(table, (0, 0, 0, 2)), Padding(Text(notes(verdict), style="dim"), (0, 0, 0, 2))]


def verdict_text(
    verdict: Verdict, *, study: str | None = None, commands: bool = True, left_out: Sequence[LeftOut] = ()
) -> RenderableType:
    """Return the headline, the explanation as question and answer, and the commands that come next.

    Args:
        study: the study's folder as the user can type it; the task's name and "-study" when not given.
        commands: whether they are there; who prints more in between takes `next_commands` at the end.
        left_out: what the last run did not run, where that has not been said already.
    """
    first, stop, rest = one_line(headline(verdict)).partition(". ")
    parts: list[RenderableType] = [Text.assemble((first + stop.rstrip(), "bold"), f" {rest}" if rest else "")]
    lines = [*explanation(verdict), *([("Not run", missing)] if (missing := not_run(left_out)) else [])]
    if lines:
        answers = Table.grid(padding=(0, 3, 0, 0))
        answers.add_column(no_wrap=True)
        answers.add_column()
        for question, answer in lines:
            answers.add_row(Text(one_line(question), style="dim"), Text(one_line(answer)))
        parts += ["", Padding(answers, (0, 0, 0, 2))]
    parts += _month(verdict)
    if commands:
        parts += ["", next_commands(verdict, study=study)]
    return Group(*parts)


def report_text(
    verdict: Verdict,
    *,
    study: str,
    diff: Diff | None,
    checks: Sequence[str],
    table: Aspects | None = None,
    left_out: Sequence[LeftOut] = (),
) -> RenderableType:
    """Return a study's report in the page's order: verdict, what a month costs, aspects, arms, where they differ, the
    data, what comes next.

    Args:
        verdict: of the study.
        study: its folder as the user can type it.
        diff: where the two compared arms differ, where there are two.
        checks: what was found in the data.
        table: the aspects in which the nominated arms differ.
        left_out: what the last run did not run.
    """
    parts: list[RenderableType] = [verdict_text(verdict, commands=False, left_out=left_out), ""]
    parts += [aspects_text(table), ""] if table is not None else []
    parts.append(arms_table(verdict))
    facts = Table.grid(padding=(0, 3, 0, 0))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(overflow="fold")
    if diff is not None:
        command = shlex.join(["crossover", "diff", study, diff.a.arm, diff.b.arm])
        facts.add_row("Where they differ", Text(differ_sentence(diff)))
        facts.add_row("", Text(one_line(command)))
    for place, line in enumerate(checks):
        facts.add_row("" if place else "The data", Text(one_line(line)))
    if facts.row_count:
        parts += ["", Padding(facts, (0, 0, 0, 2))]
    return Group(*parts, "", next_commands(verdict, study=study, reported=True))


def next_commands(verdict: Verdict, *, study: str | None = None, reported: bool = False) -> RenderableType:
    """Return the commands that come next, as `verdict_text` ends with them; a long one is folded, never cut.

    `reported`: whether the report is what is being printed, and need not be named.
    """
    folder = shlex.quote(one_line(study if study is not None else f"{verdict.task.name}-study"))
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    if not reported:
        table.add_row(Text(f"crossover report {folder}"), Text("the page for others", style="dim"))
    if verdict.recommended is not None:
        table.add_row(Text(f"crossover pack {folder}"), Text("take it with you", style="dim"))
    return Padding(table, (0, 0, 0, 2))
