"""The crossover chart: score against labels."""

from __future__ import annotations

__all__ = ["crossover_chart"]

import math
from collections.abc import Sequence
from typing import Literal

import altair as alt

from crossover.records import Crossover, TrialRecord, Verdict
from crossover.report.charts import (
    HEIGHT,
    NAME_LIMIT,
    Row,
    SpecJson,
    colour,
    finish,
    name_room,
    rows,
    score_axis,
    shape,
    tip,
    tips,
)
from crossover.report.names import spread
from crossover.report.series import Scale, gather, scale_of, seed_scores
from crossover.report.text import known, one_line, shorten


def crossover_chart(verdict: Verdict, records: Sequence[TrialRecord]) -> SpecJson | None:
    """Return score against labels, or None when no arm has a score.

    The nominated arm's method of each family has a band and a line in the family's colour; the others are grey and take
    their colour when pointed at; baselines are dotted. A method that needs no labels is drawn across the whole width:
    it scores the same whatever is at hand. Small dots are single seeds.
    """
    series = [item for item in gather(verdict) if item.arms]
    if not series:
        return None
    budgets = sorted({arm.budget for arm in verdict.arms})
    last = float(budgets[-1])
    scale = scale_of(arm for item in series for arm in item.arms)
    positive = [budget for budget in budgets if budget > 0]
    x = alt.X(
        "x:Q",
        title="labelled examples",
        scale=alt.Scale(type="symlog", constant=positive[0] if positive else 1, domain=[0, last or 1], nice=False),
        axis=alt.Axis(values=budgets, grid=False, format=",d", labelOverlap="greedy", labelFlush=False),
    )
    y = score_axis(scale, f"{one_line(verdict.task.metric)} on {verdict.task.n_test:,} test rows")

    lines: list[Row] = []
    means: list[Row] = []
    dots: list[Row] = []
    for item in series:
        across = last > 0 and len(item.arms) == 1 and item.arms[0].budget == 0
        for arm in item.arms:
            bounds = (known(arm.interval.low), known(arm.interval.high)) if arm.interval else (None, None)
            base = tip(item, arm) | {"x": arm.budget, "y": arm.score, "lo": bounds[0], "hi": bounds[1]}
            base["kind"] = item.family if item.family == "baseline" else ("lead" if item.nominated else "other")
            means.append(base)
            lines.append(base)
            if across:
                lines.append(base | {"x": last})
            dots.extend(base | {"y": value, "seeds": f"seed {seed}"} for seed, value in seed_scores(arm, records))
    leads = [row for row in lines if row["kind"] == "lead" and row["lo"] is not None and row["hi"] is not None]

    hover = alt.selection_point(name="hover", fields=["method"], on="pointerover", clear="pointerout", empty=False)
    pointed = alt.condition(hover, colour, alt.value("var(--other)"))
    bold = alt.condition(hover, alt.value(2.5), alt.value(1.2))

    def where(kind: str, values: list[Row]) -> alt.Chart:
        return alt.Chart(rows([row for row in values if row["kind"] == kind])).encode(x=x, y=y, detail="method:N")

    layers: list[alt.Chart] = crossing_layers(verdict.crossover, last)
    layers += [
        alt.Chart(rows(leads))
        .mark_area(opacity=0.14)
        .encode(x=x, y=alt.Y("lo:Q"), y2="hi:Q", color=colour, detail="method:N"),
        alt.Chart(rows(leads))
        .mark_rule(opacity=0.5, strokeWidth=3)
        .encode(x=x, y=alt.Y("lo:Q"), y2="hi:Q", color=colour),
        where("baseline", lines).mark_line(strokeDash=[2, 3], strokeWidth=1.5, color="var(--baseline)"),
        where("other", lines).mark_line().encode(color=pointed, strokeWidth=bold),
        where("lead", lines).mark_line(strokeWidth=2.5).encode(color=colour),
        alt.Chart(rows([row for row in dots if row["kind"] == "lead"]))
        .mark_circle(size=14, opacity=0.75)
        .encode(x=x, y=y, color=colour, tooltip=tips),
        where("baseline", means)
        .mark_point(filled=True, size=30, color="var(--baseline)", opacity=1)
        .encode(shape=shape, tooltip=tips),
        where("other", means)
        .mark_point(filled=True, size=40, opacity=1)
        .encode(color=pointed, shape=shape, tooltip=tips)
        .add_params(hover),
        where("lead", means)
        .mark_point(filled=True, size=75, opacity=1)
        .encode(color=colour, shape=shape, tooltip=tips),
    ]
    names, room = name_layers(lines, last, scale)
    description = (
        "Score against the number of labelled examples, one line a method. The table below has the same numbers."
    )
    return finish(
        layers + names,
        description,
        room=60 + room,
        narrow={"drop": ["other names"], "move": {}, "limit": {"lead names": 104}},
    )


