"""What a judge said, a line an arm."""

from __future__ import annotations

__all__ = ["judged_text"]

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from crossover.report.text import one_line, score

STEADY = 0.6
"""Below this share of rows on which both orders say the same, a judge tells little: a coin says the same on half."""


def judged_text(judged: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return a table of arms: how often each is preferred to the reference, and how far the judge can be trusted.

    Args:
        judged: `Judged` records as plain values.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for heading in ("arm", "preferred", "95% interval", "judged", "both orders agree"):
        table.add_column(heading, no_wrap=True)
    for one in judged:
        bounds = one["interval"]
        between = "" if bounds is None else f"[{score(bounds['low'])}, {score(bounds['high'])}]"
        rows = f"{one['judged']:,} of {one['judged'] + sum(one['errors'].values()):,}"
        table.add_row(*map(Text, (one_line(one["arm"]), score(one["share"]), between, rows, score(one["agreement"]))))
    name = one_line(judged[0]["judge"]) if judged else "the judge"
    lines: list[RenderableType] = [
        Text(f"How often {name} prefers an arm's answer to the reference answer; .50 is as good."),
        "",
        Padding(table, (0, 0, 0, 2)),
    ]
    for one in judged:
        for reason, count in one["errors"].items():
            rows = f"{count:,} {'row' if count == 1 else 'rows'} not judged"
            lines.append(Text(f"  {one_line(one['arm'])}: {rows}: {one_line(reason)}", style="dim"))
    if any(one["agreement"] is not None and one["agreement"] < STEADY for one in judged):
        lines += ["", Text(f"{name} contradicts itself once the order is turned round: take a larger judge.")]
    return Group(*lines)
