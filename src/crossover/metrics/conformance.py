"""What every metric must keep, as a function for its tests: `check(MyMetric())`.

The standard library's `assert` is not used: the checks must hold under `python -O` too.
"""

from __future__ import annotations

__all__ = ["check"]

import json
import math
import re
import time
from collections.abc import Mapping, Sequence

from crossover.metrics.base import Metric
from crossover.records import KINDS, Example, Kind, TaskSpec

MAX_SECONDS = 1.0
"""For one score of an answer of 100,000 characters."""

_LABELS = ("billing", "card arrival", "card", "007", "Größe")
_ROWS: Mapping[Kind, tuple[tuple[str, ...], ...]] = {
    "classification": tuple((label,) for label in _LABELS),
    "extraction": (
        ('{"name": "Ada", "year": 1815}', '{"name": "Ada Lovelace", "year": 1815}'),
        ('[{"type": "person", "text": "Ada"}, {"type": "place", "text": "London"}]',),
        ("{}",),
    ),
    "qa": (("Paris", "B"), ("in the year 1815",), ("the",)),
    "math": (("42",), ("6 * 7 = 42\n#### 42", "42"), ("1,250.5",), (r"\boxed{-\frac{3}{4}}",)),
    "summarization": (("Ada wrote the first program.", "The first program is by Ada."), ("Program",)),
    "translation": (("Zwei Hunde spielen im Schnee.", "Zwei Hunde toben im Schnee."), ("二匹の犬が雪の中で遊ぶ。",)),
    "chat": (("Of course. Which order do you mean?", "Gladly: which order?"), ("An order.",)),
    "generation": (("Soft wool socks that last.",), ("Wool.", "Warm wool.")),
}
"""Kind -> rows -> the answers that are right."""

_CHECKS: Mapping[Kind, tuple[str, float]] = {
    "summarization": ("program", 1),
    "chat": ("order", 2.5),
    "generation": ("wool", 1),
}
"""Kind -> a word that all its right answers hold and its weight: the rule by which metrics of rules decide."""

_HOSTILE = (
    "",
    " ",
    "\0",
    "\n\n",
    "{",
    "}" * 500,
    "[" * 5_000,
    "%s{0}{}",
    "\ud800",
    "🙂",
    "a" * 100_000,
    "-" * 100_000,
    "y" * 5_000,
    "word " * 20_000,
    "nan",
    "1e999",
)


def check(metric: Metric) -> None:
    """Check one metric against the contract in `Metric`'s docstring.

    Raises:
        AssertionError: names the promise that is broken, with the arguments that break it.
    """
    _require(bool(re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)), f"name {metric.name!r} is not lower_case_with_digits")
    _require(bool(metric.kinds), "kinds is empty")
    for kind in metric.kinds:
        _require(kind in KINDS, f"kind {kind!r} is none of {', '.join(KINDS)}")
        _check_kind(metric, kind)


def _check_kind(metric: Metric, kind: Kind) -> None:
    labels = _LABELS if kind == "classification" else ()
    spec = TaskSpec(
        name="probe",
        kind=kind,
        metric=metric.name,
        input_fields=("text",),
        target_field="target",
        labels=labels,
        label_names={"007": "agent", "card": "the card itself"} if labels else {},
        schema={"type": ["object", "array"]} if kind == "extraction" else None,
    )
    examples = _examples(kind)
    _check_scores(metric, examples, spec)
    _check_aggregate(metric, examples, spec)
    _check_signatures(metric, examples, spec)


def _examples(kind: Kind) -> list[Example]:
    word, weight = _CHECKS.get(kind, ("", 1))
    rules = [{"type": "icontains", "value": word, "weight": weight}, {"type": "word-count", "value": {"min": 1}}]
    return [
        Example(
            id=f"probe:{row}",
            inputs={"text": "a text"},
            target=answers[0],
            row=row,
            references=answers[1:],
            checks=json.dumps(rules) if word else None,
        )
        for row, answers in enumerate(_ROWS[kind], start=2)
    ]


def _check_scores(metric: Metric, examples: Sequence[Example], spec: TaskSpec) -> None:
    targets = [str(example.target) for example in examples]
    for example in examples:
        for answer in example.answers:
            _require(metric.score(answer, example, spec) == 1.0, f"a right answer does not score 1: {answer!r}")
        wrapped = (f"The answer is: {example.target}.", f'"{example.target}" ', f"```\n{example.target}\n```")
        for answer in (*targets, *_HOSTILE, *wrapped, str(example.target).upper()):
            given = f"answer {answer[:60]!r}, target {example.target!r}"
            start = time.perf_counter()
            try:
                strict, lenient = metric.score(answer, example, spec), metric.lenient(answer, example, spec)
            except Exception as error:
                raise AssertionError(f"{type(error).__name__} is raised: {given}") from error
            seconds = (time.perf_counter() - start) / 2
            _require(seconds <= MAX_SECONDS, f"a score takes {seconds:.1f} s: {given}")
            _require(0.0 <= strict <= 1.0, f"score {strict!r} is outside 0..1: {given}")
            _require(0.0 <= lenient <= 1.0, f"lenient score {lenient!r} is outside 0..1: {given}")
            _require(lenient >= strict, f"lenient {lenient!r} is below strict {strict!r}: {given}")
            again = (metric.score(answer, example, spec), metric.lenient(answer, example, spec))
            _require(again == (strict, lenient), f"the second call gives other numbers: {given}")
        _require(metric.score("", example, spec) == 0.0, f"an empty answer scores above 0 for {example.target!r}")


def _check_aggregate(metric: Metric, examples: Sequence[Example], spec: TaskSpec) -> None:
    targets = [str(example.target) for example in examples]
    hostile = list(_HOSTILE[: len(targets)])
    for answers in (targets, targets[::-1], hostile):
        found = metric.aggregate(answers, examples, spec)
        for name, number in found.items():
            _require(
                bool(re.fullmatch(r"[a-z][a-z0-9_]*", name)), f"aggregate name {name!r} is not lower_case_with_digits"
            )
            _require(math.isfinite(number), f"aggregate {name} is {number!r} for {answers!r}")
        backward = metric.aggregate(answers[::-1], examples[::-1], spec)
        _require(_are_close(found, backward), "aggregates depend on the order of the rows")
        with_missing = metric.aggregate([*answers, None], [*examples, examples[0]], spec)
        _require(_are_close(found, with_missing), "a missing answer changes the aggregates")
    for missing in range(2):
        _require(
            not metric.aggregate([None] * missing, examples[:missing], spec), "aggregates of no answers are not empty"
        )


def _check_signatures(metric: Metric, examples: Sequence[Example], spec: TaskSpec) -> None:
    names = metric.aggregate([str(example.target) for example in examples], examples, spec).keys()
    for n_references in range(3):
        unknown = metric.signatures(n_references).keys() - names
        _require(not unknown, f"a signature belongs to no aggregate: {', '.join(sorted(unknown))}")


def _are_close(first: Mapping[str, float], second: Mapping[str, float]) -> bool:
    return first.keys() == second.keys() and all(
        math.isclose(first[name], second[name], rel_tol=1e-9, abs_tol=1e-12) for name in first
    )


def _require(kept: object, broken: str) -> None:
    if not kept:
        raise AssertionError(broken)
