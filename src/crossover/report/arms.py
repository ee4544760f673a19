"""The table of arms as the page shows it: text for people, a sort value for the script, an interval to draw."""

from __future__ import annotations

__all__ = ["Bar", "Cell", "Column", "TableRow", "arm_table"]

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crossover.records import Arm, Family, TrialRecord, Verdict
from crossover.report.series import Scale, labels_used, names, nominated, scale_of, several_precisions
from crossover.report.text import DASH, count, interval, known, memory, milliseconds, one_line, score, seconds
from crossover.verdict.figures import about

BAR_WIDTH = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A heading, what it means, and whether its cells are numbers."""

    heading: str
    title: str
    number: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is shown, and the number that sorts it (None sorts last; words sort by their text)."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An interval in pixels of a drawing `BAR_WIDTH` wide."""

    left: float
    right: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One arm."""

    name: str
    family: Family
    recommended: bool
    nominated: bool
    cells: tuple[Cell, ...]
    bar: Bar | None
    interval: str


COLUMNS = (
    Column(heading="Method", title="A way of adapting the model", number=False),
    Column(heading="Family", title="What it adapts: the prompt, the weights, both; or a baseline", number=False),
    Column(heading="Labels", title="Label budget: labelled examples it may use in all"),
    Column(heading="Score", title="Mean over seeds on the test rows, with its 95% interval"),
    Column(heading="Fit", title="Time to fit and choose, one seed"),
    Column(heading="Tokens a call", title="Tokens read and written a call"),
    Column(
        heading="ms a call", title="Milliseconds a call, one at a time, warm: half are faster / 95 in 100 are faster"
    ),
    Column(heading="Memory", title="Highest memory while fitting and measuring"),
    Column(heading="Seeds", title="Draws of the labelled examples, each fitted and measured once"),
    Column(heading="Dev", title="Score on its own dev rows, by which it was nominated"),
    Column(heading="Lenient", title="Score when badly formed answers are read leniently"),
    Column(heading="Used", title="Labelled examples it looked at"),
    Column(heading="Missing", title="Test answers lost to failures of the machinery, all seeds together"),
    Column(heading="Tried", title="Configurations tried"),
    Column(heading="Passes", title="Token passes of fitting and choosing: 1 a token read, 3 a token trained on"),
)

LENIENT, MISSING, USED = "Lenient", "Missing", "Used"
"""Columns that are left out where they would say nothing."""


FREE = (
    Column(heading="Free", title="Score when nothing constrains the answers"),
    Column(heading="Format", title="Share of the gain over the bare prompt that is gone when both are constrained"),
)
"""Columns of studies that asked for free answers beside constrained ones."""

VALIDATION = Column(heading="Validation", title="Score on the validation rows, by which it was nominated")
"""In place of the dev score, where a study has validation rows."""

PRECISION = Column(heading="Precision", title="How the model's weights were kept and computed with", number=False)


def bar(arm: Arm, scale: Scale) -> Bar | None:
    value = known(arm.score)
    if value is None:
        return None
    ends = arm.interval or None
    low = known(ends.low) if ends else None
    high = known(ends.high) if ends else None

    def pixel(number: float) -> float:
        return round(4 + (BAR_WIDTH - 8) * scale.share(number), 1)

    at = pixel(value)
    return Bar(left=at if low is None else pixel(low), right=at if high is None else pixel(high), at=at)


def arm_table(verdict: Verdict, records: Sequence[TrialRecord]) -> tuple[tuple[Column, ...], list[TableRow], Scale]:
    """Return the columns, one row an arm in the verdict's order, and the scale on which the intervals are drawn."""
    scale = scale_of(verdict.arms)
    sent = {arm.arm for arm in nominated(verdict).values()}
    called = names(verdict, with_precision=False)
    precise = several_precisions(verdict)
    beside = any(arm.free_score is not None for arm in verdict.arms)
    validated = any(arm.validation_score is not None for arm in verdict.arms)
    rows = []
    for arm in verdict.arms:
        name = called[arm.arm]
        precision = (Cell(text=one_line(arm.precision) or DASH),) if precise else ()
        used = labels_used(arm, records)
        tokens = known(arm.prompt_tokens + arm.output_tokens)
        latency = arm.latency_ms
        asked = arm.n_test * arm.seeds
        before = arm.validation_score if validated else arm.dev_score
        free = (
            Cell(text=score(arm.free_score), value=known(arm.free_score)),
            Cell(
                text=f"{score(arm.format_share)} {interval(arm.format_interval)}".strip(),
                value=known(arm.format_share),
            ),
        )
        cells = (
            Cell(text=name),
            Cell(text=arm.family),
            *precision,
            Cell(text=count(arm.budget) if arm.budget else DASH, value=arm.budget),
            Cell(text=score(arm.score), value=known(arm.score)),
            Cell(text=seconds(arm.fit_seconds) if arm.fit_seconds else DASH, value=known(arm.fit_seconds)),
            Cell(text=count(tokens) if tokens else DASH, value=tokens),
            Cell(
                text=f"{milliseconds(latency.p50)} / {milliseconds(latency.p95)}" if latency else DASH,
                value=known(latency.p50) if latency else None,
            ),
            Cell(text=memory(arm.peak_memory_mb), value=known(arm.peak_memory_mb)),
            Cell(text=count(arm.seeds), value=arm.seeds),
            Cell(text=score(before), value=known(before)),
            Cell(text=score(arm.lenient_score), value=known(arm.lenient_score)),
            Cell(text=count(used), value=used),
            Cell(text=f"{arm.missing:,} of {asked:,}" if arm.missing else "0", value=arm.missing),
            Cell(text=count(arm.configurations_tried), value=arm.configurations_tried),
            Cell(text=about(arm.token_passes) if arm.token_passes else DASH, value=known(arm.token_passes)),
            *(free if beside else ()),
        )
        rows.append(
            TableRow(
                name=name,
                family=arm.family,
                recommended=arm.arm == verdict.recommended,
                nominated=arm.arm in sent,
                cells=cells,
                bar=bar(arm, scale),
                interval=interval(arm.interval),
            )
        )
    common = [VALIDATION if validated and column.heading == "Dev" else column for column in COLUMNS]
    columns = (*common[:2], *((PRECISION,) if precise else ()), *common[2:], *(FREE if beside else ()))
    idle = _idle(verdict, records)
    kept = [place for place, column in enumerate(columns) if column.heading not in idle]
    rows = [replace(row, cells=tuple(row.cells[place] for place in kept)) for row in rows]
    return tuple(columns[place] for place in kept), rows, scale


def _idle(verdict: Verdict, records: Sequence[TrialRecord]) -> set[str]:
    """Return the headings of columns that would add nothing: none missing, none read anew, all labels looked at."""
    lost = any(arm.missing for arm in verdict.arms)
    read_anew = any(abs((arm.lenient_score or 0.0) - (arm.score or 0.0)) >= 0.005 for arm in verdict.arms)
    other = any(labels_used(arm, records) not in (None, arm.budget) for arm in verdict.arms)
    return {heading for heading, told in ((MISSING, lost), (LENIENT, read_anew), (USED, other)) if not told}
