"""Measuring: every held-out row once, missing is not wrong, latency without the first call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

import pytest

from crossover.candidate import (
    Candidate,
    CandidateParts,
    ConstantCandidate,
    Predictor,
    PromptedCandidate,
    PromptProgram,
)
from crossover.measure import measure, score_answers
from crossover.measure.measure import LATENCY_CALLS, LATENCY_SECONDS, single_calls_seconds
from crossover.metrics import get_metric
from crossover.model.base import LanguageModel
from crossover.model.local import LocalModel
from crossover.records import Example, Inputs, Prediction, TaskSpec

METRIC = get_metric("accuracy")


class Scripted(Candidate):
    """Gives what it is told to, takes its time, and remembers its calls."""

    type: ClassVar[str] = "scripted"

    def __init__(self, seconds: float = 0.0, first_seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.first_seconds = first_seconds
        self.calls: list[list[str]] = []

    @property
    def needs_model(self) -> bool:
        return False

    def predictor(self, model: LanguageModel | None) -> Predictor:
        def answer(inputs: Sequence[Inputs]) -> list[Prediction]:
            self.calls.append([i["text"] for i in inputs])
            n_single = sum(len(call) == 1 for call in self.calls)
            time.sleep(self.first_seconds if len(inputs) == 1 and n_single == 1 else self.seconds)
            return [Prediction(answer="refund", prompt_tokens=3, output_tokens=1) for _ in inputs]

        return answer

    def parts(self) -> CandidateParts:
        return CandidateParts(type="scripted", config={})

    @classmethod
    def from_parts(cls, parts: CandidateParts) -> Scripted:
        return cls()


def test_a_failure_is_missing_and_not_wrong(spec: TaskSpec, rows: Sequence[Example]) -> None:
    predictions = [
        Prediction(answer="delivery", margin=0.5, prompt_tokens=7, output_tokens=2),
        Prediction(answer="delivery"),
        Prediction(answer=None, error="timeout"),
        Prediction(answer="delivery", error="cut off"),
        Prediction(answer=None),
        Prediction(answer=""),
    ]
    results = score_answers(predictions, rows[:6], spec, METRIC)
    assert [(r.answer, r.score, r.lenient_score, r.error) for r in results] == [
        ("delivery", 1.0, 1.0, None),
        ("delivery", 0.0, 0.0, None),
        (None, None, None, "timeout"),
        (None, None, None, "cut off"),
        (None, None, None, "no answer was recorded"),
        ("", 0.0, 0.0, None),
    ]
    assert [r.example_id for r in results] == [row.id for row in rows[:6]]
    assert (results[0].margin, results[0].prompt_tokens, results[0].output_tokens) == (0.5, 7, 2)


def test_a_badly_formed_answer_is_an_answer(spec: TaskSpec, rows: Sequence[Example]) -> None:
    (result,) = score_answers([Prediction(answer="It is Delivery.")], rows[:1], spec, METRIC)
    assert (result.score, result.lenient_score, result.error) == (0.0, 1.0, None)


def test_too_few_answers_are_a_fault_of_ours(spec: TaskSpec, rows: Sequence[Example]) -> None:
    with pytest.raises(ValueError, match="longer"):
        score_answers([Prediction(answer="delivery")], rows[:2], spec, METRIC)


def test_every_row_is_answered_once_and_then_some_are_timed(spec: TaskSpec, rows: Sequence[Example]) -> None:
    candidate = Scripted()
    measurement = measure(candidate, rows, spec, METRIC, None)
    texts = [row.inputs["text"] for row in rows]
    assert candidate.calls == [texts, *([text] for text in texts[: LATENCY_CALLS + 1])]
    assert [r.score for r in measurement.results] == [float(row.target == "refund") for row in rows]
    assert measurement.seconds >= 0
    assert measurement.peak_memory_mb is None


def test_latency_leaves_out_the_first_call(spec: TaskSpec, rows: Sequence[Example]) -> None:
    measurement = measure(Scripted(seconds=0.005, first_seconds=0.5), rows[:6], spec, METRIC, None)
    assert measurement.latency is not None
    assert 5 <= measurement.latency.p50 <= measurement.latency.p95 < 300
    assert measurement.seconds < 0.4, "the timed calls are not part of the measuring pass"


@pytest.mark.parametrize(("n_rows", "timed"), [(0, False), (1, False), (2, True)])
def test_latency_takes_two_rows(spec: TaskSpec, rows: Sequence[Example], n_rows: int, timed: bool) -> None:
    measurement = measure(ConstantCandidate(answer="refund"), rows[:n_rows], spec, METRIC, None)
    assert (measurement.latency is not None) == timed
    assert len(measurement.results) == n_rows


def test_a_model_is_measured_as_it_answers(tiny: LocalModel, spec: TaskSpec, rows: Sequence[Example]) -> None:
    candidate = PromptedCandidate(program=PromptProgram.default(spec))
    measurement = measure(candidate, rows, spec, METRIC, tiny)
    with candidate.opened(tiny) as predictor:
        predictions = predictor([row.inputs for row in rows])
    assert [r.answer for r in measurement.results] == [p.answer for p in predictions]
    assert all(r.prompt_tokens > 0 and r.output_tokens > 0 and r.margin is not None for r in measurement.results)
    assert measurement.latency is not None
    assert 0 < measurement.latency.p50 < 1_000


@pytest.mark.parametrize("a_call", [0.01, 0.5, 1.0, 3.0, 20.0])
def test_the_plan_knows_how_long_single_calls_are_timed(
    monkeypatch: pytest.MonkeyPatch, spec: TaskSpec, rows: Sequence[Example], a_call: float
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + a_call))
    scripted = Scripted()
    measure(scripted, rows[:20], spec, METRIC, None)
    taken = clock[0] - a_call  # the pass over all rows is one call
    assert taken == pytest.approx(single_calls_seconds(a_call), abs=a_call)
    assert taken <= max(LATENCY_SECONDS, 4 * a_call) + a_call + 1e-6
