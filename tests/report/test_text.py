from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.records import Interval
from crossover.report import text
from crossover.report.names import Box, beside, spread


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0.0, "<0.1 s"),
        (0.12, "0.1 s"),
        (2.4, "2 s"),
        (58.0, "58 s"),
        (99.6, "1 min 40 s"),
        (270.0, "4 min 30 s"),
        (3599.7, "1 h 00 min"),
        (7500.0, "2 h 05 min"),
        (float("nan"), "–"),
    ],
)
def test_seconds(value: float | None, shown: str) -> None:
    assert text.seconds(value) == shown


def test_scores_and_intervals() -> None:
    assert [text.score(value) for value in (0.0, 0.784, 1.0, 0.999, None)] == [".00", ".78", "1.00", "1.00", "–"]
    assert text.interval(Interval(low=0.715, high=1.0)) == "[.71, 1.00]"
    assert text.interval(None) == ""


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "<0.1"), (0.12, "0.1"), (3.21, "3.2"), (31.4, "31"), (1240.0, "1,240"), (None, "–")]
)
def test_milliseconds(value: float | None, shown: str) -> None:
    assert text.milliseconds(value) == shown


def test_memory() -> None:
    assert [text.memory(value) for value in (812.0, 3482.0, None)] == ["812 MiB", "3.4 GiB", "–"]


@given(st.text())
def test_clean_text_can_be_encoded_and_controls_nothing(value: str) -> None:
    cleaned = text.clean(value)
    cleaned.encode()
    assert not set(cleaned) & (set(map(chr, range(32))) - {"\n", "\t"})
    assert "\n" not in text.one_line(value)
    assert len(text.shorten(cleaned, 10)) <= 10


@given(st.lists(st.floats(0, 340), max_size=20))
def test_names_at_line_ends_keep_their_order_and_their_distance(wanted: list[float]) -> None:
    found = spread(wanted, gap=15, low=0, high=340)
    assert all(-1e-6 <= height <= 340 + 1e-6 for height in found)
    placed = sorted(zip(found, wanted, strict=True))
    assert [height for _, height in placed] == sorted(wanted)
    assert all(below[0] - above[0] >= 15 - 1e-6 for above, below in pairwise(placed))


def test_a_name_goes_where_nothing_is() -> None:
    assert beside([(100, 100)], [50], width=300, height=300) == [(34.0, 0)]
    wall = Box(left=104, right=300, top=0, bottom=300)
    for found in (
        beside([(100, 100)], [50], width=300, height=300, obstacles=[wall]),
        beside([(290, 100)], [50], width=300, height=300),
    ):
        assert found[0] is not None
        assert found[0][0] < 0


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300)), max_size=15), st.integers(0, 15))
def test_names_that_can_be_done_without_cover_nothing(points: list[tuple[float, float]], needed: int) -> None:
    widths = [60.0] * len(points)
    found = beside(points, widths, width=300, height=300, needed=needed)
    assert all(place is not None for place in found[:needed])
    boxes = [
        None
        if place is None
        else Box(left=x + place[0] - 30, right=x + place[0] + 30, top=y + place[1] - 7, bottom=y + place[1] + 7)
        for (x, y), place in zip(points, found, strict=True)
    ]
    for index in range(needed, len(points)):
        box = boxes[index]
        if box is not None:
            assert sum(box.overlap(other) for other in boxes[:index] if other is not None) <= 0.02 * 14 * 60
