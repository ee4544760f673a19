"""Quality, cost, latency and memory of a candidate."""

from crossover.measure.measure import measure, score_answers
from crossover.measure.memory import PeakMemory

__all__ = ["PeakMemory", "measure", "score_answers"]
