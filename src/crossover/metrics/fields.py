"""Answers in JSON: the fields that an answer has right."""

from __future__ import annotations

__all__ = ["FieldF1"]

import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import ClassVar, TypeAlias, final

import numpy as np
from scipy.optimize import linear_sum_assignment

from crossover.metrics.base import Metric
from crossover.metrics.json_answers import json_in, parse_json
from crossover.metrics.labels import label_key
from crossover.metrics.numeric import read_number
from crossover.metrics.readings import bounded, readings
from crossover.metrics.schemas import Schema
from crossover.records import Example, Json, Kind, TaskSpec

MAX_PAIRINGS = 10_000
"""Longer lists of objects are compared item by item as wholes, instead of being laid beside each other."""

_Key: TypeAlias = Callable[[Json], Hashable]


@final
class FieldF1(Metric):
    """F1 over the fields of the answer's JSON and the target's, the best over the references.

    A field is a path and a value that is neither null, an empty text, an empty list nor an empty object:
    {"name": "Ada", "born": {"year": 1815}} has two. A list is a bag: the order of its items does not matter, and lists
    of objects are laid beside each other so that the most fields fit. Two answers without fields are alike: 1.

    Texts are compared without case and doubled spaces, numbers by what they are worth: 1815 and 1815.0 are the same,
    1815 and "1815" are not.

    Strictly, the whole answer is JSON. Leniently, the first object (or array, where the target is one) in the answer is
    read, a code fence around it or not; names of fields and texts are compared without punctuation, and numbers and
    "true", "false" are the same in quotation marks.

    Aggregates: `exact`, the share of answers with every field right and none too many; `valid`, the share of answers
    that are JSON and keep to the task's schema, if it has one.
    """

    name: ClassVar[str] = "field_f1"
    kinds: ClassVar[tuple[Kind, ...]] = ("extraction",)

    def score(self, answer: str, example: Example, spec: TaskSpec) -> float:
        return max((_strict(answer, wanted, example) for wanted in example.answers), default=0.0)

    def lenient(self, answer: str, example: Example, spec: TaskSpec) -> float:
        found = max((_lenient(answer, wanted, example) for wanted in example.answers), default=0.0)
        return max(found, self.score(answer, example, spec))

    def aggregate(
        self, answers: Sequence[str | None], examples: Sequence[Example], spec: TaskSpec
    ) -> Mapping[str, float]:
        rows = [(answer, example) for answer, example in zip(answers, examples, strict=True) if answer is not None]
        if not rows:
            return {}
        schema = None if spec.schema is None else Schema(spec.schema)
        return {
            "exact": sum(self.score(answer, example, spec) == 1.0 for answer, example in rows) / len(rows),
            "valid": sum(_is_valid(answer, example, schema) for answer, example in rows) / len(rows),
        }


def _strict(answer: str, wanted: str, example: Example) -> float:
    if answer == wanted:
        return 1.0
    try:
        return _f1(_parsed(answer, example), parse_json(wanted), _strict_key, str)
    except ValueError:
        return 0.0


def _lenient(answer: str, wanted: str, example: Example) -> float:
    try:
        target = parse_json(wanted)
    except ValueError:
        return 0.0
    read = bounded(answer, example.answers)
    for value in _values(read, target):
        if (isinstance(value, Mapping), isinstance(value, list)) == (
            isinstance(target, Mapping),
            isinstance(target, list),
        ):
            return _f1(value, target, _lenient_key, label_key)
    return 0.0


def _values(answer: str, target: Json) -> Iterator[Json]:
    """Yield the values that an answer may mean."""
    for reading in readings(answer):
        try:
            yield parse_json(reading)
        except ValueError:
            continue
    if isinstance(target, Mapping | list):
        yield from json_in(answer, "{" if isinstance(target, Mapping) else "[")


def _parsed(answer: str, example: Example) -> Json:
    """Return the value that an answer is; a ValueError where it is none, or longer than what is read."""
    if bounded(answer, example.answers) != answer:
        raise ValueError("too long")
    return parse_json(answer)


