"""The aspects in which prompting and fine-tuning differ, each cell measured in this study; what was not says so."""

from __future__ import annotations

__all__ = ["COLUMNS", "NOT_MEASURED", "Aspect", "Aspects", "aspects", "aspects_to_json"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from crossover.records import Arm, Family, Interaction, Json, Measurement, TrialRecord, Verdict
from crossover.verdict.differ import Differing
from crossover.verdict.figures import about, called, interval, joules, n_labels, percent, plain_points
from crossover.verdict.probes import probe_lines
from crossover.verdict.sides import hedge, nominee, prompt_at_start, trials_of
from crossover.verdict.wins import parts_of, where_it_wins

COLUMNS: tuple[Family, ...] = ("prompt", "weights", "both")
NOT_MEASURED = "not measured"
_ABSENT = "took no part"

Lines: TypeAlias = tuple[str, ...]

_DEFINITIONS: Mapping[Family, str] = {
    "prompt": "What the model is told is changed, the model is not.",
    "weights": "The model's weights, or a few beside them, are trained.",
    "both": "Weights are trained and the prompt is worked on.",
}
_OBJECTIVES: Mapping[Family, str] = {
    "prompt": "Find words and demonstrations that the frozen model answers best with.",
    "weights": "Make the wanted answers likely after a plain prompt.",
    "both": "Make them likely after the very prompt that is served.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One row: what it is about, and for each of `COLUMNS` the lines of its cell, at least one."""

    name: str
    cells: tuple[Lines, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspects:
    """The table: for each of `COLUMNS` the nominated arm, None where the family took no part, and the rows."""

    arms: tuple[Arm | None, ...]
    rows: tuple[Aspect, ...]


def aspects_to_json(table: Aspects) -> dict[str, Json]:
    """Return the table as JSON values: {"arms": {family: name or null}, "rows": [{"name", family: [line, ...]}]}."""
    return {
        "arms": {family: None if arm is None else arm.arm for family, arm in zip(COLUMNS, table.arms, strict=True)},
        "rows": [
            {"name": row.name, **{family: list(cell) for family, cell in zip(COLUMNS, row.cells, strict=True)}}
            for row in table.rows
        ],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A nominated arm and what its trials measured."""

    arm: Arm
    measured: tuple[Measurement, ...]
    rival: Arm | None

    @property
    def interaction(self) -> Interaction | None:
        return next((one.interaction for one in self.measured if one.interaction is not None), None)


def aspects(
    verdict: Verdict,
    records: Sequence[TrialRecord],
    slices: Mapping[str, str] | None = None,
    *,
    groups: Mapping[str, str] | None = None,
) -> Aspects:
    """Return the table of aspects of the best prompt, the best weights and the best both, as far as they took part.

    Args:
        verdict: what follows from `records`.
        records: all trials of the study.
        slices: test example id -> the slice that it belongs to: its label, or another sort of input.
        groups: example id -> group, where test rows belong together.
    """
    arms = tuple(nominee(verdict, family) for family in COLUMNS)
    sides = [None if arm is None else _side(arm, arms, records) for arm in arms]
    called = "label" if verdict.task.labels else "sort of input"
    n_slices = len(set((slices or {}).values()))
    differing = Differing(records, (), parts=parts_of(slices or {}, called=called), groups=groups)
    rows: tuple[tuple[str, Callable[[_Side], Sequence[str]]], ...] = (
        ("Definition", lambda side: [_DEFINITIONS[side.arm.family]]),
        ("Objective", lambda side: [_OBJECTIVES[side.arm.family]]),
        ("Example here", lambda side: _example(side, verdict)),
        ("Data requirement", lambda side: _data(side, verdict, records, verdict.margin)),
        ("Scope", _scope),
        ("Customization", _customization),
        ("Flexibility", _flexibility),
        ("Training process", _training),
        ("Resources", _resources),
        ("Use cases", lambda side: where_it_wins(side.arm, side.rival, differing, called=called, total=n_slices)),
        ("Real-time use", _real_time),
    )
    return Aspects(
        arms=arms,
        rows=tuple(
            Aspect(
                name=name,
                cells=tuple((_ABSENT,) if side is None else tuple(lines(side)) or (NOT_MEASURED,) for side in sides),
            )
            for name, lines in rows
        ),
    )


def _side(arm: Arm, nominated: Sequence[Arm | None], records: Sequence[TrialRecord]) -> _Side:
    trials = sorted(trials_of(arm, records), key=lambda record: record.key)
    measured = [record.measurement for record in trials if record.measurement is not None]
    others = [other for other in nominated if other is not None and other is not arm]
    # Prompt against weights is what people ask about; what does both is held against the better of the two.
    alone = [other for other in others if other.family != "both"] or others
    rival = max(alone, key=lambda other: (other.score or 0.0, other.arm), default=None)
    return _Side(arm=arm, measured=tuple(measured), rival=rival)


def _example(side: _Side, verdict: Verdict) -> list[str]:
    arm = side.arm
    score = (
        f": {percent(arm.score)}{interval(arm.interval)} {called(verdict.task.metric)}" if arm.score is not None else ""
    )
    return [f"{arm.method} {_with(arm.budget)}{score}"]


def _with(budget: int) -> str:
    return "without labels" if budget == 0 else f"with {n_labels(budget)}"


def _data(side: _Side, verdict: Verdict, records: Sequence[TrialRecord], margin: float) -> list[str]:
    arm = side.arm
    used = [record.labels_used for record in trials_of(arm, records)]
    lines = [f"{n_labels(max(used))} used"] if used else []
    same = (arm.method, arm.model, arm.precision)
    curve = [one for one in verdict.arms if (one.method, one.model, one.precision) == same and one.score is not None]
    if len(curve) > 1:
        best = max(one.score or 0.0 for one in curve)
        enough = min(one.budget for one in curve if (one.score or 0.0) >= best - margin)
        near = "without any labels" if enough == 0 else f"from {n_labels(enough)} on"
        lines.append(f"within {plain_points(margin)} of its own best {near}")
    found = verdict.crossover
    if found is not None and arm.method == found.weights_method and found.labels is not None:
        told = {
            "exact": f"overtakes {found.prompt_method} at about {n_labels(found.labels)}",
            "at_most": f"ahead of {prompt_at_start(verdict, found)} from the fewest measured, {n_labels(found.labels)}"
            f"{hedge(verdict)}",
            "at_least": f"had not overtaken {found.prompt_method} at {n_labels(found.labels)}, the most measured",
        }
        if found.bound in told:
            lines.append(told[found.bound])
    return lines


def _scope(side: _Side) -> list[str]:
    arm = side.arm
    if arm.retention is None:
        kept = []
    elif arm.family == "prompt":
        kept = ["keeps all of the base model, by definition: a prompt goes with its request"]
    else:
        divergences = [one.retained.divergence for one in side.measured if one.retained is not None]
        nats = f" (KL {sum(divergences) / len(divergences):.2f} nats a token)" if divergences else ""
        kept = [f"keeps {percent(arm.retention)} of a token's probability in the base model's own text{nats}"]
    return [*kept, *probe_lines(side.measured)]


def _customization(side: _Side) -> list[str]:
    arm, found, lines = side.arm, side.interaction, []
    if arm.free_score is not None and arm.score is not None:
        lines.append(f"written freely {percent(arm.free_score)} instead of {percent(arm.score)}")
    if arm.score is not None and arm.lenient_score is not None and arm.lenient_score - arm.score > 0.005:
        lines.append(f"read leniently {percent(arm.lenient_score)} instead of {percent(arm.score)}")
    if "valid" in arm.beside:
        lines.append(f"{percent(arm.beside['valid'])} of the answers valid by the schema")
    if found is None:
        return lines
    if not found.editable:
        return [*lines, "it has no prompt that could be edited"]
    if found.in_form is not None:
        lines.append(f"{_of(found.in_form, found.inputs)} answers written freely are a label")
    if found.follows is not None and found.follows_before is not None:
        before = f", {_of(found.follows_before, found.inputs)} before" if found.follows_before else ""
        lines.append(f"asked for {found.asked}: {_of(found.follows, found.inputs)} follow{before}")
    return lines


def _of(share: float, count: int) -> str:
    return f"{round(share * count)} of {count}"


def _flexibility(side: _Side) -> list[str]:
    arm, found = side.arm, side.interaction
    if arm.family != "prompt":
        return [f"other labels: {_time(arm.fit_seconds)}, a new fit"] if arm.fit_seconds else []
    if found is None or found.new_labels_s is None:
        return []
    return [f"other labels: {_time(found.new_labels_s)} until the prompt is built and read, without examples of them"]


def _training(side: _Side) -> list[str]:
    arm = side.arm
    tried = f"{arm.configurations_tried:,} configuration{'' if arm.configurations_tried == 1 else 's'} tried"
    passes = f"{about(arm.token_passes)} token passes" if arm.token_passes else "no token passes"
    return [f"{tried}, {passes}, {_time(arm.fit_seconds)}"]


def _resources(side: _Side) -> list[str]:
    arm, lines = side.arm, []
    if arm.peak_memory_mb is not None:
        lines.append(f"{arm.peak_memory_mb:,.0f} MiB at most")
    lines.append(f"{round(arm.prompt_tokens + arm.output_tokens):,} tokens a call")
    if arm.latency_ms is not None:
        lines.append(f"{arm.latency_ms.p50:,.0f} ms a call, one at a time")
    return lines + _energy(arm)


def _energy(arm: Arm) -> list[str]:
    known = ((arm.fit_joules, "for the fit"), (arm.call_joules, "a call"), (arm.single_call_joules, "one at a time"))
    told = [f"{joules(value)} {what}" for value, what in known if value]
    guessed = " (estimated)" if arm.energy_source == "estimated" else ""
    return [", ".join(told) + guessed] if told else []


def _real_time(side: _Side) -> list[str]:
    found = side.interaction
    if found is None:
        return []
    if not found.editable:
        return [f"no prompt to edit: {_time(side.arm.fit_seconds)} for a new fit"]
    return [] if found.first_answer_s is None else [f"{_time(found.first_answer_s)} from an edit to the first answer"]


def _time(seconds: float) -> str:
    """Return a duration in the unit that a person would use: "61 ms", "2.1 s", "58 s", "12 min"."""
    if seconds < 0.0005:
        return "0 s"
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
