"""Quality, cost, latency, memory and retention of a candidate; a judge's comparison with the reference answers."""

from crossover.measure.interaction import interaction
from crossover.measure.judge import Judgement, judge
from crossover.measure.measure import measure, score_answers
from crossover.measure.memory import PeakMemory
from crossover.measure.probes import score_probe
from crossover.measure.retention import OwnText, own_text, retained, share_kept

__all__ = [
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
]
