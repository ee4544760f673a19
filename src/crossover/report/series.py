"""Arms and records gathered as the charts and tables need them: one series a method, one point an arm."""

from __future__ import annotations

__all__ = [
    "Scale",
    "Series",
    "gather",
    "labels_used",
    "models_of",
    "names",
    "nominated",
    "record_score",
    "scale_of",
    "seed_scores",
    "source_words",
    "several_precisions",
    "trials_of",
]

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from crossover.records import Arm, Family, TrialRecord, Verdict
from crossover.report.text import known, one_line
from crossover.verdict import trials_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One method (with one model and precision) over its label budgets.

    Attributes:
        name: the method, with model or precision where the verdict has several.
        arms: by budget, only those with a score.
        nominated: it is its family's arm in the primary comparison.
    """

    name: str
    family: Family
    arms: tuple[Arm, ...]
    nominated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A common axis for scores, `low` < `high`, both on tenths."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Return where `value` lies between `low` and `high`, 0..1, held inside."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def nominated(verdict: Verdict) -> dict[Family, Arm]:
    """Return the arm that each family sent into the primary comparison; a family that took no part is not there."""
    by_name = {arm.arm: arm for arm in verdict.arms}
    primary = verdict.primary
    named: tuple[tuple[Family, str | None], ...] = (
        ("prompt", primary.prompt_arm),
        ("weights", primary.weights_arm),
        ("both", primary.both_arm),
    )
    return {family: by_name[name] for family, name in named if name is not None and name in by_name}


def several_precisions(verdict: Verdict) -> bool:
    """Return whether arms differ in precision."""
    return len({arm.precision for arm in verdict.arms if arm.precision}) > 1


def names(verdict: Verdict, *, with_precision: bool = True) -> dict[str, str]:
    """Return for each arm what a reader calls it: the method, with model or precision where the verdict has several.

    A table that has a column for the precision leaves it out of the name.
    """
    several_models = len({arm.model for arm in verdict.arms if arm.model}) > 1
    precisions: dict[str, set[str]] = defaultdict(set)
    for arm in verdict.arms:
        precisions[arm.method].add(arm.precision)
    precise = with_precision and any(len(several) > 1 for several in precisions.values())
    found = {}
    for arm in verdict.arms:
        parts = (arm.method, arm.model if several_models else "", arm.precision if precise else "")
        found[arm.arm] = " · ".join(one_line(part) for part in parts if part)
    return found


def gather(verdict: Verdict) -> list[Series]:
    """Return one series for each method, model and precision, in the order in which the verdict lists them."""
    called = names(verdict)
    groups: dict[tuple[str, str, str], list[Arm]] = defaultdict(list)
    for arm in verdict.arms:
        groups[(arm.method, arm.model, arm.precision)].append(arm)
    sent = {arm.arm for arm in nominated(verdict).values()}
    return [
        Series(
            name=called[arms[0].arm],
            family=arms[0].family,
            arms=tuple(sorted((arm for arm in arms if known(arm.score) is not None), key=lambda arm: arm.budget)),
            nominated=any(arm.arm in sent for arm in arms),
        )
        for arms in groups.values()
    ]


def scale_of(arms: Iterable[Arm]) -> Scale:
    """Return an axis in 0..1 for every score and interval: outward to the next tenth, at least two tenths long."""
    values: list[float] = []
    for arm in arms:
        ends = (arm.score, arm.interval.low if arm.interval else None, arm.interval.high if arm.interval else None)
        values.extend(value for value in map(known, ends) if value is not None)
    if not values:
        return Scale(low=0.0, high=1.0)
    low = max(0, math.floor(min(values) * 10 + 1e-9))
    high = min(10, math.ceil(max(values) * 10 - 1e-9))
    while high - low < 2:
        if high < 10:
            high += 1
        else:
            low -= 1
    return Scale(low=low / 10, high=high / 10)


def record_score(record: TrialRecord) -> float | None:
    """Return the mean of a trial's per-example scores, missing ones left out; None when there are none."""
    if record.measurement is None:
        return None
    scores = [result.score for result in record.measurement.results if result.score is not None]
    return fmean(scores) if scores else None


def seed_scores(arm: Arm, records: Sequence[TrialRecord]) -> list[tuple[int, float]]:
    """Return (seed, score) for each finished trial of an arm."""
    pairs = ((record.key.seed, record_score(record)) for record in trials_of(arm, records))
    return sorted((seed, value) for seed, value in pairs if value is not None)


def labels_used(arm: Arm, records: Sequence[TrialRecord]) -> int | None:
    """Return the most labels that any of an arm's trials looked at; None without records."""
    return max((record.labels_used for record in trials_of(arm, records)), default=None)


def source_words(precision: str) -> str:
    """Say in what precision a model was published: "4-bit at its source, q4_1", or "bf16 at its source"."""
    bits = re.match(r"(?:i?q|int|nf)(\d+)", precision.casefold())
    return f"{bits[1]}-bit at its source, {precision}" if bits else f"{precision} at its source"


def models_of(verdict: Verdict) -> list[str]:
    """Return the models that arms asked, each with its precision as published and as it ran."""
    found: dict[str, None] = {}
    for arm in verdict.arms:
        if arm.model and arm.family != "baseline":
            source = f" ({source_words(one_line(arm.source_precision))})" if arm.source_precision else ""
            running = f", run in {one_line(arm.precision)}" if arm.precision else ""
            found[f"{one_line(arm.model)}{source}{running}"] = None
    return list(found)
