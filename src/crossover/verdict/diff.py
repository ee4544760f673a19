"""Where two arms of a study differ, as records, and the same as JSON."""

from __future__ import annotations

__all__ = [
    "ANOTHER_TEXT",
    "DIFF_SCHEMA",
    "ArmSide",
    "Calibration",
    "Confusion",
    "Diff",
    "Disagreement",
    "SliceDifference",
    "diff_to_json",
    "shown_disagreements",
]

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any, Literal

from crossover.records import Interval
from crossover.stats import Calibration
from crossover.verdict.outcomes import Outcome
from crossover.verdict.slices import of_rows_alone

DIFF_SCHEMA = "crossover.diff/1"
ANOTHER_TEXT = "(another text)"
"""Answers that are none of the labels, taken together: they may repeat the user's texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Rows of one label that were answered with another.

    Attributes:
        wanted, answered: the labels; `answered` is "(another text)" for whatever is no label.
        n: such answers, all seeds together.
        share: of all answers to rows of `wanted`, 0..1.
    """

    wanted: str
    answered: str
    n: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSide:
    """One arm by itself.

    Attributes:
        score, interval: as in the verdict; None while over 1% of its answers are missing.
        calibration: with the confidence that a recorded margin gives: the share of the best of the two best answers,
            1 / (1 + exp(-margin)). With two labels that is the answer's probability; with more it is an upper bound of
            it, and of a written answer it is that of its least sure token. None where no margins were recorded.
        confusions: the most frequent first; empty where answers are no labels.
    """

    arm: str
    score: float | None
    interval: Interval | None
    seeds: int
    calibration: Calibration | None
    confusions: tuple[Confusion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceDifference:
    """Two arms on some of the test rows.

    Attributes:
        group, name: what divides the rows, and which part this is.
        n: rows that both arms answered with every seed.
        score_a, score_b: means over rows and seeds.
        difference, interval: a minus b, paired; the interval is None below 2 rows.
        p: corrected for all parts of the group (Holm 1979): below .05 the arms surely differ here.
    """

    group: str
    name: str
    n: int
    score_a: float | None
    score_b: float | None
    difference: float | None
    interval: Interval | None
    p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One test row that one arm gets and the other misses, or answers clearly better."""

    id: str
    row: int
    inputs: Mapping[str, str]
    target: str | None
    winner: Literal["a", "b"]
    outcome_a: Outcome
    outcome_b: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Two arms of one study, paired by example and seed.

    Attributes:
        difference, interval, p: a minus b; None while one of the two has no score.
        seeds: that were compared.
        candidate_only: an arm with chance in it has one seed: this speaks of one candidate and not of a method.
        graded: scores lie between right and wrong; a row is then told apart by a lead of 20 points.
        only_a, only_b, both, neither: rows that one gets and the other misses, that both get, that both miss. Where
            scores are graded `both` are the rows without a clear lead and `neither` is 0.
        unanswered: rows that one of the two has no answer to.
        slices: every label, third by length, and part of a column.
        disagreements: rows that one gets alone: the clearest first.
    """

    a: ArmSide
    b: ArmSide
    difference: float | None
    interval: Interval | None
    p: float | None
    seeds: int
    candidate_only: bool
    n_test: int
    graded: bool
    only_a: int
    only_b: int
    both: int
    neither: int
    unanswered: int
    slices: tuple[SliceDifference, ...]
    disagreements: tuple[Disagreement, ...]


def diff_to_json(diff: Diff, *, examples: bool = True, limit: int | None = None) -> dict[str, Any]:
    """Return a diff as JSON values, schema "crossover.diff/1": floats to 6 decimals, unknown is null.

    Args:
        diff: what `Differing.diff` gave.
        examples: whether the test's texts go along; without them `disagreements` is empty, its counts stay, and slices
            that are named by a column's values are left out.
        limit: most disagreements of each side; all where None.
    """
    shown = shown_disagreements(diff, limit) if examples else ()
    parts = tuple(one for one in diff.slices if examples or not of_rows_alone(one.group))
    found: dict[str, Any] = _plain(asdict(replace(diff, slices=parts, disagreements=())))
    found["disagreements"] = [_plain(asdict(one)) for one in shown]
    return {"schema": DIFF_SCHEMA, **found}


def shown_disagreements(diff: Diff, limit: int | None) -> tuple[Disagreement, ...]:
    """Return at most `limit` disagreements of each side, those of `a` first."""
    sides: tuple[Literal["a", "b"], ...] = ("a", "b")
    mine = [[one for one in diff.disagreements if one.winner == side] for side in sides]
    return tuple(one for side in mine for one in (side if limit is None else side[:limit]))


def _plain(value: Any) -> Any:  # noqa: ANN401  # JSON, nested
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 6) if isfinite(value) else None
    return value
