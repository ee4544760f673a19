"""Quality, cost, latency, memory, energy and retention of a candidate; a judge's comparison with the references."""

from crossover.measure.energy import WATTS_A_CORE, EnergyMeter
from crossover.measure.interaction import interaction
from crossover.measure.judge import Judgement, judge
from crossover.measure.measure import measure, score_answers, single_calls_seconds
from crossover.measure.memory import PeakMemory
from crossover.measure.probes import score_probe
from crossover.measure.retention import OwnText, own_text, retained, share_kept

__all__ = [
    "WATTS_A_CORE",
    "EnergyMeter",
    "Judgement",
    "OwnText",
    "PeakMemory",
    "interaction",
    "judge",
    "measure",
    "own_text",
    "retained",
    "score_answers",
    "score_probe",
    "share_kept",
    "single_calls_seconds",
]
