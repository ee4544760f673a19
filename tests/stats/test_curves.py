"""Learning curves: crossings and advantages."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from math import inf, isfinite, isinf, nan
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import DataError, OptionError
from crossover.records import Interval
from crossover.stats import CurveEstimate, CurveRow, crossover_point, data_advantage

BENCH_DATA = os.environ.get("CROSSOVER_BENCH_DATA")


def _rows(curves: dict[str, dict[int, float]], seeds: int = 1) -> list[CurveRow]:
    return [
        CurveRow(labels, method, seed, score + 0.01 * (seed - (seeds - 1) / 2))
        for method, points in curves.items()
        for labels, score in points.items()
        for seed in range(seeds)
    ]


def test_a_crossing_between_two_budgets() -> None:
    rows = _rows({"lora": {8: 0.4, 32: 0.6}, "few-shot": {8: 0.5, 32: 0.5}}, seeds=3)
    found = crossover_point(rows, of="lora", over="few-shot")
    assert found.bound == "exact"
    assert found.labels is not None
    assert found.labels == pytest.approx((9 * 33) ** 0.5 - 1)
    assert found.interval is not None
    assert found.labels is not None
    assert found.interval.low < found.labels < found.interval.high


def test_the_last_crossing_counts() -> None:
    rows = _rows({"lora": {4: 0.6, 16: 0.4, 64: 0.8}, "few-shot": {4: 0.5, 16: 0.5, 64: 0.5}})
    found = crossover_point(rows, of="lora", over="few-shot")
    assert found.labels is not None
    assert 16 < found.labels < 64


@pytest.mark.parametrize(
    ("weights", "bound", "labels"),
    [
        ({8: 0.6, 32: 0.7}, "at_most", 8.0),
        ({8: 0.3, 32: 0.45}, "at_least", 32.0),
        ({8: 0.4, 32: 0.3}, "never", None),
        ({32: 0.3}, "at_least", 32.0),
        ({64: 0.9}, "never", None),
    ],
)
def test_bounds(weights: dict[int, float], bound: str, labels: float | None) -> None:
    found = crossover_point(_rows({"lora": weights, "few-shot": {8: 0.5, 32: 0.5}}), of="lora", over="few-shot")
    assert (found.bound, found.labels, found.interval) == (bound, labels, None)


def test_plain_tuples_are_rows_and_their_order_does_not_matter() -> None:
    rows = _rows({"lora": {8: 0.4, 32: 0.6}, "few-shot": {8: 0.5, 32: 0.5}}, seeds=3)
    plain = [tuple(row)[:4] for row in reversed(rows)]
    assert crossover_point(plain, of="lora", over="few-shot") == crossover_point(rows, of="lora", over="few-shot")  # type: ignore[arg-type]


def test_an_interval_may_be_open_above() -> None:
    rows = _rows({"lora": {8: 0.3, 32: 0.51}, "few-shot": {8: 0.5, 32: 0.5}})
    generator = np.random.default_rng(0)
    rows = [row._replace(by_example=(generator.random(60) < row.score).astype(float)) for row in rows]
    found = crossover_point(rows, of="lora", over="few-shot")
    assert found.interval is not None
    assert isinf(found.interval.high)


def test_more_examples_narrow_the_interval() -> None:
    widths = []
    for n in (100, 4000):
        generator = np.random.default_rng(1)
        rows = _rows({"lora": {8: 0.4, 32: 0.7}, "few-shot": {8: 0.5, 32: 0.5}})
        rows = [row._replace(by_example=(generator.random(n) < row.score).astype(float)) for row in rows]
        found = crossover_point(rows, of="lora", over="few-shot").interval
        assert found is not None
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 3


def test_curves_without_a_common_score() -> None:
    rows = _rows({"prompt": {10: 0.8, 20: 0.9}, "head": {10: 0.4, 20: 0.5}})
    found = data_advantage(rows, of="prompt", over="head")
    assert (found.labels, found.bound, found.interval, found.common_scores) == (None, "never", None, None)


def test_one_common_score_is_a_defined_answer() -> None:
    """Two single points at the same height: 40 labels lie between them."""
    rows = _rows({"prompt": {10: 0.8}, "head": {50: 0.8}})
    assert data_advantage(rows, of="prompt", over="head").labels == pytest.approx(40)
    touching = _rows({"prompt": {10: 0.8, 20: 0.9}, "head": {10: 0.5, 60: 0.8}})
    assert data_advantage(touching, of="prompt", over="head").labels == pytest.approx(50)
    assert data_advantage(_rows({"prompt": {10: 0.7}, "head": {50: 0.8}}), of="prompt", over="head").bound == "never"


@pytest.mark.parametrize("read", [crossover_point, data_advantage])
@pytest.mark.parametrize("rows", [[], [(8, "lora", 0, 0.5), (8, "few-shot", 0, 0.4)]])
def test_an_unknown_method_is_named_with_those_there_are(
    read: Callable[..., CurveEstimate], rows: list[tuple[int, str, int, float]]
) -> None:
    with pytest.raises(OptionError) as caught:
        read(rows, of="loar", over="few-shot")
    assert caught.value.message == "of='loar' is no method of these rows."
    assert caught.value.details == (
        ("methods: few-shot, lora", "did you mean of='lora'?") if rows else ("methods: none",)
    )


@pytest.mark.parametrize("read", [crossover_point, data_advantage])
def test_a_curve_has_no_point_where_it_crosses_itself(read: Callable[..., CurveEstimate]) -> None:
    with pytest.raises(OptionError, match="of and over are both 'lora'"):
        read([(8, "lora", 0, 0.5)], of="lora", over="lora")


@pytest.mark.parametrize("read", [crossover_point, data_advantage])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((8, "lora"), "row 2 is (8, 'lora')."),
        ((8, "lora", 0, None), "row 2 is (8, 'lora', 0, None)."),
        (("many", "lora", 0, 0.5), "row 2 is ('many', 'lora', 0, 0.5)."),
        ((-8, "lora", 0, 0.5), "row 2 has -8 labels."),
        ((float("nan"), "lora", 0, 0.5), "row 2 has nan labels."),
    ],
)
def test_a_row_that_cannot_be_read_is_named(read: Callable[..., CurveEstimate], row: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read([(8, "few-shot", 0, 0.5), row], of="lora", over="few-shot")
    assert caught.value.message == message


@pytest.mark.parametrize("read", [crossover_point, data_advantage])
def test_a_score_that_is_not_known_takes_no_part(read: Callable[..., CurveEstimate]) -> None:
    rows = _rows({"lora": {8: 0.4, 32: 0.6}, "few-shot": {8: 0.5, 32: 0.5}}, seeds=2)
    lost = [CurveRow(16, "lora", 0, nan), CurveRow(32, "few-shot", 7, inf)]
    assert read([*rows, *lost], of="lora", over="few-shot") == read(rows, of="lora", over="few-shot")
    unknown = [row._replace(score=nan) if row.method == "lora" else row for row in rows]
    found = read(unknown, of="lora", over="few-shot")
    assert (found.labels, found.bound, found.interval, found.common_scores) == (None, "never", None, None)


@pytest.mark.parametrize("read", [crossover_point, data_advantage])
def test_one_seed_has_no_interval(read: Callable[..., CurveEstimate]) -> None:
    found = read(_rows({"lora": {8: 0.4, 32: 0.6}, "few-shot": {8: 0.45, 32: 0.5}}), of="lora", over="few-shot")
    assert found.bound == "exact"
    assert found.interval is None


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 64),
            st.sampled_from(["a", "b", "c"]),
            st.integers(0, 3),
            st.floats(0, 1) | st.just(nan),
        ),
        max_size=20,
    )
)
def test_whatever_was_measured_has_an_answer(rows: list[tuple[float, str, int, float]]) -> None:
    rows += [(4, "a", 0, 0.5), (4, "b", 0, 0.25)]
    for read in (crossover_point, data_advantage):
        found = read(rows, of="a", over="b")
        assert (found.labels is None) == (found.bound == "never")
        assert found.labels is None or isfinite(found.labels)
        assert found.interval is None or found.interval.low <= found.interval.high


def test_a_shifted_curve_is_worth_its_shift() -> None:
    shape = {10: 0.4, 20: 0.5, 50: 0.7, 100: 0.8}
    rows = _rows({"prompt": shape, "head": {labels + 30: score for labels, score in shape.items()}})
    found = data_advantage(rows, of="prompt", over="head")
    assert found.labels == pytest.approx(30)
    assert found.common_scores == Interval(low=0.4, high=0.8)
    assert data_advantage(rows, of="head", over="prompt").labels == pytest.approx(-30)


@pytest.mark.skipif(BENCH_DATA is None, reason="CROSSOVER_BENCH_DATA names no folder with learning_curves/")
@pytest.mark.parametrize(("task", "published"), [("mnli", 3506), ("cb", 90), ("copa", 288), ("wsc", 281)])
def test_published_advantages(task: str, published: float) -> None:
    """Le Scao & Rush 2021, table 1: data points that the prompt is worth."""
    with (Path(BENCH_DATA or "") / "learning_curves" / f"{task}.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            CurveRow(int(row["labels"]), row["method"], int(row["seed"]), float(row["score"]))
            for row in csv.DictReader(file)
        ]
    assert data_advantage(rows, of="prompt", over="head").labels == pytest.approx(published, abs=1)


def test_rows_as_others_have_them(tmp_path: Path) -> None:
    rows = _rows({"lora": {8: 0.4, 32: 0.6}, "few-shot": {8: 0.5, 32: 0.5}}, seeds=3)
    file = tmp_path / "curves.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["note", "labels", "method", "seed", "score"])
        writer.writerows(["", row.labels, row.method, row.seed, row.score] for row in rows)
        writer.writerow(["this one failed", 32, "lora", 3, ""])
    with file.open(newline="", encoding="utf-8") as read:
        mappings = list(csv.DictReader(read))
    for read_curve in (crossover_point, data_advantage):
        expected = read_curve(rows, of="lora", over="few-shot")
        assert read_curve(mappings, of="lora", over="few-shot") == expected
        assert read_curve(pl.read_csv(file), of="lora", over="few-shot") == expected  # type: ignore[arg-type]  # a frame

    with pytest.raises(DataError, match="row 2 is") as caught:
        crossover_point([(8, "lora", 0, 0.5), {"labels": 8, "method": "lora"}], of="lora", over="head")
    assert caught.value.details[-1] == "or a mapping with these names"
