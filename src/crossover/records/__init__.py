"""The frozen types that the stages exchange. Standard library only.

Data goes one way: file -> Task (`Example`s and a `TaskSpec`) -> trials -> `TrialRecord` -> `Verdict` -> report, bundle.
Nothing here knows a task kind's rules, a model or a file format.
"""

from __future__ import annotations

__all__ = [
    "CONVERSATION",
    "DEFAULT_MARGIN",
    "FAMILIES",
    "KINDS",
    "Amount",
    "Arm",
    "Bound",
    "BreakEven",
    "Configuration",
    "Constrain",
    "Crossover",
    "Decision",
    "Economics",
    "EnergySource",
    "Example",
    "ExampleResult",
    "Family",
    "Inputs",
    "Interaction",
    "Interval",
    "Json",
    "Kind",
    "Latency",
    "Measurement",
    "Month",
    "MoreLabels",
    "Prediction",
    "Prices",
    "Primary",
    "Probe",
    "ProbeRow",
    "ProbeScores",
    "Retained",
    "TaskInfo",
    "TaskSpec",
    "TrialKey",
    "TrialRecord",
    "Verdict",
]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from crossover.records.economics import Amount, BreakEven, Economics, EnergySource, Month, Prices

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"
Inputs: TypeAlias = Mapping[str, str]
"""One example's inputs: column name -> text."""

CONVERSATION = "conversation"
"""The input field of a chat: its text is a list of turns as JSON, {"role", "content"}, up to the one to be answered."""

DEFAULT_MARGIN = 0.03
"""The difference, as a fraction of 1, up to which two arms count as equally good where nobody says otherwise."""

Kind = Literal["classification", "extraction", "qa", "math", "summarization", "translation", "chat", "generation"]
Family = Literal["baseline", "prompt", "weights", "both"]
Decision = Literal["prompt", "weights", "both", "neither", "tied", "unsure"]
Bound = Literal["exact", "at_most", "at_least", "never"]
Constrain = Literal["yes", "no", "both"]

KINDS: tuple[Kind, ...] = (
    "classification",
    "extraction",
    "qa",
    "math",
    "summarization",
    "translation",
    "chat",
    "generation",
)
FAMILIES: tuple[Family, ...] = ("baseline", "prompt", "weights", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row of the data file.

    Attributes:
        id: stable name inside the task, for example "train:17".
        inputs: column -> text.
        target: the wanted answer as text, or None when the row has none.
        row: the row's number as a spreadsheet shows it (the header, where there is one, is row 1).
        references: further answers that are as good as the target.
        checks: rules that an answer must keep (`crossover.metrics.checks`), as JSON text; None without any.
        group: what it has in common with the examples that it belongs together with; None: it stands alone.
    """

    id: str
    inputs: Inputs
    target: str | None
    row: int
    references: tuple[str, ...] = ()
    checks: str | None = None
    group: str | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """The target, where there is one, and the further references."""
        return self.references if self.target is None else (self.target, *self.references)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """What a method may know of a task: everything but the held-out rows.

    Attributes:
        name: the data file's stem.
        input_fields: columns that the model reads, in order.
        target_field: the column with the wanted answers.
        labels: the closed set of answers, for `classification`; empty for open kinds.
        label_names: label -> the words that the model reads and writes for it; other labels stand for themselves.
        instruction: the user's own words for the task, or None for the kind's default.
        input_template: the user's own form of an input, with {field} substitution; None for the kind's default.
        schema: JSON schema of an answer, for `extraction`; None without one.
        answer_tokens: most tokens of an answer, for the open kinds; 0 where labels are the answers.
        constrain: how prompted candidates answer: "yes" within the labels or the schema, "no" freely, "both" as "yes",
            and freely beside it. None: labels are chosen, everything else is written freely.
    """

    name: str
    kind: Kind
    metric: str
    input_fields: tuple[str, ...]
    target_field: str
    labels: tuple[str, ...] = ()
    label_names: Mapping[str, str] = field(default_factory=dict)
    instruction: str | None = None
    input_template: str | None = None
    schema: Mapping[str, Json] | None = None
    answer_tokens: int = 0
    constrain: Constrain | None = None

    def words(self, label: str) -> str:
        """Return the words that stand for a label in prompts and answers."""
        return self.label_names.get(label, label)


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
class Retained:
    """How far a candidate's weights moved the model on text that the base model wrote itself.

    Attributes:
        divergence: mean KL(base ‖ adapted) a token, in nats.
        loss_rise: how much the mean loss rises, in nats a token.
        tokens: tokens of the text.
        seconds: that measuring it took.
    """

    divergence: float
    loss_rise: float
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRow:
    """One row of a probe: a context, and the texts that may continue it. A cloze has one, which is right."""

    context: str
    options: tuple[str, ...]
    right: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A user's own test of what a model knows beside the task. `sha256` is the file's."""

    name: str
    kind: Literal["choice", "cloze"]
    rows: tuple[ProbeRow, ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeScores:
    """A probe's score row by row (0 or 1), of the bare base model and of the model as a candidate leaves it."""

    before: tuple[float, ...]
    after: tuple[float, ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """What an edit of the prompt does, tried on a few inputs of the training split. None: not measured.

    Attributes:
        editable: whether there is a prompt to edit.
        inputs: how many were tried.
        first_answer_s: seconds from an edit of the instruction to the first answer, alone, nothing cached.
        new_labels_s: seconds until a prompt with one label more is built, read and kept for the calls that follow.
        in_form: share of freely written answers that have the required form (a label; JSON by the schema).
        asked: what an edited instruction asked for: "capital letters".
        follows_before, follows: share of freely written answers that have that, before and after the edit.
    """

    editable: bool
    inputs: int = 0
    first_answer_s: float | None = None
    new_labels_s: float | None = None
    in_form: float | None = None
    asked: str | None = None
    follows_before: float | None = None
    follows: float | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from a study's records alone. `crossover.verdict.to_json` gives schema crossover.verdict/1.

    `margin` is the difference, as a fraction of 1, up to which two arms count as equally good.
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
