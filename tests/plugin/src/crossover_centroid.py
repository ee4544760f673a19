"""`nearest-centroid`: each label is the mean of its examples' hidden states; the nearest mean answers."""

from __future__ import annotations

__all__ = ["NearestCentroid"]

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from crossover.candidate import Candidate, HeadCandidate
from crossover.candidate.head import head_tokens
from crossover.candidate.logistic import Logistic
from crossover.errors import TrialError
from crossover.methods import Cost, Fitted, Method, Shape
from crossover.methods.choosing import folds, out_of_bag_score
from crossover.methods.effort import Meter
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import Configuration, Example, Family, Inputs, TaskSpec

Floats = npt.NDArray[np.float64]

_SHRUNKEN = (0.0, 0.3, 0.6)
_FOLDS = 5


class NearestCentroid(Method):
    """Nearest shrunken centroids on the frozen model's states (Tibshirani et al. 2002, doi:10.1073/pnas.082099299).

    A label's mean is drawn towards the mean of all rows, by a share that cross-validation chooses. The distance to a
    mean is linear in the states, so that a `HeadCandidate` holds it.
    """

    name: ClassVar[str] = "nearest-centroid"
    family: ClassVar[Family] = "weights"
    needs: ClassVar[frozenset[Capability]] = frozenset({"embed"})
    min_budget: ClassVar[int] = 2
    summary: ClassVar[str] = "the label whose examples' mean hidden state is nearest"

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
        """Read every labelled row once, cross-validate the share, take the means of all rows."""
        if model is None:
            raise TrialError("nearest-centroid needs a language model")
        meter = Meter(model)
        states = model.embed([head_tokens(model, row.inputs, spec.input_fields) for row in labelled])
        mean, scale = states.mean(axis=0), states.std(axis=0) + 1e-6
        states = (states - mean) / scale

        scores = np.zeros((len(_SHRUNKEN), len(labelled)))
        for held in folds(labelled, _FOLDS, seed):
            kept = [i for i in range(len(labelled)) if i not in held]
            for place, share in enumerate(_SHRUNKEN):
                head = _centroids(states[kept], [labelled[i] for i in kept], share)
                for i, answer in zip(held, head.answers(states[held]), strict=True):
                    scores[place, i] = metric.score(answer.answer or "", labelled[i], spec)
        means = scores.mean(axis=1)
        return Fitted(
            candidate=HeadCandidate(
                fields=spec.input_fields,
                mean=mean,
                scale=scale,
                head=_centroids(states, labelled, _SHRUNKEN[int(means.argmax())]),
            ),
            tried=tuple(
                Configuration(settings={"shrunken": share}, dev_score=float(score))
                for share, score in zip(_SHRUNKEN, means, strict=True)
            ),
            dev_score=out_of_bag_score(scores),
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Every row is read once."""
        return Cost(read=(budget + shape.n_test) * shape.row)


def _centroids(states: Floats, rows: Sequence[Example], share: float) -> Logistic:
    """Return the means as weights: the nearest mean m is the one with the largest m·x - |m|²/2.

    Rows of `states` are examples, its columns features, standardised, so that the mean of all is zero.
    """
    targets = np.array([str(row.target) for row in rows])
    labels = tuple(dict.fromkeys(targets.tolist()))
    means = (1 - share) * np.stack([states[targets == label].mean(axis=0) for label in labels])
    return Logistic(labels=labels, weights=means, bias=-(means**2).sum(axis=1) / 2)
