"""Every registered metric keeps the contract, and the suite goes red on one that does not."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar, final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.metrics import Metric, metric_names
from crossover.metrics.conformance import check
from crossover.metrics.registry import get_metric
from crossover.records import Example, Kind, TaskSpec
from tests.metrics.made import WORDS, example, spec


@pytest.mark.parametrize("name", metric_names())
def test_registered_metrics_conform(name: str) -> None:
    check(get_metric(name))


texts = st.text(max_size=60) | st.lists(
    st.sampled_from([*WORDS, "{", "}", '"a"', "[", "]", "####", "7"]), max_size=12
).map(" ".join)
RULES = json.dumps([{"type": "icontains", "value": "a"}, {"type": "word-count", "value": {"max": 5}}])


@pytest.mark.parametrize("name", metric_names())
@given(
    rows=st.lists(
        st.tuples(texts | st.none(), texts.filter(str.strip), texts.filter(str.strip)), min_size=1, max_size=6
    )
)
@settings(max_examples=50)
def test_any_texts_keep_the_contract(name: str, rows: list[tuple[str | None, str, str]]) -> None:
    metric = get_metric(name)
    targets = sorted({target for _, *targets in rows for target in targets})
    task = spec(metric.kinds[0], *(targets if metric.kinds[0] == "classification" else ()))
    examples = [example(target, other, checks=RULES) for _, target, other in rows]
    for (answer, *right), row in zip(rows, examples, strict=True):
        for text in right if name != "rules" else ():
            assert metric.score(text, row, task) == metric.lenient(text, row, task) == 1.0
        if answer is not None:
            strict, lenient = metric.score(answer, row, task), metric.lenient(answer, row, task)
            assert 0.0 <= strict <= lenient <= 1.0
            assert (strict, lenient) == (metric.score(answer, row, task), metric.lenient(answer, row, task))
    answers = [answer for answer, *_ in rows]
    kept = [i for i, answer in enumerate(answers) if answer is not None]
    found = metric.aggregate(answers, examples, task)
    assert found == metric.aggregate([answers[i] for i in kept], [examples[i] for i in kept], task)
    assert found == pytest.approx(metric.aggregate(answers[::-1], examples[::-1], task))
    assert bool(found) <= bool(kept)


@final
class Exact(Metric):
    name: ClassVar[str] = "exact"
    kinds: ClassVar[tuple[Kind, ...]] = ("qa",)

    def __init__(self, broken: str = "") -> None:
        self.broken = broken
        self.calls = 0

    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        self.calls += 1
        is_right = answer in example.answers
        match self.broken:
            case "range":
                return 2.0 if is_right else 0.0
            case "above":
                return 1.0 if is_right else 0.0 if not answer else 1.5
            case "reference":
                return float(answer == example.target)
            case "raises":
                return float(len(answer.encode()) >= 0 and is_right)
            case "memory":
                return float(is_right or (self.calls % 7 == 0 and answer != ""))
            case "empty":
                return float(is_right or answer == "")
            case "slow":
                time.sleep(2.2 if len(answer) == 100_000 else 0)
        return float(is_right)

    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        if self.broken in ("range", "raises", "reference", "slow", ""):
            return float(answer in example.answers)
        return 0.0 if self.broken == "lenient" else 1.0

    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        match self.broken:
            case "infinite":
                return {"worst": float("inf")}
            case "order" if answers:
                return {"first": float(len(examples[0].answers[0]))}
            case "missing":
                return {"answered": sum(answer is not None for answer in answers) / max(1, len(answers))}
            case "nothing":
                return {"n": 0.0}
            case "names":
                return {"BAD NAME": 1.0}
        return {}

    def signatures(self, n_references: int) -> Mapping[str, str]:
        return {"bleu": "v1"} if self.broken == "signature" else {}


def test_a_metric_of_another_package_conforms() -> None:
    check(Exact())


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("range", "does not score 1"),
        ("above", "score 1.5 is outside 0..1"),
        ("reference", "a right answer does not score 1: 'B'"),
        ("raises", "UnicodeEncodeError is raised"),
        ("memory", "second call"),
        ("empty", "empty answer scores above 0"),
        ("slow", "a score takes 1.1 s"),
        ("lenient", "is below strict"),
        ("infinite", "worst is inf"),
        ("names", "BAD NAME"),
        ("order", "order of the rows"),
        ("missing", "a missing answer changes"),
        ("nothing", "aggregates of no answers"),
        ("signature", "a signature belongs to no aggregate: bleu"),
    ],
)
def test_the_suite_goes_red(broken: str, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check(Exact(broken))
