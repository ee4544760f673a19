"""What the report's charts share: their look, their size, and the script that draws them.

A chart is a Vega-Lite specification made with Altair; its colours are the page's own CSS variables, so it follows the
page into the dark. Importing Altair takes half a second.
"""

from __future__ import annotations

__all__ = [
    "HEIGHT",
    "NAME_LIMIT",
    "STILL_WIDTH",
    "Row",
    "SpecJson",
    "colour",
    "finish",
    "library",
    "name_room",
    "rows",
    "score_axis",
    "shape",
    "still",
    "tip",
    "tips",
]

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache
from typing import Any, TypeAlias

import altair as alt
import vl_convert

from crossover.records import Arm
from crossover.report.series import Scale, Series
from crossover.report.text import DASH, interval, score

SpecJson: TypeAlias = dict[str, Any]
"""A Vega-Lite specification as Altair gives it: JSON objects, nested, of no narrower type."""
Row: TypeAlias = dict[str, str | float | None]

HEIGHT = 340
STILL_WIDTH = 900
NAME_LIMIT = 34
"""Characters of a method's name in a chart."""
FAMILIES = ["prompt", "weights", "both", "baseline"]
COLOURS = [f"var(--{family})" for family in FAMILIES]
SHAPES = ["circle", "square", "diamond", "triangle-up"]
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"
SCORE_LABEL = "datum.value >= 1 ? '1.0' : slice(format(datum.value, '.1f'), 1)"

colour = alt.Color("family:N", scale=alt.Scale(domain=FAMILIES, range=COLOURS), legend=None)
shape = alt.Shape("family:N", scale=alt.Scale(domain=FAMILIES, range=SHAPES), legend=None)
tips = [alt.Tooltip(f"{name}:N", title=name) for name in ("method", "labels", "score", "interval", "seeds")]


@cache
def library() -> str:
    """Return the JavaScript of Vega, Vega-Lite and vega-embed, which sets `window.vegaEmbed`. About 900 kB."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def still(spec: SpecJson) -> str:
    """Return the chart as SVG, for readers whose browser runs no scripts."""
    fixed = deepcopy(spec)
    fixed["width"] = STILL_WIDTH - spec["usermeta"]["room"]
    svg: str = vl_convert.vegalite_to_svg(fixed)
    return svg


def finish(layers: Sequence[alt.Chart], description: str, *, room: float, narrow: Mapping[str, Any]) -> SpecJson:
    """Return layers as one specification.

    Args:
        description: what the chart shows, for those who do not see it.
        room: pixels that axes and names take beside the plot.
        narrow: what the page's script changes on a narrow screen, JSON: `drop`, names of layers that are left out;
            `move`, name of a layer -> [dx, dy] of its text; `limit`, name of a layer -> pixels of its longest text.
    """
    chart: alt.LayerChart = (
        alt.layer(*layers)
        .properties(
            width="container",
            height=HEIGHT,
            description=description,
            background="transparent",
            padding={"left": 4, "right": 4, "top": 22, "bottom": 4},
            usermeta={"narrow": dict(narrow), "room": room},
        )
        .configure(font=FONT, aria=False)
        .configure_axis(
            labelColor="var(--muted)",
            titleColor="var(--muted)",
            gridColor="var(--grid)",
            tickColor="var(--grid)",
            domain=False,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=10,
        )
        .configure_view(stroke=None)
    )
    spec: SpecJson = chart.to_dict()
    return spec


def rows(values: Sequence[Row]) -> alt.Data:
    """Return rows as a chart's data."""
    return alt.Data(values=[dict(value) for value in values])


def score_axis(scale: Scale, title: str) -> alt.Y:
    """Return the upright axis for scores, labelled .1, .2, … as in the tables."""
    return alt.Y(
        "y:Q",
        title=title,
        scale=alt.Scale(domain=[scale.low, scale.high], nice=False, zero=False),
        axis=alt.Axis(labelExpr=SCORE_LABEL, tickCount=round((scale.high - scale.low) * 10), grid=True),
    )


def tip(series: Series, arm: Arm) -> Row:
    """Return what a chart tells of an arm when it is pointed at, and its family."""
    return {
        "method": series.name,
        "family": series.family,
        "labels": f"{arm.budget:,}" if arm.budget else DASH,
        "score": score(arm.score),
        "interval": interval(arm.interval) or DASH,
        "seeds": str(arm.seeds),
    }


def name_room(names: Sequence[str]) -> float:
    """Return the pixels that the longest of some 12-pixel names takes, with a little air."""
    return 16 + 6.6 * max(map(len, names), default=0)
