"""Logistic regression with its strength chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from crossover.methods import regression
from crossover.methods.regression import fit_logistic
from crossover.metrics import get_metric
from crossover.records import Example, TaskSpec

METRIC = get_metric("accuracy")


def examples(labels: Sequence[str]) -> list[Example]:
    return [Example(id=f"train:{i}", inputs={"text": str(i)}, target=label, row=i) for i, label in enumerate(labels)]


class Recorded:
    """Features of a fixed matrix that remember which rows they were fitted on and asked for."""

    def __init__(self, matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
        self.matrix = matrix
        self.fitted: list[list[int]] = []
        self.asked: list[list[int]] = []

    def __call__(self, kept: Sequence[int]) -> tuple[Any, Callable[[Sequence[int]], Any]]:
        self.fitted.append(list(kept))

        def transform(rows: Sequence[int]) -> Any:  # noqa: ANN401  # as the contract has it
            self.asked.append(list(rows))
            assert not set(rows) & set(kept), "a dev row helped to shape what it is judged by"
            return self.matrix[list(rows)]

        return self.matrix[list(kept)], transform


@pytest.fixture
def features() -> Recorded:
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(24, 4))
    matrix[:12, 0] += 3
    return Recorded(matrix)


def test_every_row_is_judged_once_by_a_fit_that_did_not_see_it(features: Recorded, spec: TaskSpec) -> None:
    rows = examples(["delivery"] * 12 + ["refund"] * 12)
    fitted, tried, dev = fit_logistic(features, rows, (0.1, 10.0), spec, METRIC, name="C", seed=0)
    assert sorted(i for asked in features.asked for i in asked) == list(range(24))
    assert features.fitted[-1] == list(range(24)), "the model that is kept is fitted on all"
    assert [t.settings for t in tried] == [{"C": 0.1}, {"C": 10.0}]
    assert dev is not None
    best = max(t.dev_score for t in tried if t.dev_score is not None)
    assert dev <= best, "each row is judged by the strength that the others choose"
    assert 0.7 < dev <= 1
    chosen = next(t.settings["C"] for t in tried if t.dev_score == best)
    oracle = LogisticRegression(C=chosen, max_iter=2000).fit(features.matrix, [row.target for row in rows])
    answers = fitted.answers(features.matrix)
    assert [a.answer for a in answers] == oracle.predict(features.matrix).tolist()


def test_a_single_class_is_always_answered(features: Recorded, spec: TaskSpec) -> None:
    fitted, tried, dev = fit_logistic(features, examples(["refund"] * 24), (1.0,), spec, METRIC, name="C", seed=0)
    assert fitted.labels == ("refund",)
    assert {a.answer for a in fitted.answers(features.matrix)} == {"refund"}
    assert (dev, tried[0].dev_score) == (1.0, 1.0)


def test_two_rows_of_two_classes_are_enough(features: Recorded, spec: TaskSpec) -> None:
    fitted, _, dev = fit_logistic(features, examples(["refund", "delivery"]), (1.0,), spec, METRIC, name="C", seed=0)
    assert set(fitted.labels) == {"refund", "delivery"}
    assert dev == 0.0, "each is judged by a fit that knows only the other"


def test_one_row_has_no_dev_rows(features: Recorded, spec: TaskSpec) -> None:
    fitted, tried, _ = fit_logistic(features, examples(["refund"]), (1.0, 2.0), spec, METRIC, name="C", seed=0)
    assert fitted.labels == ("refund",)
    assert [t.dev_score for t in tried] == [None, None]


@pytest.mark.parametrize("as_matrix", [np.asarray, csr_matrix])
def test_a_fit_in_the_span_of_few_rows_is_the_fit_on_all_features(as_matrix: Callable[[Any], Any]) -> None:
    generator = np.random.default_rng(1)
    targets = np.array([str(i % 5) for i in range(30)])
    matrix = generator.normal(size=(30, 400)) + generator.normal(size=(5, 400))[np.arange(30) % 5]
    others = generator.normal(size=(50, 400))
    oracle = LogisticRegression(C=0.01, max_iter=5000, tol=1e-8).fit(matrix, targets)
    span = regression._Span.of(as_matrix(matrix))
    assert span.rows.shape == (30, 30)
    fitted = regression._fit(span, targets, 0.01)
    assert fitted.weights.shape == (5, 400)
    difference = others @ fitted.weights.T + fitted.bias - oracle.decision_function(others)
    assert np.ptp(difference, axis=1).max() < 0.01, "logits may differ by what all labels of a row share"
    assert [a.answer for a in fitted.answers(others)] == oracle.predict(others).tolist()


def test_rows_that_repeat_span_less_than_their_number() -> None:
    matrix = np.repeat(np.random.default_rng(2).normal(size=(3, 50)), 4, axis=0)
    targets = np.array(["a", "b", "c"]).repeat(4)
    span = regression._Span.of(matrix)
    assert span.rows.shape == (12, 3)
    fitted = regression._fit(span, targets, 1.0)
    assert [a.answer for a in fitted.answers(matrix)] == targets.tolist()
    assert np.isfinite(fitted.weights).all()


def test_rows_of_zeros_are_fitted() -> None:
    fitted = regression._fit(regression._Span.of(np.zeros((4, 50))), np.array(["a", "b", "a", "b"]), 1.0)
    assert not fitted.weights.any()


def test_of_equal_strengths_the_first_is_taken(features: Recorded, spec: TaskSpec) -> None:
    rows = examples(["refund", "delivery"])
    fitted, tried, dev = fit_logistic(features, rows, (3.0, 1.0), spec, METRIC, name="C", seed=0)
    assert (dev, [t.dev_score for t in tried]) == (0.0, [0.0, 0.0])
    first, _, _ = fit_logistic(features, rows, (3.0,), spec, METRIC, name="C", seed=0)
    assert fitted.weights.tolist() == first.weights.tolist()
