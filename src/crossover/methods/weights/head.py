"""`head`: a linear head on the frozen model's pooled hidden states."""

from __future__ import annotations

__all__ = ["STRENGTHS", "Head", "rows_of", "standardised"]

from collections.abc import Callable, Sequence
from typing import ClassVar

from crossover.candidate import Candidate, HeadCandidate
from crossover.candidate.head import head_tokens
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import Meter
from crossover.methods.regression import Features, fit_logistic
from crossover.metrics import Metric
from crossover.model.base import Capability, FloatArray, LanguageModel
from crossover.records import Example, Family, Inputs, TaskSpec

STRENGTHS = (0.003, 0.03, 0.3, 0.0003)
"""The first of equals wins: with one row a label no dev row tells them apart, and the strongest penalty is worst."""


class Head(Method):
    """Logistic regression on standardised pooled states: mean and last token of the last layer."""

    name: ClassVar[str] = "head"
    family: ClassVar[Family] = "weights"
    needs: ClassVar[frozenset[Capability]] = frozenset({"embed"})
    min_budget: ClassVar[int] = 2
    summary: ClassVar[str] = "a linear head on the frozen model's hidden states"

    def fit(
        self,
        spec: TaskSpec,
        labelled: Sequence[Example],
        unlabelled: Sequence[Inputs],
        *,
        model: LanguageModel | None,
        metric: Metric,
        effort: float,
        seed: int,
        start: Candidate | None = None,
    ) -> Fitted:
        """Embed the labelled rows once, cross-validate the strength, fit."""
        if model is None:
            raise TrialError("head needs a language model")
        meter = Meter(model)
        states = model.embed([head_tokens(model, e.inputs, spec.input_fields) for e in labelled])
        states, mean, scale = standardised(states)
        fitted, tried, dev = fit_logistic(rows_of(states), labelled, STRENGTHS, spec, metric, name="C", seed=seed)
        return Fitted(
            candidate=HeadCandidate(fields=spec.input_fields, mean=mean, scale=scale, head=fitted),
            tried=tried,
            dev_score=dev,
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Every row is read once."""
        return Cost(read=(budget + shape.n_test) * shape.row)


def standardised(states: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return states [rows, features] standardised, and the mean and deviation that did it, [features] each."""
    mean, scale = states.mean(axis=0), states.std(axis=0) + 1e-6
    return (states - mean) / scale, mean, scale


def rows_of(matrix: FloatArray) -> Features:
    """Return features that are the rows of a matrix [rows, features], whichever rows they are fitted on."""

    def features(kept: Sequence[int]) -> tuple[FloatArray, Callable[[Sequence[int]], FloatArray]]:
        return matrix[list(kept)], lambda rows: matrix[list(rows)]

    return features
