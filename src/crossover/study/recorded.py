"""Recorded answers of another system as an arm: nothing is fitted, its answers on the test rows are scored."""

from __future__ import annotations

__all__ = ["record_predictions"]

from crossover.measure import score_answers
from crossover.metrics import Metric
from crossover.records import Measurement, Prediction, TrialKey, TrialRecord
from crossover.task import Predictions, Task


def record_predictions(predictions: Predictions, task: Task, metric: Metric, key: TrialKey) -> TrialRecord:
    """Return the trial of recorded answers. A row without an answer is missing, not wrong.

    The arm counts as a baseline: it is what there is today, and what every other arm has to beat.
    """
    answers = [
        Prediction(answer=predictions.answers[e.id])
        if e.id in predictions.answers
        else Prediction(answer=None, error="no recorded answer")
        for e in task.test
    ]
    results = score_answers(answers, task.test, task.spec, metric)
    beside = metric.aggregate([result.answer for result in results], task.test, task.spec)
    measurement = Measurement(results=results, latency=None, seconds=0.0, beside=beside)
    return TrialRecord(key=key, family="baseline", measurement=measurement)
