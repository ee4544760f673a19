"""Numbers that stand beside the one that decides: other measures of each arm, and each label's own."""

from __future__ import annotations

__all__ = ["ClassRow", "MeasureRow", "class_rows", "measure_rows", "measures"]

from collections.abc import Mapping
from dataclasses import dataclass

from crossover.records import Verdict
from crossover.report.series import names
from crossover.report.text import DASH, known, one_line, score

CLASS_LIMIT = 200
"""Labels on the page; a hundred and fifty are read by searching for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRow:
    """One arm: its name, its budget, and a number for each measure."""

    name: str
    budget: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One label: how many test rows have it, precision, recall and F1."""

    label: str
    n: int
    values: tuple[str, ...]


def measures(verdict: Verdict) -> tuple[str, ...]:
    """Return the names of all further measures that an arm has, in the order in which they come."""
    return tuple(dict.fromkeys(name for arm in verdict.arms for name in arm.beside))


def measure_rows(verdict: Verdict) -> list[MeasureRow]:
    """Return each arm's further measures; nothing where there are none."""
    wanted, called = measures(verdict), names(verdict)
    return [
        MeasureRow(
            name=one_line(called[arm.arm]),
            budget=arm.budget,
            values=tuple(_number(arm.beside.get(name)) for name in wanted),
        )
        for arm in verdict.arms
        if wanted
    ]


def class_rows(classes: Mapping[str, Mapping[str, float]]) -> list[ClassRow]:
    """Return the labels' own numbers, the worst first: that is where something can be done."""
    ordered = sorted(classes.items(), key=lambda one: (one[1]["f1"], one[0]))
    return [
        ClassRow(
            label=one_line(label),
            n=round(numbers["n"]),
            values=tuple(score(numbers[key]) for key in ("precision", "recall", "f1")),
        )
        for label, numbers in ordered[:CLASS_LIMIT]
    ]


def _number(value: float | None) -> str:
    """Return a fraction of 1 as elsewhere; what is published as 0 to 100 with one digit."""
    value = known(value)
    if value is None:
        return DASH
    return score(value) if value <= 1 else f"{value:.1f}"
