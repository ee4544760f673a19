"""What each type of check reads and when it holds. Names and meanings are promptfoo's."""

from __future__ import annotations

__all__ = ["CHECK_TYPES", "RUN_SOMETHING", "CheckType"]

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crossover.metrics.json_answers import json_in, parse_json
from crossover.metrics.patterns import pattern_fault, search
from crossover.metrics.schemas import Schema, schema_fault
from crossover.records import Json

MAX_EDITED_CHARACTERS = 20_000
DEFAULT_EDITS = 5

_Reader = Callable[[Json, float | None], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckType:
    """A type of check.

    Attributes:
        read: a check's "value" and "threshold" -> what `holds` compares with; a ValueError says what is wanted.
        holds: an answer and that -> whether the check holds; a TimeoutError when a pattern takes too long.
    """

    read: _Reader
    # Any: what a type's `read` returns, its `holds` takes; no two types need the same.
    holds: Callable[[str, Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    low: float
    high: float

    def has(self, count: int) -> bool:
        return self.low <= count <= self.high


# ------------------------------------------------------------------------------------------------- what a value may be


def _text(value: Json, threshold: float | None = None) -> str:
    del threshold
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError(f"a text is wanted, got {_shown(value)}")
    return _as_text(value)


def _texts(value: Json, threshold: float | None) -> tuple[str, ...]:
    del threshold
    if isinstance(value, str):  # as promptfoo: separated by commas, quoted where one has a comma itself
        try:
            value = [part.strip() for part in next(csv.reader([value], skipinitialspace=True), [])]
        except csv.Error as error:
            raise ValueError(f"{_shown(value)} cannot be split at its commas: {error}; give a list") from None
    if not isinstance(value, list) or not value:
        raise ValueError(f'a list of texts is wanted, such as ["refund", "money back"], got {_shown(value)}')
    return tuple(_text(item) for item in value)


def _exact(value: Json, threshold: float | None) -> Json:
    del threshold
    return value if isinstance(value, dict | list) or value is None else _as_text(value)


def _pattern(value: Json, threshold: float | None) -> str:
    del threshold
    if not isinstance(value, str) or not value:
        raise ValueError(f"a regular expression is wanted, got {_shown(value)}")
    if fault := pattern_fault(value):
        raise ValueError(f"{_shown(value)} cannot be used: {fault}")
    return value


def _count(value: Json, threshold: float | None) -> _Count:
    del threshold
    wanted = f'a count is wanted, or {{"min": 10, "max": 50}} or one of these, got {_shown(value)}'
    if isinstance(value, dict):
        low, high = value.get("min"), value.get("max")
        if value.keys() - {"min", "max"} or (low is None and high is None):
            raise ValueError(wanted)
        count = _Count(
            low=0 if low is None else _amount(low, wanted), high=float("inf") if high is None else _amount(high, wanted)
        )
        if count.low > count.high:
            raise ValueError(f"min {count.low:g} is above max {count.high:g}")
        return count
    amount = _amount(value, wanted)
    return _Count(low=amount, high=amount)


def _amount(value: Json, wanted: str) -> float:
    try:
        amount = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise ValueError(wanted)
    return amount


def _schema(value: Json, threshold: float | None) -> Schema | None:
    del threshold
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError:
            raise ValueError(f"a JSON schema is wanted, got {_shown(value)}") from None
    if fault := schema_fault(value):
        raise ValueError(f"the JSON schema cannot be used: {fault}")
    assert isinstance(value, bool | dict)
    return Schema(value)


def _edits(value: Json, threshold: float | None) -> tuple[str, float]:
    text = _as_text(value) if value == "" else _text(value)
    if len(text) > MAX_EDITED_CHARACTERS:
        raise ValueError(f"a text of {len(text):,} characters; at most {MAX_EDITED_CHARACTERS:,} are compared")
    if threshold is not None and threshold > MAX_EDITED_CHARACTERS:
        raise ValueError(f"threshold is {threshold:g} edits; at most {MAX_EDITED_CHARACTERS:,} are counted")
    return text, DEFAULT_EDITS if threshold is None else threshold


def _as_text(value: Json) -> str:
    """Return a value as promptfoo, which is written in JavaScript, makes it a text: 1.0 is "1", true "true"."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}…"


# ------------------------------------------------------------------------------------------------------ when one holds


def _equals(answer: str, wanted: Json) -> bool:
    if isinstance(wanted, str):
        return answer == wanted
    try:
        return _same(parse_json(answer), wanted)
    except ValueError:
        return False


def _same(first: Json, second: Json) -> bool:
    """Whether two JSON values are equal; true is not 1, as Python has it."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_same(first[name], second[name]) for name in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_same, first, second))
    return isinstance(first, bool) == isinstance(second, bool) and first == second


def _is_json(answer: str, schema: Schema | None) -> bool:
    try:
        value = parse_json(answer)
    except ValueError:
        return False
    return schema is None or schema.fits(value)


def _contains_json(answer: str, schema: Schema | None) -> bool:
    return any(schema is None or schema.fits(value) for value in json_in(answer))


def _within_edits(answer: str, wanted: tuple[str, float]) -> bool:
    text, most = wanted
    return abs(len(answer) - len(text)) <= most and edit_distance(answer, text) <= most


def edit_distance(first: str, second: str) -> int:
    """Return the insertions, deletions and replacements of a character that make one text the other (Levenshtein).

    Bit-parallel (Myers 1999, Hyyrö 2003): texts of 20,000 characters take a second instead of minutes.
    """
    if not first or not second:
        return len(first) + len(second)
    places: dict[str, int] = {}
    for place, sign in enumerate(first):
        places[sign] = places.get(sign, 0) | 1 << place
    everywhere, last = (1 << len(first)) - 1, 1 << (len(first) - 1)
    up, down, distance = everywhere, 0, len(first)
    for sign in second:
        same = places.get(sign, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        right_up, right_down = down | (~(diagonal | up) & everywhere), up & diagonal
        distance += bool(right_up & last) - bool(right_down & last)
        right_up, right_down = (right_up << 1 | 1) & everywhere, (right_down << 1) & everywhere
        up, down = right_down | (~(diagonal | right_up) & everywhere), right_up & diagonal
    return distance


CHECK_TYPES: Mapping[str, CheckType] = {
    "equals": CheckType(read=_exact, holds=_equals),
    "contains": CheckType(read=_text, holds=lambda answer, text: text in answer),
    "icontains": CheckType(read=_text, holds=lambda answer, text: text.lower() in answer.lower()),
    "contains-any": CheckType(read=_texts, holds=lambda answer, texts: any(text in answer for text in texts)),
    "contains-all": CheckType(read=_texts, holds=lambda answer, texts: all(text in answer for text in texts)),
    "icontains-any": CheckType(
        read=_texts, holds=lambda answer, texts: any(text.lower() in answer.lower() for text in texts)
    ),
    "icontains-all": CheckType(
        read=_texts, holds=lambda answer, texts: all(text.lower() in answer.lower() for text in texts)
    ),
    "starts-with": CheckType(read=_text, holds=str.startswith),
    "ends-with": CheckType(read=_text, holds=str.endswith),
    "regex": CheckType(read=_pattern, holds=lambda answer, pattern: search(pattern, answer)),
    "is-json": CheckType(read=_schema, holds=_is_json),
    "contains-json": CheckType(read=_schema, holds=_contains_json),
    "levenshtein": CheckType(read=_edits, holds=_within_edits),
    "word-count": CheckType(read=_count, holds=lambda answer, count: count.has(len(answer.split()))),
    "character-count": CheckType(read=_count, holds=lambda answer, count: count.has(len(answer))),
}
"""Name -> type. A regular expression is read as Python's, a text's case is folded by `str.lower`, words are split at
spaces, and characters are Unicode's code points."""

_PROGRAM = "would run a program: nothing in a data file is run"
_MODEL = "would ask another model: a check is decided by the answer alone"
_CALL = "is about the call and not about the answer"

RUN_SOMETHING: Mapping[str, str] = {
    **dict.fromkeys(("javascript", "python", "ruby", "webhook"), _PROGRAM),
    **dict.fromkeys(
        (
            "agent-rubric", "answer-relevance", "classifier", "context-faithfulness", "context-recall",
            "context-relevance", "conversation-relevance", "factuality", "g-eval", "guardrails", "llm-rubric",
            "model-graded-closedqa", "model-graded-factuality", "moderation", "pi", "search-rubric", "select-best",
            "similar",
        ),
        _MODEL,
    ),
    **dict.fromkeys(("cost", "finish-reason", "latency", "perplexity", "perplexity-score"), _CALL),
}  # fmt: skip
"""Types that promptfoo has and a check cannot be -> why."""
