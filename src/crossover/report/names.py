"""Where names stand in a chart so that they do not cover one another."""

from __future__ import annotations

__all__ = ["Box", "beside", "spread"]

from collections.abc import Sequence
from dataclasses import dataclass

COVERED = 0.02
"""Share of a name that may lie on other things, where the name can be done without."""


def spread(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Return heights near the wanted ones, in the same order from top to bottom, at least `gap` apart where they fit.

    Neighbours that would overlap are put into one block around the mean of their wishes, until no blocks overlap.

    >>> spread([10, 12, 80], gap=10, low=0, high=100)
    [6.0, 16.0, 80.0]
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    gap = min(gap, (high - low) / max(1, len(wanted) - 1))
    blocks: list[list[int]] = []

    def top(block: list[int]) -> float:
        length = gap * (len(block) - 1)
        middle = sum(wanted[index] for index in block) / len(block)
        return min(max(middle - length / 2, low), high - length)

    for index in order:
        block = [index]
        while blocks and top(block) < top(blocks[-1]) + gap * len(blocks[-1]):
            block = blocks.pop() + block
        blocks.append(block)
    heights = [0.0] * len(wanted)
    for block in blocks:
        for place, index in enumerate(block):
            heights[index] = top(block) + gap * place
    return heights


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels, y downwards."""

    left: float
    right: float
    top: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Return the area that two boxes share."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)


def beside(
    points: Sequence[tuple[float, float]],
    widths: Sequence[float],
    *,
    width: float,
    height: float,
    obstacles: Sequence[Box] = (),
    needed: int | None = None,
) -> list[tuple[float, float] | None]:
    """Return for each point where its name goes: right, left, above or below, the first that is least covered.

    A name that can be done without gets no place where more than a trace of it would lie on other things.

    Args:
        points: (x, y) in pixels inside a plot of `width` × `height`; the first ones choose first.
        widths: each name's width in pixels; a name is 14 high.
        obstacles: other things that names shall not cover.
        needed: how many of the first names cannot be done without; all of them, unless said.
    """
    # Near another's mark a name would be taken for that one's.
    marks = [Box(left=x - 9, right=x + 9, top=y - 8, bottom=y + 8) for x, y in points]
    taken = list(obstacles)
    found: list[tuple[float, float] | None] = []
    for index, ((x, y), wide) in enumerate(zip(points, widths, strict=True)):
        others = taken + marks[:index] + marks[index + 1 :]
        best: tuple[float, float, float, Box] | None = None
        aside, corner = wide / 2 + 9, wide / 2 + 3
        for dx, dy in (
            (aside, 0),
            (-aside, 0),
            (0, -15),
            (corner, -12),
            (-corner, -12),
            (0, 15),
            (corner, 12),
            (-corner, 12),
        ):
            box = Box(left=x + dx - wide / 2, right=x + dx + wide / 2, top=y + dy - 7, bottom=y + dy + 7)
            outside = (
                max(0.0, -box.left) + max(0.0, box.right - width) + max(0.0, -box.top) + max(0.0, box.bottom - height)
            )
            cost = sum(box.overlap(other) for other in others) + 20 * outside
            if best is None or cost < best[0]:
                best = (cost, dx, dy, box)
        assert best is not None
        if needed is None or index < needed or best[0] < COVERED * 14 * wide:
            taken.append(best[3])
            found.append((best[1], best[2]))
        else:
            found.append(None)
    return found
