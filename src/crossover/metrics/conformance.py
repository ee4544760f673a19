"""What every metric must keep, as a function for its tests: `check(MyMetric())`.

The standard library's `assert` is not used: the checks must hold under `python -O` too.
"""

from __future__ import annotations

__all__ = ["check"]

import math
import re

from crossover.metrics.base import Metric
from crossover.records import KINDS, Kind, TaskSpec

_LABELS = ("billing", "card arrival", "card", "007", "Größe")
_TARGETS: dict[Kind, tuple[str, ...]] = {
    "classification": _LABELS,
    "extraction": ('{"name": "Ada", "year": 1815}', "{}"),
    "qa": ("Paris", "in the year 1815"),
    "math": ("42", "#### 1,250", "-3.5"),
    "summarization": ("Ada wrote the first program.",),
    "translation": ("Zwei Hunde spielen im Schnee.",),
    "chat": ("Of course. Which order do you mean?",),
    "generation": ("Soft wool socks that last.",),
}
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
    names = {"007": "agent", "card": "the card itself"} if labels else {}
    spec = TaskSpec(
        name="probe",
        kind=kind,
        metric=metric.name,
        input_fields=("text",),
        target_field="target",
        labels=labels,
        label_names=names,
    )
    targets = _TARGETS[kind]
    for target in targets:
        _require(metric.score(target, target, spec) == 1.0, f"the target itself does not score 1: {target!r}")
        for answer in (*targets, *_HOSTILE, f"The answer is: {target}.", target.upper(), f'"{target}" '):
            given = f"answer {answer[:60]!r}, target {target!r}"
            try:
                strict, lenient = metric.score(answer, target, spec), metric.lenient(answer, target, spec)
            except Exception as error:
                raise AssertionError(f"{type(error).__name__} is raised: {given}") from error
            _require(0.0 <= strict <= 1.0, f"score {strict!r} is outside 0..1: {given}")
            _require(0.0 <= lenient <= 1.0, f"lenient score {lenient!r} is outside 0..1: {given}")
            _require(lenient >= strict, f"lenient {lenient!r} is below strict {strict!r}: {given}")
            again = (metric.score(answer, target, spec), metric.lenient(answer, target, spec))
            _require(again == (strict, lenient), f"the second call gives other numbers: {given}")
    _require(metric.score("", targets[0], spec) == 0.0, f"an empty answer scores above 0 for {targets[0]!r}")
    _check_aggregate(metric, targets, spec)


def _check_aggregate(metric: Metric, targets: tuple[str, ...], spec: TaskSpec) -> None:
    for answers in (targets, [None, *targets[1:]], [None] * len(targets), list(_HOSTILE[: len(targets)])):
        for name, number in metric.aggregate(answers, targets, spec).items():
            _require(
                bool(re.fullmatch(r"[a-z][a-z0-9_]*", name)), f"aggregate name {name!r} is not lower_case_with_digits"
            )
            _require(math.isfinite(number), f"aggregate {name} is {number!r} for {answers!r}")
    _require(not metric.aggregate([], [], spec), "aggregates of no answers are not empty")
    if len(targets) > 1:
        forward = metric.aggregate(targets, targets, spec)
        backward = metric.aggregate(targets[::-1], targets[::-1], spec)
        same = forward.keys() == backward.keys() and all(
            math.isclose(forward[name], backward[name]) for name in forward
        )
        _require(same, "aggregates depend on the order of the rows")


def _require(kept: object, broken: str) -> None:
    if not kept:
        raise AssertionError(broken)
