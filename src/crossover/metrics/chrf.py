"""chrF for translations, with corpus chrF and BLEU beside it."""

from __future__ import annotations

__all__ = ["Chrf"]

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias, final

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from crossover.metrics.base import Metric
from crossover.metrics.readings import bounded, readings
from crossover.records import Example, Kind, TaskSpec

_Streams: TypeAlias = list[list[Any]]
"""sacrebleu's references: one stream for each, a text or None (which its types leave out) for every example."""


@final
class Chrf(Metric):
    """Sentence chrF by sacrebleu's defaults, divided by 100: F over character n-grams, the best over the references.

    Source: Popović 2015; Post 2018 for sacrebleu.

    Aggregates: `chrf` and `bleu` of the whole corpus by sacrebleu's defaults, 0..100 as they are published; what others
    need to compute the same is in `signatures`. Corpus BLEU splits words as the WMT does (tokenizer 13a), which suits
    no language that is written without spaces.
    """

    name: ClassVar[str] = "chrf"
    kinds: ClassVar[tuple[Kind, ...]] = ("translation",)

    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return _best(bounded(answer, example.answers), example)

    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        read = bounded(answer, example.answers)
        return max(_best(reading, example) for reading in readings(read))

    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        rows = [
            (bounded(answer, example.answers), example.answers)
            for answer, example in zip(answers, examples, strict=True)
            if answer is not None and example.answers
        ]
        if not rows:
            return {}
        said = [answer for answer, _ in rows]
        n_streams = max(len(references) for _, references in rows)
        streams: _Streams = [[refs[i] if i < len(refs) else None for _, refs in rows] for i in range(n_streams)]
        return {
            "chrf": CHRF().corpus_score(said, streams).score,
            "bleu": _bleu().corpus_score(said, streams).score,
        }

    def signatures(self, n_references: int) -> Mapping[str, str]:
        chrf, bleu = CHRF(), _bleu()
        streams: _Streams = [["a", "a"]] * n_references or [["a", "a"], ["a", None]]
        for metric in (chrf, bleu):
            metric.corpus_score(["a", "a"], streams)  # a signature counts the streams
        return {"chrf": str(chrf.get_signature()), "bleu": str(bleu.get_signature())}


def _bleu() -> BLEU:
    return BLEU(force=True)  # changes no number: it holds back a warning about answers that end with " ."


def _best(answer: str, example: Example) -> float:
    if answer in example.answers:
        return 1.0
    if not example.answers:
        return 0.0
    return min(1.0, float(CHRF().sentence_score(answer, example.answers).score) / 100)
