"""Every registered metric keeps the contract, and the suite goes red on one that does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, final

import pytest

from crossover.metrics import Metric, metric_names
from crossover.metrics.conformance import check
from crossover.metrics.registry import get_metric
from crossover.records import Kind, TaskSpec


@pytest.mark.parametrize("name", metric_names())
def test_registered_metrics_conform(name: str) -> None:
    check(get_metric(name))


@final
class Exact(Metric):
    name: ClassVar[str] = "exact"
    kinds: ClassVar[tuple[Kind, ...]] = ("qa",)

    def __init__(self, broken: str = "") -> None:
        self.broken = broken
        self.calls = 0

    def score(self, answer: str, target: str, spec: TaskSpec) -> float:
        self.calls += 1
        if self.broken == "range":
            return 2.0 if answer == target else 0.0
        if self.broken == "raises":
            return float(len(answer.encode()) >= 0 and answer == target)
        if self.broken == "memory":
            return float(answer == target or self.calls % 7 == 0)
        if self.broken == "empty":
            return float(answer in (target, ""))
        return float(answer == target)

    def lenient(self, answer: str, target: str, spec: TaskSpec) -> float:
        return (
            0.0
            if self.broken == "lenient"
            else float(answer in (target, "") if self.broken == "empty" else answer == target)
        )

    def aggregate(self, answers: Sequence[str | None], targets: Sequence[str], spec: TaskSpec) -> Mapping[str, float]:
        if self.broken == "infinite":
            return {"worst": float("inf")}
        if self.broken == "order" and answers:
            return {"first": float(len(targets[0]))}
        return {"BAD NAME": 1.0} if self.broken == "names" else {}


def test_a_metric_of_another_package_conforms() -> None:
    check(Exact())


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("range", "does not score 1"),
        ("memory", "second call|below strict|scores above"),
        ("empty", "empty answer scores above 0"),
        ("lenient", "is below strict"),
        ("infinite", "worst is inf"),
        ("names", "BAD NAME"),
        ("order", "order of the rows"),
    ],
)
def test_the_suite_goes_red(broken: str, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check(Exact(broken))


def test_a_metric_that_raises_on_odd_text_is_found() -> None:
    with pytest.raises(AssertionError, match="UnicodeEncodeError is raised"):
        check(Exact("raises"))
