"""Measure a frozen candidate on held-out examples: quality, cost, latency, memory."""

from __future__ import annotations

__all__ = ["LATENCY_CALLS", "measure", "score_answers", "single_calls_seconds"]

import time
from collections.abc import Sequence

import numpy as np

from crossover.candidate import Candidate, Predictor
from crossover.measure.energy import EnergyMeter
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
    on_gpu = model is not None and model.identity.device != "cpu"
    start = time.perf_counter()
    with candidate.opened(model) as predictor:
        with EnergyMeter(on_gpu=on_gpu) as energy:
            predictions = predictor([e.inputs for e in held_out])
        seconds = time.perf_counter() - start
        latency, single_call_joules = _alone(predictor, held_out, on_gpu=on_gpu)
    results = score_answers(predictions, held_out, spec, metric)
    return Measurement(
        results=results,
        latency=latency,
        seconds=seconds,
        call_joules=None if energy.joules is None or not held_out else energy.joules / len(held_out),
        single_call_joules=single_call_joules,
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


def single_calls_seconds(a_call: float) -> float:
    """Return what timing single calls takes where one of them takes `a_call` seconds: for the plan."""
    return min((LATENCY_CALLS + 1) * a_call, max((_FEWEST_CALLS + 1) * a_call, LATENCY_SECONDS + a_call))


def _alone(predictor: Predictor, held_out: Sequence[Example], *, on_gpu: bool) -> tuple[Latency | None, float | None]:
    """Return the latency of calls of one input each and a call's joules; the first warms the prefix, uncounted."""
    inputs = [e.inputs for e in held_out[: LATENCY_CALLS + 1]]
    if len(inputs) < 2:
        return None, None
    times: list[float] = []
    begin = time.perf_counter()
    predictor(inputs[:1])
    with EnergyMeter(on_gpu=on_gpu) as energy:
        for one in inputs[1:]:
            start = time.perf_counter()
            predictor([one])
            times.append(1000 * (time.perf_counter() - start))
            if len(times) >= _FEWEST_CALLS and time.perf_counter() - begin > LATENCY_SECONDS:
                break
    latency = Latency(p50=float(np.percentile(times, 50)), p95=float(np.percentile(times, 95)))
    return latency, None if energy.joules is None else energy.joules / len(times)
