"""Measure a frozen candidate on held-out examples: quality, cost, latency, memory."""

from __future__ import annotations

__all__ = ["LATENCY_CALLS", "measure", "score_answers"]

import time
from collections.abc import Sequence

import numpy as np

from crossover.candidate import Candidate, Predictor
from crossover.metrics import Metric
from crossover.model.base import LanguageModel
from crossover.records import Example, ExampleResult, Latency, Measurement, Prediction, TaskSpec

LATENCY_CALLS = 12
LATENCY_SECONDS = 10.0
"""Single calls stop after so long, once there are three: a written answer may take seconds."""
_FEWEST_CALLS = 3


def measure(
    candidate: Candidate,
    held_out: Sequence[Example],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel | None,
) -> Measurement:
    """Answer every held-out example once and score the answers; then time single calls on the first few.

    Memory is not known here: who fitted the candidate fills in `peak_memory_mb`.
    """
    start = time.perf_counter()
    with candidate.opened(model) as predictor:
        predictions = predictor([e.inputs for e in held_out])
        seconds = time.perf_counter() - start
        latency = _latency(predictor, held_out)
    results = score_answers(predictions, held_out, spec, metric)
    return Measurement(
        results=results,
        latency=latency,
        seconds=seconds,
        beside=metric.aggregate([result.answer for result in results], held_out, spec),
    )


def score_answers(
    predictions: Sequence[Prediction], held_out: Sequence[Example], spec: TaskSpec, metric: Metric
) -> tuple[ExampleResult, ...]:
    """Score answers strictly and leniently. A failure of the machinery is missing, never wrong."""
    results = []
    for prediction, example in zip(predictions, held_out, strict=True):
        missing = prediction.error is not None or prediction.answer is None
        answer = prediction.answer or ""
        results.append(
            ExampleResult(
                example_id=example.id,
                answer=None if missing else answer,
                score=None if missing else metric.score(answer, example, spec),
                lenient_score=None if missing else metric.lenient(answer, example, spec),
                margin=prediction.margin,
                prompt_tokens=prediction.prompt_tokens,
                output_tokens=prediction.output_tokens,
                error=prediction.error if prediction.error is not None or not missing else "no answer was recorded",
            )
        )
    return tuple(results)


def _latency(predictor: Predictor, held_out: Sequence[Example]) -> Latency | None:
    """Time calls of one input each; the first is not counted, it warms the prefix."""
    inputs = [e.inputs for e in held_out[: LATENCY_CALLS + 1]]
    if len(inputs) < 2:
        return None
    times = []
    begin = time.perf_counter()
    for one in inputs:
        start = time.perf_counter()
        predictor([one])
        times.append(1000 * (time.perf_counter() - start))
        if len(times) > _FEWEST_CALLS and time.perf_counter() - begin > LATENCY_SECONDS:
            break
    return Latency(p50=float(np.percentile(times[1:], 50)), p95=float(np.percentile(times[1:], 95)))