def _is_valid(answer: str, example: Example, schema: Schema | None) -> bool:
    try:
        value = _parsed(answer, example)
    except ValueError:
        return False
    return schema is None or schema.fits(value)


def _f1(said: Json, wanted: Json, key: _Key, name: Callable[[str], str]) -> float:
    """Return the F1 of two values.

    Args:
        said: the answer's.
        wanted: the target's.
        key: value -> what is equal for values that count as the same; None for no value.
        name: field name -> what is equal for names that count as the same.
    """
    said, wanted = _renamed(said, name), _renamed(wanted, name)
    n_fields = _n_fields(said, key) + _n_fields(wanted, key)
    return 2 * _n_common(said, wanted, key) / n_fields if n_fields else 1.0


def _renamed(value: Json, name: Callable[[str], str]) -> Json:
    if isinstance(value, Mapping):
        return {name(field): _renamed(item, name) for field, item in value.items()}
    return [_renamed(item, name) for item in value] if isinstance(value, list) else value


def _n_fields(value: Json, key: _Key) -> int:
    if isinstance(value, Mapping):
        return sum(_n_fields(item, key) for item in value.values())
    if isinstance(value, list):
        return sum(_n_fields(item, key) for item in value)
    return int(key(value) is not None)


def _n_common(said: Json, wanted: Json, key: _Key) -> int:
    """Return how many fields two values share."""
    if isinstance(said, Mapping) and isinstance(wanted, Mapping):
        return sum(_n_common(said[field], wanted[field], key) for field in said.keys() & wanted.keys())
    if isinstance(said, list) and isinstance(wanted, list):
        return _n_common_items(said, wanted, key)
    if isinstance(said, Mapping | list) or isinstance(wanted, Mapping | list):
        return 0
    return int(key(said) is not None and key(said) == key(wanted))


def _n_common_items(said: list[Json], wanted: list[Json], key: _Key) -> int:
    leaves_said, leaves_wanted = (
        Counter(key(item) for item in items if not isinstance(item, Mapping | list)) for items in (said, wanted)
    )
    del leaves_said[None], leaves_wanted[None]
    n_common = (leaves_said & leaves_wanted).total()
    outer_said, outer_wanted = (
        [item for item in items if isinstance(item, Mapping | list)] for items in (said, wanted)
    )
    if not outer_said or not outer_wanted:
        return n_common
    if len(outer_said) * len(outer_wanted) > MAX_PAIRINGS:
        whole_said, whole_wanted = (
            Counter(_whole(item, key) for item in items) for items in (outer_said, outer_wanted)
        )
        n_of = {_whole(item, key): _n_fields(item, key) for item in outer_wanted}
        return n_common + sum(n * n_of[whole] for whole, n in (whole_said & whole_wanted).items())
    common = np.array([[_n_common(a, b, key) for b in outer_wanted] for a in outer_said])
    rows, columns = linear_sum_assignment(common, maximize=True)
    return n_common + int(common[rows, columns].sum())


def _whole(value: Json, key: _Key) -> Hashable:
    """Return what is equal for values that have the same fields."""
    if isinstance(value, Mapping):
        parts = ((field, _whole(item, key)) for field, item in value.items())
        return ("object", frozenset(part for part in parts if part[1] is not None)) if _n_fields(value, key) else None
    if isinstance(value, list):
        bag = Counter(whole for item in value if (whole := _whole(item, key)) is not None)
        return ("array", frozenset(bag.items())) if bag else None
    return key(value)


def _strict_key(value: Json) -> Hashable:
    if isinstance(value, str):
        text = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
        return ("text", text) if text else None
    if isinstance(value, bool):
        return ("truth", value)
    return None if value is None else ("number", value)


def _lenient_key(value: Json) -> Hashable:
    strict = _strict_key(value)
    if strict is None or isinstance(value, Mapping | list):
        return None
    if isinstance(value, bool):
        return ("text", "true" if value else "false")
    if isinstance(value, int | float):
        exact = read_number(repr(value)) if isinstance(value, float) and not value.is_integer() else Fraction(value)
        return ("number", value if exact is None else exact)
    assert isinstance(value, str)
    number = read_number(value)
    return ("number", number) if number is not None else ("text", label_key(value))
