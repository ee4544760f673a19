"""Short answers to questions: token F1 and exact match, normalised as SQuAD does it."""

from __future__ import annotations

__all__ = ["ExactMatch", "TokenF1", "normalise"]

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, final

from crossover.metrics.base import Metric
from crossover.metrics.readings import bounded, readings
from crossover.records import Example, Kind, TaskSpec

MAX_WORDS_AROUND = 10
"""A forgiving reader finds a reference in a sentence, not in a copied passage."""

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@final
class TokenF1(Metric):
    """F1 over the words that answer and reference share, the best over the references, as SQuAD's official script.

    Source: Rajpurkar et al. 2016 and 2018 (`evaluate-v2.0.py`). Lower case, no ASCII punctuation, no English articles,
    words split at spaces (so a language written without spaces has one word an answer).

    Aggregates: `exact_match`, the share of answers that equal a reference after the same normalisation.
    """

    name: ClassVar[str] = "token_f1"
    kinds: ClassVar[tuple[Kind, ...]] = ("qa",)

    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return _best(_token_f1, bounded(answer, example.answers), example)

    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return _lenient(_token_f1, answer, example)

    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        scores = [
            _best(_exact, bounded(answer, example.answers), example)
            for answer, example in zip(answers, examples, strict=True)
            if answer is not None
        ]
        return {"exact_match": sum(scores) / len(scores)} if scores else {}


@final
class ExactMatch(Metric):
    """1 when the answer equals a reference after SQuAD's normalisation (see `TokenF1`), else 0."""

    name: ClassVar[str] = "exact_match"
    kinds: ClassVar[tuple[Kind, ...]] = ("qa", "generation")

    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return _best(_exact, bounded(answer, example.answers), example)

    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return _lenient(_exact, answer, example)

    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        return {}


def normalise(text: str) -> str:
    """Return a text as SQuAD's official script compares it.

    Where nothing would be left ("A", "the", "?"), punctuation and articles stay: such a text must not equal an empty
    answer, and "A" is an answer to a question with choices.

    >>> normalise("The Eiffel  Tower!")
    'eiffel tower'
    """
    lower = text.lower()
    return " ".join(_ARTICLES.sub(" ", lower.translate(_NO_PUNCTUATION)).split()) or " ".join(lower.split())


def _token_f1(said: str, wanted: str) -> float:
    words_said, words_wanted = said.split(), wanted.split()
    n_same = (Counter(words_said) & Counter(words_wanted)).total()
    if n_same == 0:
        return float(said == wanted)
    precision, recall = n_same / len(words_said), n_same / len(words_wanted)
    return (2 * precision * recall) / (precision + recall)


def _exact(said: str, wanted: str) -> float:
    return float(said == wanted)


def _best(compare: Callable[[str, str], float], answer: str, example: Example) -> float:
    said = normalise(answer)
    return max((compare(said, normalise(reference)) for reference in example.answers), default=0.0)


def _lenient(compare: Callable[[str, str], float], answer: str, example: Example) -> float:
    read = bounded(answer, example.answers)
    if any(_stands_in(normalise(read), normalise(reference)) for reference in example.answers):
        return 1.0
    return max(_best(compare, reading, example) for reading in readings(read))


def _stands_in(said: str, wanted: str) -> bool:
    """Whether the reference's words stand in the answer in their order, with few words around them."""
    n_around = len(said.split()) - len(wanted.split())
    return bool(wanted) and n_around <= MAX_WORDS_AROUND and f" {wanted} " in f" {said} "
