"""A reliability curve as a small drawing."""

from __future__ import annotations

__all__ = ["HEIGHT", "WIDTH", "Drawing", "Point", "drawing"]

from dataclasses import dataclass

from crossover.report.text import score
from crossover.verdict.diff import Calibration

WIDTH, HEIGHT = 200, 170
LEFT, RIGHT, TOP, BOTTOM = 30, 8, 8, 24
LOWEST = 0.5
"""Of the two best answers the better one has at least half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One bin in pixels: its place, the ends of its interval, and a radius that grows with its answers."""

    x: float
    y: float
    top: float
    bottom: float
    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A reliability curve.

    Attributes:
        points: the bins.
        error, by_chance: the expected calibration error, and about what perfect calibration would show.
        said: the curve in words.
    """

    points: tuple[Point, ...]
    error: str
    by_chance: str
    said: str


def across(confidence: float) -> float:
    """Return the pixel of a confidence."""
    share = min(1.0, max(0.0, (confidence - LOWEST) / (1 - LOWEST)))
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def down(value: float) -> float:
    """Return the pixel of a score."""
    return round(TOP + (1 - value) * (HEIGHT - TOP - BOTTOM), 1)


def drawing(found: Calibration) -> Drawing:
    """Return what the page draws of a reliability curve."""
    points = tuple(
        Point(
            x=across(one.confidence),
            y=down(one.score),
            top=down(one.interval.high),
            bottom=down(one.interval.low),
            radius=round(2 + 4 * (one.n / found.n) ** 0.5, 1),
        )
        for one in found.bins
    )
    said = ", ".join(f"{score(one.confidence)} said, {score(one.score)} right" for one in found.bins)
    return Drawing(points=points, error=score(found.error), by_chance=score(found.by_chance), said=said)
