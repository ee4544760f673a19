"""Logistic regression with its strength chosen on rows kept out: what `linear` and the heads fit."""

from __future__ import annotations

__all__ = ["Features", "choose_strength", "fit_at", "fit_logistic"]

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from crossover.candidate.logistic import Logistic
from crossover.methods.choosing import folds, out_of_bag_score
from crossover.metrics import Metric
from crossover.records import Configuration, Example, TaskSpec

Matrix = Any  # a numpy array or a scipy.sparse matrix, rows first: both index and multiply alike
Features = Callable[[Sequence[int]], tuple[Matrix, Callable[[Sequence[int]], Matrix]]]
"""Fit features on the rows with these indices; return their matrix and the function that makes other rows' matrix."""

_FOLDS = 5


def fit_logistic(
    features: Features,
    rows: Sequence[Example],
    strengths: Sequence[float],
    spec: TaskSpec,
    metric: Metric,
    *,
    name: str,
    seed: int,
) -> tuple[Logistic, tuple[Configuration, ...], float | None]:
    """Choose the inverse regularization strength by cross-validation (the first of equals), then fit on all rows.

    Features are fitted inside each fold, so a dev row never helps to shape what it is judged by.

    Returns:
        The model on all rows, every strength tried with its cross-validated score, and the score of the choice
        (`out_of_bag_score`), because the best one's own is too good.
    """
    parts = [fold for fold in folds(rows, _FOLDS, seed) if 0 < len(fold) < len(rows)]
    tried, chosen, dev_score = choose_strength(features, rows, strengths, spec, metric, name=name, parts=parts)
    matrix, _ = features(range(len(rows)))
    return fit_at(matrix, rows, chosen), tried, dev_score


def fit_at(matrix: Matrix, rows: Sequence[Example], strength: float) -> Logistic:
    """Fit rows [rows, features] and their targets at one inverse regularization strength."""
    return _fit(_Span.of(matrix), np.array([str(row.target) for row in rows]), strength)


def choose_strength(
    features: Features,
    rows: Sequence[Example],
    strengths: Sequence[float],
    spec: TaskSpec,
    metric: Metric,
    *,
    name: str,
    parts: Sequence[Sequence[int]],
) -> tuple[tuple[Configuration, ...], float, float | None]:
    """Choose the inverse regularization strength (the first of equals) on rows that its fits do not see.

    Args:
        features: fits features on some rows.
        rows: the labelled rows.
        strengths: to choose among.
        spec: the task.
        metric: the study's.
        name: what the strength is called in `Configuration.settings`.
        parts: places in `rows`: each part is kept out of a fit on all the rest and scored with it.

    Returns:
        Every strength with its score, the chosen one, and the score of the choice (`out_of_bag_score`).
    """
    targets = np.array([str(row.target) for row in rows])
    scores: dict[float, list[float]] = {c: [] for c in strengths}
    for fold in parts:
        kept = sorted(set(range(len(rows))) - set(fold))
        matrix, transform = features(kept)
        held_out = transform(fold)
        span = _Span.of(matrix)
        for strength in strengths:
            answers = _fit(span, targets[kept], strength).answers(held_out)
            scores[strength] += [
                metric.score(a.answer or "", rows[i], spec) for a, i in zip(answers, fold, strict=True)
            ]
    tried = tuple(
        Configuration(settings={name: c}, dev_score=float(np.mean(scores[c])) if scores[c] else None) for c in strengths
    )
    best = max(tried, key=lambda t: -1.0 if t.dev_score is None else t.dev_score)
    return tried, strengths[tried.index(best)], out_of_bag_score(np.array(list(scores.values())))


@dataclass(frozen=True, slots=True, eq=False)
class _Span:
    """Rows in coordinates of the space that they span: [rows, rank] for [rows, features].

    The best weights of a penalised regression lie in that space (representer theorem), and the change of basis is
    orthonormal, so that the penalty stays the same: the fit is the same one, with far fewer weights when there are more
    features than rows. With 77 labels on 1,152 features it is most of a head's time.
    """

    rows: Matrix
    back: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]
    """Turn weights [labels, rank] into weights [labels, features]."""

    @classmethod
    def of(cls, matrix: Matrix) -> _Span:
        """Change the basis where that makes the rows smaller; a sparse matrix of many rows is left as it is."""
        n = matrix.shape[0]
        if n * n >= matrix.size:
            return cls(matrix, lambda weights: weights)
        matrix = matrix.astype(np.float64)
        gram = matrix @ matrix.T
        values, vectors = np.linalg.eigh(gram.toarray() if hasattr(gram, "toarray") else gram)
        if values[-1] <= 0:  # rows of zeros span nothing
            return cls(matrix, lambda weights: weights)
        kept = values > 1e-12 * values[-1]
        scale = np.sqrt(values[kept])
        basis = vectors[:, kept] / scale
        return cls(vectors[:, kept] * scale, lambda weights: np.asarray((matrix.T @ (basis @ weights.T)).T))


def _fit(span: _Span, targets: np.ndarray[Any, Any], strength: float) -> Logistic:
    if len(set(targets)) == 1:
        n_features = span.back(np.zeros((1, span.rows.shape[1]))).shape[1]
        return Logistic(labels=(str(targets[0]),), weights=np.zeros((1, n_features)), bias=np.zeros(1))
    fitted = Logistic.of(LogisticRegression(C=strength, max_iter=2000).fit(span.rows, targets))
    return replace(fitted, weights=span.back(fitted.weights))
