"""ROUGE: the words, pairs of words and word order that a text shares with a reference.

F1 with Porter's stemmer, the best over the references, as `rouge_score` 0.1.2 (Google) computes it. Source: Lin 2004.
Words are runs of a-z and 0-9 in lower case, as in the reference implementation. That leaves nothing of most of the
world's scripts, so a reference of which more than half the letters lie outside ASCII is compared by words of any script
instead (one character a word where a script writes no spaces).

A text equal to a reference scores 1, also where it is too short to hold a pair of words.
"""

from __future__ import annotations

__all__ = ["Rouge1", "Rouge2", "RougeL", "words"]

import re
from abc import ABC
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar, Literal, final

import regex
from nltk.stem.porter import PorterStemmer

from crossover.metrics.base import Metric
from crossover.metrics.readings import bounded, readings
from crossover.records import Example, Kind, TaskSpec

Variant = Literal["rouge_1", "rouge_2", "rouge_l"]

MIN_STEMMED_CHARACTERS = 4

_WORDS = re.compile(r"[a-z0-9]+")
_SINGLE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORDS_OF_ANY_SCRIPT = regex.compile(rf"(?V1)[{_SINGLE}]|[[\p{{L}}\p{{M}}\p{{N}}]--[{_SINGLE}]]+")
_LETTERS = regex.compile(r"[\p{L}\p{N}]")

_stem = lru_cache(maxsize=20_000)(PorterStemmer().stem)


class _Rouge(Metric, ABC):
    """What the three variants share."""

    kinds: ClassVar[tuple[Kind, ...]] = ("summarization", "chat", "generation")
    _variant: ClassVar[Variant]

    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return _best(bounded(answer, example.answers), example, self._variant)

    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        read = bounded(answer, example.answers)
        return max(_best(reading, example, self._variant) for reading in readings(read))

    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        rows = [
            (bounded(answer, example.answers), example)
            for answer, example in zip(answers, examples, strict=True)
            if answer is not None
        ]
        variants: tuple[Variant, ...] = ("rouge_1", "rouge_2", "rouge_l")
        return {variant: sum(_best(*row, variant) for row in rows) / len(rows) for variant in variants} if rows else {}


@final
class Rouge1(_Rouge):
    """ROUGE-1: the words in common. Aggregates: the mean F1 of all three variants."""

    name: ClassVar[str] = "rouge_1"
    _variant: ClassVar[Variant] = "rouge_1"


@final
class Rouge2(_Rouge):
    """ROUGE-2: the pairs of neighbouring words in common. Aggregates: the mean F1 of all three variants."""

    name: ClassVar[str] = "rouge_2"
    _variant: ClassVar[Variant] = "rouge_2"


@final
class RougeL(_Rouge):
    """ROUGE-L: the longest sequence of words in common, with gaps. Aggregates: the mean F1 of all three variants."""

    name: ClassVar[str] = "rouge_l"
    _variant: ClassVar[Variant] = "rouge_l"


def words(text: str) -> list[str]:
    """Return the stems that ROUGE compares, in order: as `rouge_score`'s `tokenize` with its stemmer.

    >>> words("The cats' 2 homes, Größe")
    ['the', 'cat', '2', 'home', 'gr', 'e']
    """
    found = _WORDS.findall(text.lower())
    return [_stem(word) if len(word) >= MIN_STEMMED_CHARACTERS else word for word in found]


def _best(answer: str, example: Example, variant: Variant) -> float:
    if answer in example.answers:
        return 1.0
    return max((_f1(reference, answer, variant) for reference in example.answers), default=0.0)


def _f1(reference: str, answer: str, variant: Variant) -> float:
    letters = _LETTERS.findall(reference)
    if 2 * sum(not letter.isascii() for letter in letters) > len(letters):
        wanted, said = (_WORDS_OF_ANY_SCRIPT.findall(text.lower()) for text in (reference, answer))
    else:
        wanted, said = words(reference), words(answer)
    if variant == "rouge_l":
        n_wanted, n_said, n_both = len(wanted), len(said), _common_subsequence(wanted, said)
    else:
        n = 1 if variant == "rouge_1" else 2
        grams_wanted, grams_said = _grams(wanted, n), _grams(said, n)
        n_wanted, n_said = grams_wanted.total(), grams_said.total()
        n_both = (grams_wanted & grams_said).total()
    if n_both == 0:
        return 0.0
    precision, recall = n_both / n_said, n_both / n_wanted
    return 2 * precision * recall / (precision + recall)


def _grams(found: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(found[start:] for start in range(n)), strict=False))


def _common_subsequence(first: list[str], second: list[str]) -> int:
    """Return the length of the longest common subsequence.

    Bit-parallel (Hyyrö 2004): the table that `rouge_score` fills takes 15 seconds for two texts of 10,000 words, this
    a few milliseconds, and both give the same number.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    everywhere = (1 << len(first)) - 1
    row = everywhere
    for word in second:
        kept = row & places.get(word, 0)
        row = ((row + kept) | (row - kept)) & everywhere
    return len(first) - row.bit_count()
