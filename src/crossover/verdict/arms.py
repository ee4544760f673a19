"""Trial records -> arms: the same method, budget, model, precision, effort and wording, its seeds taken together."""

from __future__ import annotations

__all__ = ["MOST_MISSING", "ArmData", "example_order", "gather"]

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from crossover.records import FAMILIES, Arm, EnergySource, Family, Latency, Measurement, TrialKey, TrialRecord
from crossover.stats import Clusters, arm_interval

Array = NDArray[np.float64]

MOST_MISSING = 0.01
"""Share of answers that may be missing through failures of the machinery before an arm gets no score (Fairness 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmData:
    """An arm's summary with the arrays that comparisons need.

    Attributes:
        summary: the arm as the verdict shows it, `p_vs_recommended` still None.
        key: the key of its first seed, which names all but the seed.
        seeds: of the rows, ascending.
        scores, lenient, free: [seeds, examples], NaN where an answer is missing; the examples are the same in every
            arm. `free`: of answers that nothing constrains, where both were asked for.
        seed_means: mean score of each seed.
        fixed: another seed would have given the same scores: no labels, or rows that are all alike. A baseline that ran
            once is taken as it is, too.
        clusters: which examples belong together, [examples], the same in every arm; None: each stands alone.
        validation: scores on the validation rows that were answered, by seed and example id; empty without any.
    """

    summary: Arm
    key: TrialKey
    seeds: tuple[int, ...]
    scores: Array
    lenient: Array
    free: Array
    seed_means: Array
    fixed: bool
    clusters: Clusters | None = None
    validation: Mapping[int, Mapping[str, float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.summary.arm

    @property
    def family(self) -> Family:
        return self.summary.family

    @property
    def score(self) -> float:
        """The mean score; ask only of arms that are `scored`."""
        return self.summary.score if self.summary.score is not None else float("nan")

    @property
    def scored(self) -> bool:
        return self.summary.score is not None


def gather(
    records: Sequence[TrialRecord], *, level: float = 0.95, groups: Mapping[str, str] | None = None
) -> tuple[ArmData, ...]:
    """Return the arms in the verdict's order (family, method, budget, name), whatever the order of the records.

    `groups`: example id -> group, for examples that belong together.
    """
    chosen: dict[TrialKey, TrialRecord] = {}
    for record in sorted(records, key=_record_order):
        chosen.setdefault(record.key, record)
    trials_of: dict[TrialKey, list[TrialRecord]] = defaultdict(list)
    for key, record in chosen.items():
        trials_of[replace(key, seed=0)].append(record)
    names = _names(list(trials_of))
    matrices = _Answers(list(chosen.values()), groups or {})
    arms = [_arm(names[key], trials, matrices, level) for key, trials in trials_of.items()]
    arms.sort(key=lambda arm: (FAMILIES.index(arm.family), arm.summary.method, arm.summary.budget, arm.name))
    return tuple(arms)


def _record_order(record: TrialRecord) -> tuple[TrialKey, bool, str, str]:
    """Put, of two records with one key, a measured one first."""
    return (record.key, record.measurement is None, record.candidate or "", record.error or "")


def _names(keys: Sequence[TrialKey]) -> dict[TrialKey, str]:
    """Return short names: method@budget, and whatever else is needed to tell the arms of this study apart."""
    precisions: dict[str, set[str]] = defaultdict(set)
    several_models = len({key.model for key in keys if key.model}) > 1
    wordings: dict[TrialKey, set[str]] = defaultdict(set)
    efforts: dict[TrialKey, set[float]] = defaultdict(set)
    for key in keys:
        precisions[key.method].add(key.precision)
        wordings[replace(key, wording="", effort=1.0)].add(key.wording)
        efforts[replace(key, wording="", effort=1.0)].add(key.effort)
    # A method with a precision of its own (qlora) beside others in theirs needs no word for it.
    several_precisions = any(len(found) > 1 for found in precisions.values())
    names = {}
    for key in keys:
        name = f"{key.method}@{key.budget}"
        if several_precisions and key.precision:
            name += f":{key.precision}"
        if several_models and key.model:
            name += f":{key.model}"
        alike = replace(key, wording="", effort=1.0)
        if len(efforts[alike]) > 1:
            name += f":effort={key.effort:g}"
        if len(wordings[alike]) > 1:
            name += f"#{key.wording[:8] or 'default'}"
        names[key] = name
    return names


def example_order(measured: Sequence[Measurement]) -> tuple[str, ...]:
    """Return the examples in the order of an arm's rows: the measurements' own where all agree, else sorted."""
    orders = {_ids(measurement) for measurement in measured}
    return orders.pop() if len(orders) == 1 else tuple(sorted({key for order in orders for key in order}))


def _ids(measurement: Measurement) -> tuple[str, ...]:
    return tuple(result.example_id for result in measurement.results)


class _Answers:
    """Reads measurements into rows over one order of examples."""

    def __init__(self, records: Sequence[TrialRecord], groups: Mapping[str, str]) -> None:
        measured = [record.measurement for record in records if record.measurement is not None]
        ids = example_order(measured)
        self._same = all(_ids(m) == ids for m in measured)
        self.n = len(ids)
        self.clusters = _clusters(ids, groups)
        self._place = {} if self._same else {example_id: index for index, example_id in enumerate(ids)}

    def rows(self, measurement: Measurement) -> tuple[Array, Array, Array]:
        """Return strict, lenient and free scores [examples]; an example that a measurement lacks is missing."""
        results = measurement.results
        scores = np.full((3, len(results)), np.nan)
        scores[0] = [result.score for result in results]
        scores[1] = [result.lenient_score for result in results]
        if measurement.free:
            free = {result.example_id: result.score for result in measurement.free}
            scores[2] = [free.get(result.example_id) for result in results]
        if self._same:
            return scores[0], scores[1], scores[2]
        wide = np.full((3, self.n), np.nan)
        wide[:, [self._place[result.example_id] for result in results]] = scores
        return wide[0], wide[1], wide[2]


def _clusters(ids: Sequence[str], groups: Mapping[str, str]) -> Clusters | None:
    """Return which examples belong together; None where none do."""
    named = [f"group {groups[name]}" if name in groups else f"alone {name}" for name in ids]
    places = {name: place for place, name in enumerate(dict.fromkeys(named))}
    if len(places) == len(ids):
        return None
    return np.array([places[name] for name in named], dtype=np.intp)


def _arm(name: str, trials: Sequence[TrialRecord], answers: _Answers, level: float) -> ArmData:
    first = trials[0]
    key, measured = first.key, [(trial, trial.measurement) for trial in trials if trial.measurement is not None]
    seeds = tuple(trial.key.seed for trial, _ in measured)
    rows = [answers.rows(measurement) for _, measurement in measured]
    scores, lenient, free = (
        np.stack([row[which] for row in rows]) if rows else np.empty((0, answers.n)) for which in range(3)
    )
    absent = np.isnan(scores)
    missing = int(absent.sum())
    seen = ~absent.any(axis=0)
    # Two arms, each with most of its examples answered by all seeds, have some in common.
    usable = scores.size > 0 and missing <= MOST_MISSING * scores.size and 2 * int(seen.sum()) > answers.n
    seed_means = (
        np.array([float(row[~gone].mean()) for row, gone in zip(scores, absent, strict=True)])
        if usable
        else np.empty(0)
    )
    clusters = None if answers.clusters is None else answers.clusters[seen]
    mean = arm_interval(scores[:, seen], level=level, clusters=clusters) if usable else None
    alike = len(seeds) > 1 and all(np.array_equal(row, scores[0], equal_nan=True) for row in scores[1:])
    fixed = key.budget == 0 or alike or (first.family == "baseline" and len(seeds) == 1)
    results = [result for _, measurement in measured for result in measurement.results]
    summary = Arm(
        arm=name,
        method=key.method,
        family=first.family,
        budget=key.budget,
        seeds=len(seeds),
        model=key.model,
        source_precision=first.source_precision,
        precision=key.precision,
        score=float(seed_means.mean()) if usable else None,
        interval=mean.interval if mean else None,
        lenient_score=_mean_seen(lenient) if usable else None,
        missing=missing,
        n_test=answers.n,
        configurations_tried=round(_mean([len(trial.tried) for trial in trials])),
        token_passes=_mean([trial.token_passes for trial in trials]),
        fit_seconds=_mean([trial.fit_seconds for trial in trials]),
        latency_ms=_latency([measurement.latency for _, measurement in measured]),
        prompt_tokens=_mean([result.prompt_tokens for result in results]),
        output_tokens=_mean([result.output_tokens for result in results]),
        peak_memory_mb=max((m.peak_memory_mb for _, m in measured if m.peak_memory_mb is not None), default=None),
        retention=_optional_mean([measurement.retention for _, measurement in measured]),
        p_vs_recommended=None,
        dev_score=_optional_mean([trial.dev_score for trial, _ in measured]),
        beside=_beside([measurement for _, measurement in measured]),
        free_score=_mean_seen(free) if usable else None,
        fit_joules=_optional_mean([trial.fit_joules for trial, _ in measured]),
        call_joules=_optional_mean([measurement.call_joules for _, measurement in measured]),
        single_call_joules=_optional_mean([measurement.single_call_joules for _, measurement in measured]),
        energy_source=_energy_source([trial.energy_source for trial, _ in measured]),
        validation_score=_optional_mean([trial.validation_score for trial, _ in measured]),
        failed=len(trials) - len(measured),
        error=next((trial.error for trial in trials if trial.measurement is None), None),
    )
    return ArmData(
        summary=summary,
        key=key,
        seeds=seeds,
        scores=scores,
        lenient=lenient,
        free=free,
        seed_means=seed_means,
        fixed=fixed,
        clusters=answers.clusters,
        validation={trial.key.seed: _answered(trial.validation) for trial, _ in measured if trial.validation},
    )


def _answered(scores: Mapping[str, float | None]) -> dict[str, float]:
    return {name: score for name, score in scores.items() if score is not None}


def _mean_seen(scores: Array) -> float | None:
    """Return the mean of what is not missing; None where everything is."""
    seen = scores[~np.isnan(scores)]
    return float(seen.mean()) if seen.size else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _beside(measured: Sequence[Measurement]) -> dict[str, float]:
    """Return the mean over seeds of each number that all of them have."""
    names = [name for name in measured[0].beside if all(name in m.beside for m in measured)] if measured else []
    return {name: _mean([m.beside[name] for m in measured]) for name in names}


def _optional_mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of what is known, or None when nothing or not everything is known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _energy_source(values: Sequence[EnergySource | None]) -> EnergySource | None:
    """Return who says what energy all seeds took: the least sure of them; None where one of them has none."""
    if not values or None in values:
        return None
    return "estimated" if "estimated" in values else values[0]


def _latency(values: Sequence[Latency | None]) -> Latency | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Latency(p50=_mean([value.p50 for value in known]), p95=_mean([value.p95 for value in known]))
