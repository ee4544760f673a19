"""The table of aspects on the terminal, in Markdown and on the page: prompt, weights and both side by side."""

from __future__ import annotations

__all__ = ["AspectColumn", "AspectRow", "aspect_columns", "aspect_rows", "aspects_text"]

from dataclasses import dataclass

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from crossover.records import Family
from crossover.report.palette import FAMILY_COLOURS
from crossover.report.text import one_line, shorten
from crossover.verdict import COLUMNS, Aspects

LINE_LENGTH = 240
"""Characters of one line of a cell: labels and file names may be long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectColumn:
    """A family, and the arm that it nominated, in words."""

    family: Family
    arm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectRow:
    """An aspect: for each column the lines of its cell, each safe to show as text."""

    name: str
    cells: tuple[tuple[str, ...], ...]


def aspect_columns(table: Aspects) -> list[AspectColumn]:
    """Return the three columns."""
    return [
        AspectColumn(family=family, arm="" if arm is None else shorten(one_line(arm.method), 60))
        for family, arm in zip(COLUMNS, table.arms, strict=True)
    ]


def aspect_rows(table: Aspects) -> list[AspectRow]:
    """Return the rows; nothing where no family was nominated."""
    if all(arm is None for arm in table.arms):
        return []
    return [
        AspectRow(
            name=row.name,
            cells=tuple(tuple(shorten(one_line(line), LINE_LENGTH) for line in cell) for cell in row.cells),
        )
        for row in table.rows
    ]


def aspects_text(table: Aspects) -> RenderableType:
    """Return the table for the terminal; columns of families that took no part are left out."""
    rows = aspect_rows(table)
    if not rows:
        return Text("No family has a measured arm, so there are no aspects to show.", style="dim")
    shown = [place for place, arm in enumerate(table.arms) if arm is not None]
    columns = aspect_columns(table)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=False)
    grid.add_column("aspect", min_width=9, overflow="fold", style="dim")
    for place in shown:
        family = columns[place].family
        grid.add_column(Text(family, style=FAMILY_COLOURS[family]), ratio=1, overflow="fold")
    for row in rows:
        grid.add_row(Text(row.name), *(Text("\n".join(row.cells[place])) for place in shown))
    return Padding(grid, (0, 0, 0, 2))
