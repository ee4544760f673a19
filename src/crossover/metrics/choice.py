"""Multiple choice: the answer names the right option."""

from __future__ import annotations

__all__ = ["ChoiceAccuracy"]

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import ClassVar, final

from crossover.metrics.base import Metric
from crossover.metrics.readings import bounded, readings
from crossover.records import Example, Kind, TaskSpec

_AROUND = " \t\r\n\f\v.,;:!?\"'`()[]{}*_“”„‘’«»。、"
_OPTION = re.compile(r"[(\[*]*([A-Za-z]|[0-9]{1,2})(?:[)\].:*]+|\s+[-–—])\s+(\S.*)", re.DOTALL)
_SAID = re.compile(
    r"\b(?:answer|option|choice)\b(?:\s+is)?\s*:?[\s(\[*\"'`]*([A-Za-z]|[0-9]{1,2})(?![\w'’]|[.,]\w)", re.IGNORECASE
)


@final
class ChoiceAccuracy(Metric):
    """1 when the answer names the right option, by its letter, its text, or both; else 0.

    The target is the option's letter or its text; a further reference gives the other one, for example target "B" and
    reference "Paris". Strictly right are then "B", "(b)", "B.", "Paris" and "B) Paris"; with target "B" alone the text
    is not known and "B) Paris" is right leniently. Leniently right is also "The answer is (B)."

    Case and punctuation around an answer do not matter; signs inside it do: "-3" is not "3".
    """

    name: ClassVar[str] = "choice_accuracy"
    kinds: ClassVar[tuple[Kind, ...]] = ("qa",)

    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return float(_names(bounded(answer, example.answers), _keys(example)))

    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        keys = _keys(example)
        read = bounded(answer, example.answers)
        for reading in readings(read):
            if _names(reading, keys):
                return 1.0
            option = _OPTION.fullmatch(reading.strip())
            if option and _key(option[1]) in keys:
                return 1.0
        said = _SAID.findall(read)
        return float(bool(said) and _key(said[-1]) in keys)

    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        return {}


def _key(text: str) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.strip(_AROUND) or folded


def _keys(example: Example) -> set[str]:
    return {_key(answer) for answer in example.answers}


def _names(answer: str, keys: set[str]) -> bool:
    if _key(answer) in keys:
        return True
    option = _OPTION.fullmatch(answer.strip())
    return option is not None and _key(option[1]) in keys and _key(option[2]) in keys
