"""Whole calls on the frozen model are kept; everything else is computed."""

from __future__ import annotations

import numpy as np

from crossover.model.base import TrainRow, TrainSettings
from crossover.model.engine import Memo, ScoreResult
from crossover.model.tiny import tiny_model

PROMPTS: list[tuple[int, ...]] = [(1, 2, 3), (1, 2, 4)]
LABELS: list[tuple[int, ...]] = [(5,), (6, 7)]


class Counting:
    """Counts how often it computes."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> ScoreResult:
        self.n += 1
        return ScoreResult(values=np.full((1, 1), float(self.n)), tokens=self.n)


def test_the_same_call_is_computed_once() -> None:
    memo, compute = Memo(), Counting()
    first = memo.result(PROMPTS, LABELS, compute=compute)
    first.values[:] = -1.0  # whoever changes what was returned changes nothing that is kept
    again = memo.result([list(p) for p in PROMPTS], LABELS, compute=compute)
    assert compute.n == 1
    assert (again.values.item(), again.tokens) == (1.0, 1)


def test_another_call_is_computed() -> None:
    memo, compute = Memo(), Counting()
    calls: list[tuple[list[tuple[int, ...]], list[tuple[int, ...]]]] = [
        (PROMPTS, LABELS),
        (PROMPTS[:1], LABELS),
        (PROMPTS[::-1], LABELS),
        (PROMPTS, LABELS[:1]),
        ([(1, 2), (3, 1, 2, 4)], LABELS),
        ([(1, 2, 3, 1), (2, 4)], LABELS),
    ]
    for prompts, labels in calls:
        memo.result(prompts, labels, compute=compute)
    assert compute.n == len(calls)


def test_the_oldest_is_forgotten_and_all_on_request() -> None:
    memo, compute = Memo(), Counting()
    for i in range(9):
        memo.result([(i,)], compute=compute)
    memo.result([(8,)], compute=compute)
    assert compute.n == 9
    memo.result([(0,)], compute=compute)
    assert compute.n == 10
    memo.clear()
    memo.result([(8,)], compute=compute)
    assert compute.n == 11


def test_a_call_costs_the_same_whether_it_was_kept_or_not() -> None:
    model = tiny_model()
    prompts = [(*range(20), i) for i in range(30, 34)]
    passes = [model.token_passes]
    for _ in range(2):
        model.forget()
        model.score(prompts, LABELS)
        passes.append(model.token_passes)
    assert passes[1] - passes[0] == passes[2] - passes[1]


def test_an_adapted_model_never_answers_from_memory(train_rows: tuple[TrainRow, ...], quick: TrainSettings) -> None:
    model = tiny_model()
    frozen = model.score(PROMPTS, LABELS).logprobs
    embedded = model.embed(PROMPTS)
    with model.training(quick) as trainer:
        for _ in range(3):
            trainer.step(train_rows)
        assert abs(model.score(PROMPTS, LABELS).logprobs - frozen).max() > 1e-4
        assert abs(model.embed(PROMPTS) - embedded).max() > 1e-6
    np.testing.assert_array_equal(model.score(PROMPTS, LABELS).logprobs, frozen)
    np.testing.assert_array_equal(model.embed(PROMPTS), embedded)
