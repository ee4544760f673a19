"""Answers, measurements and finished trials. Standard library only."""

from __future__ import annotations

__all__ = [
    "Configuration",
    "ExampleResult",
    "Latency",
    "LeftOut",
    "Measurement",
    "Prediction",
    "TrialKey",
    "TrialRecord",
]

from collections.abc import Mapping
from dataclasses import dataclass, field

from crossover.records.besides import Interaction, ProbeScores, Retained
from crossover.records.economics import EnergySource
from crossover.records.terms import Family, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A candidate's answer to one input.

    Attributes:
        answer: the answer as text (for classification: one of the task's labels); None only with `error`.
        margin: difference of the two best answers' log-probabilities, in nats; of a written answer the smallest one of
            two tokens along it; None where there is no such thing.
        prompt_tokens: tokens that the model reads for this call, a cached prefix included.
        output_tokens: tokens that the model wrote: the answer, and the reasoning before it.
        error: a failure of the machinery (never a wrong or badly formed answer), or None.
    """

    answer: str | None
    margin: float | None = None
    prompt_tokens: int = 0
    output_tokens: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleResult:
    """One held-out example's outcome. Scores lie in 0..1 and are None when the answer is missing."""

    example_id: str
    answer: str | None
    score: float | None
    lenient_score: float | None
    margin: float | None = None
    prompt_tokens: int = 0
    output_tokens: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds a call at batch 1 with a warm prefix."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Per-example results plus cost, latency, memory and retention of one candidate.

    Attributes:
        results: one for each held-out example, in the test split's order.
        seconds: wall-clock seconds of the measuring pass.
        peak_memory_mb: highest resident memory while fitting and measuring, in MiB.
        retention: share of the base model's knowledge that is left, 0..1; None where it was not measured.
        beside: further numbers of all answers together, by name: they decide nothing. For example {"macro_f1": 0.71}.
        free: the same examples answered freely, where `results` are constrained and both were asked for; else empty.
        retained: what `retention` is made of; None where the weights are the base model's own, or it was not measured.
        probes: the user's own probes, by name.
        interaction: what an edit of the prompt does; None where it was not measured.
        call_joules: energy of a call among many: of the measuring pass, by its rows. None where it was not measured.
        single_call_joules: energy of a call at batch 1 with a warm prefix, as of `latency`.
    """

    results: tuple[ExampleResult, ...]
    latency: Latency | None
    seconds: float
    peak_memory_mb: float | None = None
    retention: float | None = None
    beside: Mapping[str, float] = field(default_factory=dict)
    free: tuple[ExampleResult, ...] = ()
    retained: Retained | None = None
    probes: Mapping[str, ProbeScores] = field(default_factory=dict)
    interaction: Interaction | None = None
    call_joules: float | None = None
    single_call_joules: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One configuration that a method tried while fitting, with its score on its own dev rows (None without any)."""

    settings: Mapping[str, Json]
    dev_score: float | None
    token_passes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class TrialKey:
    """What makes a trial the same trial. `wording` is a digest of the instruction, label names and prompt."""

    method: str
    budget: int
    seed: int
    model: str
    precision: str
    effort: float = 1.0
    wording: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """One finished trial: method × budget × seed, fitted, frozen and measured once.

    Attributes:
        family: the method's family at the time.
        source_precision: precision of the weights as published, for example "q4_1" or "bf16"; None without a model.
        dev_score: the chosen configuration's score on rows of the budget that it was not fitted on; None without any.
        tried: every configuration tried.
        labels_used: labelled examples that the method looked at; at most the budget.
        token_passes: tokens through the model while fitting and choosing: 1 a token read, 3 a token trained on.
        measurement: None when the trial failed.
        candidate: digest of the stored candidate, or None when nothing was stored.
        error: why the trial failed, or None.
        fit_joules: energy of the fit; None where it was not measured.
        energy_source: who says what energy fit and calls took; None where nobody does.
        prompt: the frozen candidate's prompt as text, "{field}" where an input will stand; None without one.
        validation: example id -> score on the validation rows, labelled training rows outside the draw; None where an
            answer is missing. What a family nominates is read from it. Empty where there were none, and at budgets at
            which nothing is nominated.
    """

    key: TrialKey
    family: Family
    source_precision: str | None = None
    dev_score: float | None = None
    tried: tuple[Configuration, ...] = ()
    labels_used: int = 0
    token_passes: int = 0
    fit_seconds: float = 0.0
    measurement: Measurement | None = None
    candidate: str | None = None
    error: str | None = None
    fit_joules: float | None = None
    energy_source: EnergySource | None = None
    validation: Mapping[str, float | None] = field(default_factory=dict)
    prompt: str | None = None

    @property
    def validation_score(self) -> float | None:
        """The mean score on the validation rows that were answered; None without any."""
        known = [score for score in self.validation.values() if score is not None]
        return sum(known) / len(known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A method × budget that is not run, and why."""

    method: str
    budget: int
    reason: str