def crossing_layers(crossover: Crossover | None, last: float) -> list[alt.Chart]:
    """Return the band and the rule that mark the crossover; nothing when there is none."""
    labels = known(crossover.labels) if crossover is not None else None
    if crossover is None or labels is None or crossover.bound == "never":
        return []
    at = min(max(labels, 0.0), last)
    words = {"exact": "crossover: about", "at_most": "crossover: at most", "at_least": "crossover: at least"}
    text = f"{words.get(crossover.bound, 'crossover')} {labels:,.0f}"
    marks: list[alt.Chart] = []
    if crossover.interval is not None and not math.isnan(crossover.interval.low + crossover.interval.high):
        low, high = (min(max(end, 0.0), last) for end in (crossover.interval.low, crossover.interval.high))
        marks.append(
            alt.Chart(rows([{"x": low, "x2": high}]))
            .mark_rect(color="var(--mark)", opacity=0.08)
            .encode(x="x:Q", x2="x2:Q")
        )
    here = rows([{"x": at, "text": text}])
    side: Literal["left", "right"] = "right" if at > last / 2 else "left"
    dash = [] if crossover.bound == "exact" else [4, 3]  # only on one side of it is anything known
    marks.append(alt.Chart(here).mark_rule(color="var(--mark)", strokeWidth=1.2, strokeDash=dash).encode(x="x:Q"))
    marks.append(
        alt.Chart(here)
        .mark_text(color="var(--text)", align=side, dx=-4 if side == "right" else 4, dy=-10, fontSize=12)
        .encode(x="x:Q", y=alt.value(0), text="text:N")
    )
    return marks


def name_layers(lines: Sequence[Row], last: float, scale: Scale) -> tuple[list[alt.Chart], float]:
    """Return the names at the line ends, moved apart, and the pixels that they take right of the plot."""
    ends: dict[str, Row] = {}
    for row in lines:
        ends[str(row["method"])] = row
    edge = [row for row in ends.values() if row["x"] == last]
    inside = [row for row in ends.values() if row["x"] != last]
    heights = spread([HEIGHT * (1 - scale.share(float(row["y"] or 0))) for row in edge], gap=15, low=4, high=HEIGHT - 4)
    placed: list[Row] = [
        {
            "name": shorten(str(row["method"]), NAME_LIMIT),
            "y": scale.high - height / HEIGHT * (scale.high - scale.low),
            "x": last,
            "family": row["family"],
            "kind": row["kind"],
        }
        for row, height in zip(edge, heights, strict=True)
    ]
    leads = [row for row in placed if row["kind"] == "lead"]
    others = [row for row in placed if row["kind"] != "lead"]

    def text(values: Sequence[Row], name: str) -> alt.Chart:
        chart: alt.Chart = alt.Chart(rows(values), name=name).mark_text(align="left", dx=10, fontSize=12)
        return chart.encode(x="x:Q", y="y:Q", text="name:N")

    layers = []
    if leads:
        layers.append(text(leads, "lead names").encode(color=colour))
    if others:
        layers.append(text(others, "other names").encode(color=alt.value("var(--muted)")))
    if inside:
        near: list[Row] = [row | {"name": shorten(str(row["method"]), NAME_LIMIT)} for row in inside]
        layers.append(
            alt.Chart(rows(near), name="inner names")
            .mark_text(align="left", dx=8, dy=-8, fontSize=12)
            .encode(x="x:Q", y="y:Q", text="name:N", color=alt.value("var(--muted)"))
        )
    return layers, name_room([str(row["name"]) for row in placed])
