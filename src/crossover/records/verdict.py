"""What follows from a study's trials. Standard library only."""

from __future__ import annotations

__all__ = ["Arm", "Crossover", "Interval", "MoreLabels", "Primary", "TaskInfo", "Verdict"]

from collections.abc import Mapping
from dataclasses import dataclass, field

from crossover.records.economics import Economics, EnergySource
from crossover.records.terms import DEFAULT_MARGIN, Bound, Decision, Family, Kind
from crossover.records.trial import Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A two-sided 95% interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """The task as a verdict names it. `test_groups`: in how many groups the test rows are, None without groups."""

    name: str
    kind: Kind
    metric: str
    n_train: int
    n_test: int
    labels: tuple[str, ...]
    data_sha256: str
    test_groups: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Primary:
    """The one comparison that was declared before the test was read.

    Attributes:
        prompt_arm, weights_arm, both_arm: the nominated arms' names, None where the family took no part.
        difference: weights minus prompt, as a fraction of 1 (both minus prompt when no weights arm took part).
        p: two-sided p-value, both variance components inside.
        both_gain: both together minus the better of the two alone; None where it was not measured.
        both_interval: of `both_gain`, paired.
    """

    prompt_arm: str | None
    weights_arm: str | None
    both_arm: str | None
    difference: float | None
    interval: Interval | None
    p: float | None
    both_gain: float | None = None
    both_interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreLabels:
    """What further labels would buy, read on from a method's learning curve.

    Attributes:
        labels: how many further ones.
        gain: in score, as a fraction of 1.
        interval: of `gain`: examples, seeds, and how soon the curve flattens.
        method: whose curve.
        measured: the budgets that it is read from.
    """

    labels: int
    gain: float
    interval: Interval
    method: str
    measured: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """The number of labels from which the weights arm is better than the prompt arm.

    `bound` says how `labels` reads: exact (between two measured budgets), at_most (already better at the smallest
    budget measured), at_least (not yet better at the largest, but closing), never (not better and not closing;
    `labels` is None).
    """

    labels: float | None
    bound: Bound
    interval: Interval | None
    prompt_method: str
    weights_method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A method × budget (× precision × model), seeds taken together. `score` is None while over 1% is missing.

    Attributes:
        beside: further numbers, means over the seeds: see `Measurement`.
        free_score: the mean score of answers that nothing constrains; None where they were not asked for beside.
        format_share: the share, 0..1, of this arm's gain over the prompt without labels that is format alone: what is
            left of the gain when both are constrained is not. None where unknown, or where free answers show no gain.
        format_interval: of `format_share`.
        fit_joules, call_joules, single_call_joules: as of `TrialRecord` and `Measurement`, means over the seeds.
        energy_source: who says so; "estimated" where that is so for one of the seeds.
        validation_score: on labelled training rows outside the draws, by which families nominate; None where there are
            none for all seeds.
        failed: trials that left no measurement.
        error: why the first of them failed; None where none did.
    """

    arm: str
    method: str
    family: Family
    budget: int
    seeds: int
    model: str
    source_precision: str | None
    precision: str
    score: float | None
    interval: Interval | None
    lenient_score: float | None
    missing: int
    n_test: int
    configurations_tried: int
    token_passes: float
    fit_seconds: float
    latency_ms: Latency | None
    prompt_tokens: float
    output_tokens: float
    peak_memory_mb: float | None
    retention: float | None
    p_vs_recommended: float | None
    dev_score: float | None = None
    beside: Mapping[str, float] = field(default_factory=dict)
    free_score: float | None = None
    format_share: float | None = None
    format_interval: Interval | None = None
    fit_joules: float | None = None
    call_joules: float | None = None
    single_call_joules: float | None = None
    energy_source: EnergySource | None = None
    validation_score: float | None = None
    failed: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from a study's records alone. `crossover.verdict.to_json` gives schema crossover.verdict/1.

    `margin` is the difference, as a fraction of 1, up to which two arms count as equally good. `unsettled` are the two
    arms whose comparison leaves the decision open; None where it is not.
    """

    decision: Decision
    recommended: str | None
    reasons: tuple[str, ...]
    task: TaskInfo
    primary: Primary
    crossover: Crossover | None
    detectable_difference: float | None
    break_even_calls: float | None
    arms: tuple[Arm, ...]
    further_test_examples: int | None = None
    margin: float = DEFAULT_MARGIN
    more_labels: MoreLabels | None = None
    economics: Economics | None = None
    unsettled: tuple[str, str] | None = None
