"""`copy-input` and `lead`: the input itself as the answer, or its first sentences."""

from __future__ import annotations

__all__ = ["CopyInput", "Lead"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, CopiedCandidate
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import Meter
from crossover.metrics import Metric
from crossover.model.base import LanguageModel
from crossover.records import Configuration, Example, Family, Inputs, Kind, TaskSpec

_MOST_SENTENCES = 3


class CopyInput(Method):
    """The longest input field, word by word: what a translation or a summary must be better than."""

    name: ClassVar[str] = "copy-input"
    family: ClassVar[Family] = "baseline"
    kinds: ClassVar[tuple[Kind, ...]] = ("translation", "summarization", "generation")
    min_budget: ClassVar[int] = 0
    summary: ClassVar[str] = "the input itself as the answer"

    lengths: ClassVar[tuple[int, ...]] = (0,)

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
        """Take the field with the most text; with labels, so many sentences as score best on them."""
        meter = Meter(None)
        inputs = [row.inputs for row in labelled] or list(unlabelled)
        field = max(spec.input_fields, key=lambda name: sum(len(one[name]) for one in inputs))
        tried = []
        for sentences in self.lengths:
            candidate = CopiedCandidate(field=field, sentences=sentences)
            answers = candidate.predictor(None)([row.inputs for row in labelled])
            scores = [metric.score(a.answer or "", row, spec) for a, row in zip(answers, labelled, strict=True)]
            tried.append((sum(scores) / len(scores) if scores else None, candidate))
        score, best = max(tried, key=lambda one: -1.0 if one[0] is None else one[0])
        return Fitted(
            candidate=best,
            tried=tuple(
                Configuration(settings={"field": field, "sentences": one.sentences}, dev_score=found)
                for found, one in tried
            ),
            dev_score=score,
            labels_used=len(labelled),
            token_passes=0,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Nothing."""
        return Cost()


class Lead(CopyInput):
    """The first sentences of the longest input field: hard to beat where news is summarized."""

    name: ClassVar[str] = "lead"
    kinds: ClassVar[tuple[Kind, ...]] = ("summarization",)
    summary: ClassVar[str] = "the input's first sentences as the answer"

    lengths: ClassVar[tuple[int, ...]] = tuple(range(1, _MOST_SENTENCES + 1))
