"""Quality, cost, latency and memory of a candidate; a judge's comparison with the reference answers."""

from crossover.measure.judge import Judgement, judge
from crossover.measure.measure import measure, score_answers
from crossover.measure.memory import PeakMemory

__all__ = ["Judgement", "PeakMemory", "judge", "measure", "score_answers"]
