"""Rules that an answer must keep, in promptfoo's words: what there is, how they are read, and whether one holds.

A row's rules are JSON: a list of objects such as {"type": "icontains", "value": "refund"}, or an object with that list
under "assert" and a "threshold". `not-` before a type turns it round. Source: promptfoo's deterministic assertions
(https://promptfoo.dev/docs/configuration/expected-outputs/deterministic/); nothing that runs a program, fetches
something or asks a model is among them.
"""

from __future__ import annotations

__all__ = ["CHECK_TYPES", "Check", "Checks", "check_rules", "read_checks"]

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from crossover.errors import DataError, closest
from crossover.metrics.check_types import CHECK_TYPES, RUN_SOMETHING
from crossover.metrics.json_answers import is_deeper
from crossover.records import Json

MAX_CHECKS = 100
MAX_NESTED = 80
MAX_SHOWN = 8
_FIELDS = ("type", "value", "weight", "threshold", "metric")
_FORM = 'wanted: [{"type": "icontains", "value": "refund"}, {"type": "word-count", "value": {"max": 50}, "weight": 2}]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule, for example {"type": "not-contains", "value": "sorry", "weight": 2}.

    Attributes:
        type: one of `CHECK_TYPES`, without "not-".
        value: what the type compares with, as the type reads it.
        is_negated: whether it must not hold.
        weight: its share in a row's score, relative to the others'.
    """

    type: str
    value: object
    is_negated: bool = False
    weight: float = 1.0

    def holds(self, answer: str) -> bool:
        """Whether an answer keeps the rule.

        Raises:
            TimeoutError: a pattern takes too long.
        """
        return CHECK_TYPES[self.type].holds(answer, self.value) != self.is_negated


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """One row's rules. With a `threshold`, an answer passes from that score on; without one it must keep them all."""

    checks: tuple[Check, ...]
    threshold: float | None = None

    def score(self, answer: str) -> float:
        """Return the weighted share of the rules that an answer keeps, in 0..1.

        Raises:
            TimeoutError: a pattern takes too long.
        """
        held = sum(check.weight for check in self.checks if check.holds(answer))
        return held / sum(check.weight for check in self.checks)

    def passes(self, answer: str) -> bool:
        """Whether an answer passes, as promptfoo says it.

        Raises:
            TimeoutError: a pattern takes too long.
        """
        if self.threshold is not None:
            return self.score(answer) >= self.threshold
        return all(check.holds(answer) for check in self.checks)


def check_rules(name: str, rules: Mapping[int, str | None], *, needed: bool = False) -> None:
    """Check the rules of a data file's rows, all of them before anything runs.

    Args:
        name: the data file's name, for errors.
        rules: row number -> the row's rules as JSON text; None where it has none.
        needed: every row must have some: for the metric `rules`.

    Raises:
        DataError: rules that cannot be read, each named by row; or rows without any where they are needed.
    """
    faults: dict[int, str] = {}
    for row, text in rules.items():
        try:
            if text is not None and text.strip():
                read_checks(text)
            elif needed:
                faults[row] = "there are none"
        except ValueError as error:
            faults[row] = str(error)
    if faults:
        shown = [f"row {row}: {fault}" for row, fault in list(faults.items())[:MAX_SHOWN]]
        more = [f"and {len(faults) - MAX_SHOWN:,} rows more"] if len(faults) > MAX_SHOWN else []
        rows = "1 row" if len(faults) == 1 else f"{len(faults):,} rows"
        way = ["a row without rules has no score by them: give it one, leave it out, or say another --metric"]
        raise DataError(
            f"{name}: the checks of {rows} cannot be used.",
            *shown,
            *more,
            _FORM,
            "types: " + ", ".join(CHECK_TYPES) + "; each with not- before it too",
            *(way if "there are none" in faults.values() else []),
        )


@lru_cache(maxsize=10_000)
def read_checks(text: str) -> Checks:
    """Read a row's rules.

    Raises:
        ValueError: says what is wrong with which of them, and what is allowed.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{_short(text)} is no JSON") from None
    if is_deeper(value, MAX_NESTED):
        raise ValueError(f"nested more than {MAX_NESTED} deep")
    threshold: float | None = None
    if isinstance(value, dict) and "assert" in value:
        unknown = sorted(value.keys() - {"assert", "threshold"})
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not known beside assert; allowed: threshold")
        threshold = _number(value.get("threshold"), "threshold", high=1.0)
        value = value["assert"]
    found = [value] if isinstance(value, dict) else value
    if not isinstance(found, list) or not found:
        raise ValueError(f"{_short(text)} is no list of checks")
    if len(found) > MAX_CHECKS:
        raise ValueError(f"{len(found):,} checks; at most {MAX_CHECKS} are read")
    checks = tuple(_read_check(item, place) for place, item in enumerate(found, start=1))
    if not sum(check.weight for check in checks):
        raise ValueError("all weights are 0: at least one check must count")
    return Checks(checks=checks, threshold=threshold)


def _read_check(item: Json, place: int) -> Check:
    where = f"check {place}"
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        raise ValueError(f"{where}: {_short(json.dumps(item))} is no object with a type")
    said = str(item["type"])
    name = said.removeprefix("not-")
    if name not in CHECK_TYPES:
        raise ValueError(f"{where}: {_unknown(said, name)}")
    unknown = sorted(item.keys() - set(_FIELDS))
    if unknown:
        raise ValueError(f"{where}: {said} has no {unknown[0]!r}; allowed: {', '.join(_FIELDS)}")
    if item.get("threshold") is not None and name != "levenshtein":
        raise ValueError(f"{where}: {said} has no threshold; it holds or does not")
    threshold = _number(item.get("threshold"), f"{where}: threshold")
    weight = _number(item.get("weight"), f"{where}: weight")
    value = item.get("value")
    if isinstance(value, str) and value.startswith("file://"):
        raise ValueError(f"{where}: {_short(value)}: no file is read; write its content here")
    try:
        read = CHECK_TYPES[name].read(value, threshold)
    except ValueError as error:
        raise ValueError(f"{where}: {said}: {error}") from None
    return Check(type=name, value=read, is_negated=said != name, weight=1.0 if weight is None else weight)


def _unknown(said: str, name: str) -> str:
    if name in RUN_SOMETHING:
        return f"{said} {RUN_SOMETHING[name]}"
    near = closest(name, CHECK_TYPES)
    hint = f"; did you mean {said.removesuffix(name)}{near}?" if near else ""
    return f"there is no check {_short(said)}{hint}"


def _number(value: Json, what: str, *, high: float = 1e9) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
        raise ValueError(f"{what} is {json.dumps(value)[:60]}; a number from 0 to {high:g} is wanted")
    return float(value)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
