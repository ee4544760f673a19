"""A fitted multinomial logistic regression as plain arrays: what `linear` and `head` share."""

from __future__ import annotations

__all__ = ["Logistic", "array"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from crossover.candidate.base import CandidateParts
from crossover.candidate.fields import texts
from crossover.records import Prediction

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Logistic:
    """`labels` with weights [labels, features] and bias [labels]; one label alone is answered always."""

    labels: tuple[str, ...]
    weights: FloatArray
    bias: FloatArray

    @classmethod
    def of(cls, fitted: Any) -> Self:  # noqa: ANN401  # scikit-learn's estimators carry no types
        """Take over a fitted `sklearn.linear_model.LogisticRegression`."""
        weights, bias = np.asarray(fitted.coef_, dtype=np.float64), np.asarray(fitted.intercept_, dtype=np.float64)
        if len(weights) == 1:  # two classes are fitted as one margin
            weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
        return cls(labels=tuple(str(c) for c in fitted.classes_), weights=weights, bias=bias)

    @classmethod
    def of_parts(cls, parts: CandidateParts, n_features: int) -> Self:
        """Rebuild from a candidate's labels, weights and bias; what does not fit is a ValueError."""
        labels = texts(parts.config, "labels")
        if not labels or len(set(labels)) < len(labels):
            raise ValueError("field 'labels' must hold labels, each once")
        return cls(
            labels=labels,
            weights=array(parts, "weights", (len(labels), n_features)),
            bias=array(parts, "bias", (len(labels),)),
        )

    def answers(self, features: Any, *, prompt_tokens: Sequence[int] | None = None) -> list[Prediction]:  # noqa: ANN401  # dense or scipy.sparse
        """Return the answer for each row of features [rows, features]."""
        logits = np.asarray(features @ self.weights.T) + self.bias
        best = logits.argmax(axis=1)
        ordered = np.sort(logits, axis=1)
        margins = ordered[:, -1] - ordered[:, -2] if logits.shape[1] > 1 else [None] * len(logits)
        return [
            Prediction(
                answer=self.labels[b],
                margin=None if m is None else float(m),
                prompt_tokens=prompt_tokens[i] if prompt_tokens else 0,
            )
            for i, (b, m) in enumerate(zip(best, margins, strict=True))
        ]


def array(parts: CandidateParts, name: str, shape: tuple[int, ...]) -> FloatArray:
    """Return a candidate's tensor as an array; a missing one, another shape or NaN is a ValueError."""
    if name not in parts.tensors:
        raise ValueError(f"tensor {name!r} is missing")
    if not parts.tensors[name].is_floating_point():
        raise ValueError(f"tensor {name!r} must hold floating-point numbers")
    values = parts.tensors[name].double().numpy()
    if values.shape != shape:
        raise ValueError(f"tensor {name!r} must have shape {list(shape)}, got {list(values.shape)}")
    if not np.isfinite(values).all():
        raise ValueError(f"tensor {name!r} must be finite")
    return np.asarray(values, dtype=np.float64)
