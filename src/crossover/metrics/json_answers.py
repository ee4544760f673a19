"""JSON in answers: the whole answer, or values that stand somewhere in it."""

from __future__ import annotations

__all__ = ["MAX_DEPTH", "is_deeper", "json_in", "parse_json"]

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from crossover.records import Json

MAX_DEPTH = 32
"""JSON that is nested deeper is not read: no task needs it, and what walks through it stays fast and whole."""

MAX_STARTS = 100
"""Brackets of an answer at which a value is looked for."""


def parse_json(text: str) -> Json:
    """Return the value that a text is.

    Raises:
        ValueError: it is no JSON (NaN and Infinity are none), or nested more than `MAX_DEPTH` deep.
    """
    try:
        value: Json = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError(f"nested more than {MAX_DEPTH} deep") from None
    if is_deeper(value, MAX_DEPTH):
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    return value


def json_in(text: str, opening: Literal["{", "["] = "{") -> Iterator[Json]:
    """Yield the objects (or arrays, with "[") that stand in a text, in its order; what lies inside one is not repeated.

    >>> list(json_in('Here you are: {"city": "Rome"} or {"city": "Oslo"}'))
    [{'city': 'Rome'}, {'city': 'Oslo'}]
    """
    decoder = json.JSONDecoder(parse_constant=_refuse)
    place = text.find(opening)
    for _ in range(MAX_STARTS):
        if place < 0:
            return
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            if not is_deeper(value, MAX_DEPTH):
                yield value
        place = text.find(opening, end)


def is_deeper(value: Json, depth: int) -> bool:
    """Whether more than `depth` lists or objects are inside each other in a value."""
    level: Sequence[Json] = [value]
    for _ in range(depth):
        level = [item for outer in level for item in _items(outer)]
    return any(isinstance(item, Mapping | list) for item in level)


def _items(value: Json) -> Sequence[Json]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _refuse(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")
