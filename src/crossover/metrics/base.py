"""The contract of a metric."""

from __future__ import annotations

__all__ = ["Metric"]

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from crossover.records import Example, Kind, TaskSpec


class Metric(ABC):
    """Says how good an answer is.

    A study's primary number is the mean of a metric's per-example scores, so that arms can be compared example by
    example. Whatever is not such a mean (macro-F1, BLEU) is an aggregate and stands beside it.

    What every metric keeps (`crossover.metrics.conformance.check` tests it):

    - a score lies in 0..1, higher is better, and the target itself, or any further reference, scores 1 (where rules
      decide: when it keeps them);
    - no answer raises: an empty or hostile text is a wrong answer, and nested or odd characters harm nothing (only what
      the data file itself says, a rule or a schema, may be a `DataError` that names it);
    - an answer of 100,000 characters is scored within a second: what is read of an answer is bounded;
    - `lenient` reads the same answer with a forgiving eye (case, punctuation, words around it), never below `score`;
    - the same arguments give the same number, and nothing that changes one is kept between calls;
    - an aggregate does not depend on the order of the rows, and a missing answer changes none.

    Another package adds one by the entry point group `crossover.metrics`: the entry point's name is the metric's name,
    its object a class without arguments or an instance.

    Attributes:
        name: what `TaskSpec.metric` and the tables say, for example "accuracy".
        kinds: the task kinds that it can score.
    """

    name: ClassVar[str]
    kinds: ClassVar[tuple[Kind, ...]]

    @abstractmethod
    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        """Return the score of one answer to an example read strictly, in 0..1: a wrong format is a wrong answer."""

    @abstractmethod
    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        """Return the score of the same answer read leniently, in 0..1, at least `score`."""

    @abstractmethod
    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        """Return the corpus numbers that stand beside the mean score, by name; read strictly.

        Args:
            answers: one for each example, in the same order; None is a missing answer and is left out.
            examples: with their targets and further references.
            spec: the task.

        Returns:
            Name -> number, for example {"macro_f1": 0.81, "balanced_accuracy": 0.79}; empty when nothing was answered.
        """

    def signatures(self, n_references: int) -> Mapping[str, str]:
        """Return what must stand beside an aggregate for others to compute the same: its name -> signature.

        For example {"bleu": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"}; empty for most metrics.

        Args:
            n_references: answers that each example has, its target among them; 0 when examples differ.
        """
        del n_references
        return {}
