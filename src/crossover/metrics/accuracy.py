"""Accuracy: the share of right labels, with macro-F1 and balanced accuracy beside it."""

from __future__ import annotations

__all__ = ["Accuracy", "per_class"]

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
    `balanced_accuracy_score`; `per_class` has each label's own numbers. An answer that is no label counts against its
    target's recall and nobody's precision.
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
        pairs = _pairs(answers, examples, spec)
        if not pairs:
            return {}
        wanted = Counter(target for _, target in pairs)
        said = Counter(answer for answer, _ in pairs)
        right = Counter(target for answer, target in pairs if answer == target)
        return {
            "macro_f1": sum(2 * right[label] / (wanted[label] + said[label]) for label in wanted) / len(wanted),
            "balanced_accuracy": sum(right[label] / wanted[label] for label in wanted) / len(wanted),
        }


def per_class(
    answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
) -> dict[str, dict[str, float]]:
    """Return each label's numbers, read strictly; the labels that a target holds, in the task's order.

    As scikit-learn's `precision_recall_fscore_support(zero_division=0)`. One label's numbers:
    {"precision": 0.8, "recall": 0.67, "f1": 0.73, "n": 12}, where n counts the targets that hold it.

    Args:
        answers: one for each example, in the same order; None is a missing answer and is left out.
    """
    pairs = _pairs(answers, examples, spec)
    wanted = Counter(target for _, target in pairs)
    said = Counter(answer for answer, _ in pairs)
    right = Counter(target for answer, target in pairs if answer == target)
    return {
        label: {
            "precision": right[label] / said[label] if said[label] else 0.0,
            "recall": right[label] / wanted[label],
            "f1": 2 * right[label] / (wanted[label] + said[label]),
            "n": wanted[label],
        }
        for label in sorted(wanted, key=lambda label: (label not in spec.labels, _place(label, spec), label))
    }


def _pairs(answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec) -> list[tuple[str | None, str]]:
    """Return (label said or None, label wanted) of the answered rows; a further reference counts as the target."""
    pairs = []
    for answer, example in zip(answers, examples, strict=True):
        if answer is not None and example.target is not None:
            said = read_label_strictly(answer, spec)
            pairs.append((example.target if said in example.references else said, example.target))
    return pairs


def _place(label: str, spec: TaskSpec) -> int:
    return spec.labels.index(label) if label in spec.labels else 0
