"""The second chart: quality against what a call costs, and the arms that no other beats on both."""

from __future__ import annotations

__all__ = ["Cost", "cost_chart", "costs", "front"]

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import altair as alt

from crossover.records import Arm, Verdict
from crossover.report.charts import (
    HEIGHT,
    NAME_LIMIT,
    STILL_WIDTH,
    Row,
    SpecJson,
    colour,
    finish,
    rows,
    score_axis,
    shape,
    tip,
    tips,
)
from crossover.report.names import Box, beside
from crossover.report.series import Series, gather, scale_of
from crossover.report.text import count, known, milliseconds, one_line, shorten

NARROW_WIDTH = 300
NARROW_NAME = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One point of the chart: an arm, what a call of it costs, and its score."""

    series: Series
    arm: Arm
    cost: float
    score: float


def costs(verdict: Verdict) -> tuple[list[Cost], str]:
    """Return each method's arm at its largest budget with the cost of a call, and the unit of the cost.

    The unit is "ms a call" when every such arm of a model was timed and at least two arms were; else "tokens a call".
    Arms without that cost are left out.
    """
    last = [(item, item.arms[-1]) for item in gather(verdict) if item.arms]
    timed = [known(arm.latency_ms.p50) if arm.latency_ms else None for _, arm in last]
    untimed_model = any(time is None and item.family != "baseline" for time, (item, _) in zip(timed, last, strict=True))
    in_time = not untimed_model and sum(time is not None for time in timed) >= 2
    found = []
    for time, (item, arm) in zip(timed, last, strict=True):
        cost = time if in_time else known(arm.prompt_tokens + arm.output_tokens)
        value = known(arm.score)
        if cost is not None and value is not None and (in_time or cost > 0):
            found.append(Cost(series=item, arm=arm, cost=max(cost, 0.01), score=value))
    return found, "ms a call" if in_time else "tokens a call"


def front(points: Sequence[Cost]) -> list[Cost]:
    """Return the points that no other beats on both cost and score, cheapest first."""
    best: list[Cost] = []
    for point in sorted(points, key=lambda point: (point.cost, -point.score)):
        if not best or point.score > best[-1].score:
            best.append(point)
    return best


def steps(corners: Sequence[tuple[float, float]]) -> list[Box]:
    """Return the front's line as thin boxes: from each point to the right, then up to the next."""
    found = []
    for (x, y), (next_x, next_y) in pairwise(corners):
        found.append(Box(left=x, right=next_x, top=y - 2, bottom=y + 2))
        found.append(Box(left=next_x - 2, right=next_x + 2, top=next_y, bottom=y))
    return found


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two positive ones for a logarithmic axis: 1, 2, 5 a decade, or only 1 over many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    found = [step * 10.0**decade for decade in range(first, last + 1) for step in steps]
    return [round(value, 6) for value in found if low <= value <= high]


def cost_chart(verdict: Verdict) -> SpecJson | None:
    """Return score against the cost of a call, or None when fewer than two arms have both."""
    points, unit = costs(verdict)
    if len(points) < 2:
        return None
    low, high = min(point.cost for point in points) / 1.6, max(point.cost for point in points) * 1.6
    scale = scale_of(point.arm for point in points)
    x = alt.X(
        "x:Q",
        title=f"{unit} (one call at a time)" if unit == "ms a call" else unit,
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=alt.Axis(values=ticks(low, high), grid=False, format=",~g"),
    )
    y = score_axis(scale, f"{one_line(verdict.task.metric)} on {verdict.task.n_test:,} test rows")
    best = front(points)
    # Those that matter come first, and so do their names.
    front_row = [point for point in points if point in best or point.series.nominated]
    points = [*front_row, *(point for point in points if point not in front_row)]
    everything, leading = range(len(points)), range(len(front_row))
    names = [shorten(point.series.name, NAME_LIMIT) for point in points]

    def offsets(shown: Sequence[int], width: float, longest: float) -> list[tuple[float, float] | None]:
        def pixels(point: Cost) -> tuple[float, float]:
            across = math.log(point.cost / low) / math.log(high / low)
            return across * width, HEIGHT * (1 - scale.share(point.score))

        return beside(
            [pixels(points[index]) for index in shown],
            [min(longest, 6.8 * len(names[index])) for index in shown],
            width=width,
            height=HEIGHT,
            obstacles=steps([pixels(point) for point in best]),
            needed=len(leading),
        )

    # The others go without a name where it would lie on another's: pointing at them tells it.
    places = {at: place for at, place in enumerate(offsets(everything, STILL_WIDTH - 60, math.inf)) if place}
    places_narrow = zip(leading, offsets(leading, NARROW_WIDTH, NARROW_NAME), strict=True)
    marks: list[Row] = []
    for point in reversed(points):  # the first ones are drawn last and lie on top
        cost = f"{milliseconds(point.cost)} ms" if unit == "ms a call" else f"{count(point.cost)} tokens"
        marks.append(tip(point.series, point.arm) | {"x": point.cost, "y": point.score, "a call": cost})
    tooltips = [*tips, alt.Tooltip("a call:N", title="a call")]
    layers = [
        alt.Chart(rows([{"x": point.cost, "y": point.score} for point in best]))
        .mark_line(interpolate="step-after", color="var(--other)", strokeWidth=1.2)
        .encode(x=x, y=y),
        alt.Chart(rows(marks))
        .mark_point(filled=True, size=80, opacity=1)
        .encode(x=x, y=y, color=colour, shape=shape, tooltip=tooltips),
    ]
    for index, (dx, dy) in places.items():
        point, name = points[index], names[index]
        # Each name is its own layer, since Vega-Lite takes offsets of text from a layer and not from the data.
        layers.append(
            alt.Chart(rows([{"x": point.cost, "y": point.score, "name": name}]), name=f"name {index}")
            .mark_text(dx=dx, dy=dy, fontSize=12, align="center", baseline="middle")
            .encode(
                x="x:Q", y="y:Q", text="name:N", color=alt.value("var(--text)" if index in leading else "var(--muted)")
            )
        )
    narrow: dict[str, Any] = {
        "drop": [f"name {index}" for index in places if index not in leading],
        "move": {f"name {index}": place for index, place in places_narrow},
        "limit": {f"name {index}": NARROW_NAME for index in leading},
    }
    spec = finish(layers, f"Score against {unit}. The table below has the same numbers.", room=60, narrow=narrow)
    spec["usermeta"]["unnamed"] = len(points) - len(places)
    return spec
