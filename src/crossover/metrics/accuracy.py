"""Accuracy: the share of right labels, with macro-F1 and balanced accuracy beside it."""

from __future__ import annotations

__all__ = ["Accuracy"]

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar, final

from crossover.metrics.base import Metric
from crossover.metrics.labels import read_label, read_label_strictly
from crossover.records import Example, Kind, TaskSpec


@final
class Accuracy(Metric):
    """1 for the right label, 0 for any other answer.

    Aggregates: `macro_f1` and `balanced_accuracy` (mean recall), both over the labels that the targets hold, as
    scikit-learn's `f1_score(average="macro", labels=sorted(set(targets)), zero_division=0)` and
    `balanced_accuracy_score`. An answer that is no label counts against its target's recall and nobody's precision.
    """

    name: ClassVar[str] = "accuracy"
    kinds: ClassVar[tuple[Kind, ...]] = ("classification",)

    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return float(read_label_strictly(answer, spec) in example.answers)

    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return float(read_label(answer, spec) in example.answers)

    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        pairs = [
            (read_label_strictly(a, spec), e.target)
            for a, e in zip(answers, examples, strict=True)
            if a is not None and e.target is not None
        ]
        if not pairs:
            return {}
        wanted = Counter(target for _, target in pairs)
        said = Counter(answer for answer, _ in pairs)
        right = Counter(target for answer, target in pairs if answer == target)
        return {
            "macro_f1": sum(2 * right[label] / (wanted[label] + said[label]) for label in wanted) / len(wanted),
            "balanced_accuracy": sum(right[label] / wanted[label] for label in wanted) / len(wanted),
        }
