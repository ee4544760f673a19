"""The frozen types that the stages exchange. Standard library only.

Data goes one way: file -> Task (`Example`s and a `TaskSpec`) -> trials -> `TrialRecord` -> `Verdict` -> report, bundle.
Nothing here knows a task kind's rules, a model or a file format.
"""

from __future__ import annotations

from crossover.records.besides import (
    Interaction,
    Probe,
    ProbeRow,
    ProbeScores,
    Retained,
)
from crossover.records.economics import (
    Amount,
    BreakEven,
    Economics,
    EnergySource,
    Month,
    Prices,
)
from crossover.records.task import (
    Example,
    TaskSpec,
)
from crossover.records.terms import (
    CONVERSATION,
    DEFAULT_MARGIN,
    FAMILIES,
    KINDS,
    Bound,
    Constrain,
    Decision,
    Family,
    Inputs,
    Json,
    Kind,
)
from crossover.records.trial import (
    Configuration,
    ExampleResult,
    Latency,
    LeftOut,
    Measurement,
    Prediction,
    TrialKey,
    TrialRecord,
)
from crossover.records.verdict import (
    Arm,
    Crossover,
    Interval,
    MoreLabels,
    Primary,
    TaskInfo,
    Verdict,
)

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
    "LeftOut",
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
