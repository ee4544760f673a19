"""`linear`: word counts and logistic regression, without a language model."""

from __future__ import annotations

__all__ = ["Linear"]

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from crossover.candidate import Candidate, LinearCandidate
from crossover.candidate.linear import vectorizer
from crossover.candidate.wording import joined
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import Meter
from crossover.methods.regression import fit_logistic
from crossover.metrics import Metric
from crossover.model.base import LanguageModel
from crossover.records import Example, Family, Inputs, TaskSpec

_STRENGTHS = (1.0, 10.0, 100.0)


class Linear(Method):
    """TF-IDF of words and word pairs, multinomial logistic regression."""

    name: ClassVar[str] = "linear"
    family: ClassVar[Family] = "baseline"
    min_budget: ClassVar[int] = 2
    summary: ClassVar[str] = "words and word pairs, logistic regression; no language model"

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
        """Count words and fit; the strength of regularization is cross-validated."""
        meter = Meter(None)
        texts = [joined(e.inputs, spec.input_fields) for e in labelled]

        def features(kept: Sequence[int]) -> tuple[Any, Callable[[Sequence[int]], Any]]:
            counts = vectorizer()
            matrix = counts.fit_transform([texts[i] for i in kept])
            return matrix, lambda rows: counts.transform([texts[i] for i in rows])

        try:
            fitted, tried, dev = fit_logistic(features, labelled, _STRENGTHS, spec, metric, name="C", seed=seed)
            counts = vectorizer().fit(texts)
        except ValueError as error:
            if "empty vocabulary" not in str(error):
                raise
            raise TrialError("linear: the labelled texts hold no words to count") from error
        candidate = LinearCandidate(
            fields=spec.input_fields,
            vocabulary=tuple(sorted(counts.vocabulary_, key=counts.vocabulary_.__getitem__)),
            idf=np.asarray(counts.idf_),
            model=fitted,
        )
        return Fitted(
            candidate=candidate,
            tried=tried,
            dev_score=dev,
            labels_used=len(labelled),
            token_passes=0,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """No tokens of a language model."""
        return Cost()
