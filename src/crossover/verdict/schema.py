"""A verdict as JSON, schema "crossover.verdict/1": keys in a fixed order, floats to 6 decimals, unknown is null."""

from __future__ import annotations

__all__ = ["SCHEMA", "from_json", "to_json"]

from collections.abc import Mapping
from dataclasses import asdict, fields
from math import isfinite, isnan
from typing import Any

from crossover.errors import DataError
from crossover.records import Arm, Crossover, Interval, Json, Latency, MoreLabels, Primary, TaskInfo, Verdict
from crossover.verdict.economics import economics_from_json, economics_to_json

SCHEMA = "crossover.verdict/1"

Loaded = Mapping[str, Any]
"""A parsed JSON object: its values' types are checked by what is built from them."""


def to_json(verdict: Verdict) -> dict[str, Json]:
    """Return the verdict as a JSON object; equal verdicts give equal text when dumped without sorting.

    Intervals are [low, high]; an end that lies beyond what was measured is null. For example
    {"schema": "crossover.verdict/1", "decision": "weights", "recommended": {"arm": "lora@64"}, "reasons": [...], ...}.
    """
    return {
        "schema": SCHEMA,
        "decision": verdict.decision,
        "recommended": {"arm": verdict.recommended},
        "reasons": list(verdict.reasons),
        "task": _plain(asdict(verdict.task)),
        "primary": _record(verdict.primary),
        "crossover": None if verdict.crossover is None else _record(verdict.crossover),
        "detectable_difference": _number(verdict.detectable_difference),
        "further_test_examples": verdict.further_test_examples,
        "unsettled": None if verdict.unsettled is None else list(verdict.unsettled),
        "break_even_calls": _number(verdict.break_even_calls),
        "margin": _number(verdict.margin),
        "more_labels": None if verdict.more_labels is None else _record(verdict.more_labels),
        "arms": [_record(arm) for arm in verdict.arms],
        "economics": economics_to_json(verdict.economics),
    }


def from_json(value: Loaded) -> Verdict:
    """Return the verdict that `to_json` wrote (to 6 decimals).

    Raises:
        DataError: when it is not a verdict of this schema.
    """
    if value.get("schema") != SCHEMA:
        raise DataError(f"this is not a verdict: schema is {value.get('schema')!r}", f"allowed: {SCHEMA!r}")
    try:
        crossover = value["crossover"]
        return Verdict(
            decision=value["decision"],
            recommended=value["recommended"]["arm"],
            reasons=tuple(value["reasons"]),
            task=TaskInfo(**{**value["task"], "labels": tuple(value["task"]["labels"])}),
            primary=_primary(value["primary"]),
            crossover=None if crossover is None else Crossover(**_with_interval(crossover)),
            detectable_difference=value["detectable_difference"],
            break_even_calls=value["break_even_calls"],
            arms=tuple(_arm(arm) for arm in value["arms"]),
            further_test_examples=value.get("further_test_examples"),
            **_later(value),
            economics=economics_from_json(value.get("economics")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"this verdict is damaged: {error}", f"schema: {SCHEMA}") from error


def _later(value: Loaded) -> dict[str, Any]:
    """Return the fields that a verdict of an earlier release lacks, as far as they are there."""
    found: dict[str, Any] = {}
    if value.get("margin") is not None:
        found["margin"] = value["margin"]
    if (unsettled := value.get("unsettled")) is not None:
        first, second = unsettled
        found["unsettled"] = (first, second)
    if (more := value.get("more_labels")) is not None:
        found["more_labels"] = MoreLabels(**{**_with_interval(more), "measured": tuple(more["measured"])})
    return found


def _primary(value: Loaded) -> Primary:
    return Primary(**{**_with_interval(value), "both_interval": _interval(value.get("both_interval"))})


def _record(value: Arm | Primary | Crossover | MoreLabels) -> dict[str, Json]:
    """Return a record's fields in their order, intervals as pairs."""
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: object) -> Json:
    if isinstance(value, Interval):
        return [_number(value.low), _number(value.high)]
    if isinstance(value, Latency):
        return {"p50": _number(value.p50), "p95": _number(value.p95)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, (str, int)):
        return value
    raise TypeError(f"{value!r} has no place in a verdict")


def _number(value: float | None) -> float | None:
    """Return the value to 6 decimals; None for what is unknown or infinite; never minus zero."""
    return None if value is None or not isfinite(value) else round(value, 6) + 0.0


def _arm(value: Loaded) -> Arm:
    latency = value["latency_ms"]
    return Arm(
        **{
            **_with_interval(value),
            "latency_ms": None if latency is None else Latency(**latency),
            "format_interval": _interval(value.get("format_interval")),
        }
    )


def _with_interval(value: Loaded) -> dict[str, Any]:
    return {**value, "interval": _interval(value["interval"])}


def _interval(pair: Any) -> Interval | None:  # noqa: ANN401  # a parsed JSON value
    if pair is None:
        return None
    low, high = (float("-inf") if pair[0] is None else pair[0]), (float("inf") if pair[1] is None else pair[1])
    if isnan(low) or isnan(high):
        raise TypeError(f"interval {pair!r}")
    return Interval(low=low, high=high)
