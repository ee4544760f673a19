"""Numbers as answers to arithmetic questions."""

from __future__ import annotations

__all__ = ["NumericMatch", "answer_marker", "read_number"]

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar, final

from crossover.metrics.base import Metric
from crossover.metrics.readings import MAX_ANSWER_CHARACTERS
from crossover.records import Example, Kind, TaskSpec

TOLERANCE = Fraction(1, 1_000_000)
"""Relative, and only where one of the two numbers has decimals: two whole numbers must be the same."""

MAX_DIGITS = 300
MAX_EXPONENT = 300

_CURRENCY = r"\\?[$€£¥₹]"
# Possessive (++, ?+) where a failed match would otherwise be tried again digit by digit.
_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])|[0-9]{1,3}(?:[\u00a0\u202f'’_][0-9]{3})++(?![0-9])|[0-9]++)"
_VALUE = rf"(?:{_DIGITS}(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]{{1,4}}(?![0-9]))?"
_NUMBER = (
    rf"(?P<sign>[+-]?)\s?(?:{_CURRENCY}\s?)?(?P<inner>[+-]?)"
    rf"(?P<top>{_VALUE})(?:\s?/\s?(?P<bottom>{_VALUE}))?(?:\s?(?:{_CURRENCY}|\\?%))?"
)
_WHOLE = re.compile(_NUMBER)
# Not inside a word ("H2O"), and a minus behind an operand is an operator ("5-3", "(a)-3", "5 - 3").
_ANYWHERE = re.compile(rf"(?<!\w)(?!(?<=[)\]])[+-])(?!(?<=[0-9)\]]\s)[+-]\s){_NUMBER}")
_MARKER = re.compile(
    r"(?P<hashes>####[ \t]*)|(?P<boxed>\\boxed\s?\{)|(?P<words>\banswer\s?(?:is|[:=])\s*)", re.IGNORECASE
)
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_MINUS = str.maketrans({"−": "-", "﹣": "-", "－": "-", "⁄": "/"})
_GROUPING = re.compile(r"[,\u00a0\u202f'’_]")


@final
class NumericMatch(Metric):
    r"""1 when the answer's number equals a reference's, else 0.

    A number is told by the last marker in a text: what follows `####` on its line (as in GSM8K's solutions), stands
    in `\boxed{}`, or follows "answer is" (or "answer:", "answer =") on its line.

    Strictly, an answer is a number and nothing else; or, where the reference has a marker, the answer has the same one
    with a number and nothing else. Leniently, the number is the first one behind the last marker (behind the last
    equals sign there: "The answer is 3 + 4 = 7 eggs"), or without a marker the last one in the answer.

    Signs, thousands separators (1,250 or 1'250), decimals, 1e-3, fractions (3/4, `\frac{3}{4}`), a currency or percent
    sign and a period at the end are read. A percent sign changes no number: 50% equals 50. Numbers are compared
    exactly, with a relative tolerance of 1e-6 unless both are whole.
    """

    name: ClassVar[str] = "numeric_match"
    kinds: ClassVar[tuple[Kind, ...]] = ("math",)

    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return float(
            any(answer == wanted or _same(_strictly(answer, wanted), _reference(wanted)) for wanted in example.answers)
        )

    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        if self.score(answer, example, spec) == 1.0:
            return 1.0
        said = _leniently(answer)
        return float(any(_same(said, _reference(wanted)) for wanted in example.answers))

    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        return {}


def read_number(text: str) -> Fraction | None:
    """Return the number that a text is, exactly, or None when it is none (or has more than 300 digits).

    >>> read_number("-$1,250.50")
    Fraction(-2501, 2)
    """
    if len(text) > 4 * MAX_DIGITS:
        return None
    said = _plain(text).strip().removesuffix(".")
    match = _WHOLE.fullmatch(said)
    return _value(match) if match else None


def answer_marker(text: str) -> str | None:
    r"""Return the last marker of an answer in a text as it stands there, or None without one.

    >>> answer_marker("9 * 2 = 18\n#### 18"), answer_marker("So the answer is 18."), answer_marker("18")
    ('####', 'answer is', None)
    """
    last = _last(_MARKER.finditer(text))
    return None if last is None else last[0].strip()


def _value(match: re.Match[str]) -> Fraction | None:
    if match["sign"] and match["inner"]:
        return None
    top = _exact(match["top"])
    bottom = Fraction(1) if match["bottom"] is None else _exact(match["bottom"])
    if top is None or not bottom:
        return None
    return (-1 if "-" in (match["sign"], match["inner"]) else 1) * top / bottom


def _exact(digits: str) -> Fraction | None:
    plain = _GROUPING.sub("", digits)
    mantissa, _, exponent = plain.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or abs(int(exponent or "0")) > MAX_EXPONENT:
        return None
    return Fraction(Decimal(plain))


def _plain(text: str) -> str:
    return _FRACTION.sub(r"\1/\2", text.translate(_MINUS))


def _marked(text: str) -> tuple[str, str] | None:
    """Return the last marker's name and what it marks, or None without one."""
    last = _last(_MARKER.finditer(text))
    if last is None:
        return None
    rest = text[last.end() :].partition("\n")[0]
    if last.lastgroup != "boxed":
        return str(last.lastgroup), rest
    depth = 1
    for place, sign in enumerate(rest):
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return "boxed", rest[:place]
    return "boxed", rest


def _last(matches: Iterator[re.Match[str]]) -> re.Match[str] | None:
    return next(iter(deque(matches, maxlen=1)), None)


def _reference(wanted: str) -> Fraction | None:
    marked = _marked(wanted)
    number = read_number(wanted if marked is None else marked[1])
    return _leniently(wanted) if number is None else number


def _strictly(answer: str, wanted: str) -> Fraction | None:
    needed = _marked(wanted)
    if needed is None:
        return read_number(answer)
    marked = _marked(answer)
    return read_number(marked[1]) if marked is not None and marked[0] == needed[0] else None


def _leniently(answer: str) -> Fraction | None:
    text = answer[-MAX_ANSWER_CHARACTERS:]
    marked = _marked(text)
    if marked is not None:
        for part in (marked[1].rpartition("=")[2], marked[1]):
            first = _ANYWHERE.search(_plain(part))
            if first is not None:
                return _value(first)
    last = _last(_ANYWHERE.finditer(_plain(text)))
    return None if last is None else _value(last)


def _same(said: Fraction | None, wanted: Fraction | None) -> bool:
    if said is None or wanted is None:
        return False
    if said.denominator == 1 and wanted.denominator == 1:
        return said == wanted
    return abs(said - wanted) <= TOLERANCE * max(abs(said), abs(wanted))
