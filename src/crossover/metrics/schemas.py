"""Whether a JSON value keeps to a JSON schema, as `jsonschema` decides it (draft 2020-12), bounded in time.

Schemas come from other people's files: nothing outside the schema is fetched, patterns cannot run away, and references
that multiply or go round in circles are stopped.
"""

from __future__ import annotations

__all__ = ["MAX_REFERENCES", "MAX_SCHEMA_BYTES", "Schema", "schema_fault"]

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from crossover.errors import DataError
from crossover.metrics.json_answers import is_deeper
from crossover.metrics.patterns import pattern_fault, search
from crossover.records import Json

MAX_REFERENCES = 20_000
"""References followed for one value."""

MAX_SCHEMA_BYTES = 1_000_000

MAX_SCHEMA_DEPTH = 64

_TRIAL_VALUES: tuple[Json, ...] = (None, True, 0, "", [], {}, ["a", {}], {"a": [{}]})

_REFERENCES = ("$ref", "$dynamicRef")

_Untyped: TypeAlias = Any
"""jsonschema ships no types: its validators, its checks and the schemas that they are handed."""

_CHECKS: Mapping[str, _Untyped] = Draft202012Validator.VALIDATORS


class Schema:
    """A JSON schema, made ready. It should have passed `schema_fault`."""

    def __init__(self, schema: Mapping[str, Json] | bool) -> None:  # noqa: FBT001  # `true` and `false` are schemas
        followed = {keyword: self._counted(keyword) for keyword in _REFERENCES}
        validator = extend(Draft202012Validator, {"pattern": _pattern, **followed})
        self._validator = validator(_undeclared(schema), registry=Registry())
        self._n_followed = 0

    def fits(self, value: Json) -> bool:
        """Whether a value keeps to the schema.

        Raises:
            DataError: that takes too long to decide, or the schema refers to something that is not in it.
        """
        self._n_followed = 0
        try:
            return bool(self._validator.is_valid(value))
        except (TimeoutError, RecursionError) as error:
            raise DataError(
                f"the JSON schema takes too long to check an answer: {error}.",
                "simplify its patterns, or the references that lead to further references",
            ) from error
        except Unresolvable as error:
            raise DataError(
                f"the JSON schema refers to {error.ref}, which is not in it.", "put it under $defs"
            ) from error

    def _counted(self, keyword: str) -> _Untyped:
        check = _CHECKS[keyword]

        def follow(validator: _Untyped, reference: str, value: Json, schema: _Untyped) -> Iterator[_Untyped]:
            self._n_followed += 1
            if self._n_followed > MAX_REFERENCES:
                raise TimeoutError(f"more than {MAX_REFERENCES:,} references were followed")
            yield from check(validator, reference, value, schema) or ()

        return follow


def schema_fault(schema: Json) -> str | None:
    """Return why a schema cannot be used, or None.

    >>> schema_fault({"$ref": "https://example.com/schema.json"})
    'it refers to https://example.com/schema.json, and nothing is fetched: put it under $defs and use #/$defs/…'
    """
    if not isinstance(schema, Mapping | bool):
        return "it is no JSON object"
    if is_deeper(schema, MAX_SCHEMA_DEPTH):
        return f"it is nested more than {MAX_SCHEMA_DEPTH} deep"
    try:
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))  # patterns: see below
    except SchemaError as error:
        return f"it is no JSON schema: {error.message[:200]}"
    resolver = Registry().resolver_with_root(DRAFT202012.create_resource(schema))
    for keyword, text in _texts(schema):
        if keyword == "patternProperties":
            return "patternProperties are not supported: name the properties"
        if keyword == "pattern":
            if fault := pattern_fault(text):
                return f"its pattern {text[:80]!r}: {fault}"
        elif not text.startswith("#"):
            return f"it refers to {text[:200]}, and nothing is fetched: put it under $defs and use #/$defs/…"
        else:
            try:
                resolver.lookup(text)
            except Unresolvable:
                return f"it refers to {text[:200]}, which is not in it"
    try:
        for value in _TRIAL_VALUES:
            Schema(schema).fits(value)
    except DataError as error:
        return error.message
    return None


def _pattern(validator: _Untyped, pattern: str, value: Json, schema: _Untyped) -> Iterator[_Untyped]:
    # jsonschema would search with `re`, which has no time limit.
    del validator, schema
    if isinstance(value, str) and not search(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _undeclared(schema: Json) -> Json:
    """Return a copy without "$schema": at one, jsonschema would go over to its own checks for that draft."""
    if isinstance(schema, Mapping):
        return {
            keyword: _undeclared(part)
            for keyword, part in schema.items()
            if not (keyword == "$schema" and isinstance(part, str))
        }
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return [_undeclared(part) for part in schema]
    return schema


def _texts(schema: Json) -> Iterator[tuple[str, str]]:
    """Yield (keyword, text) of every reference and pattern in a schema."""
    if isinstance(schema, Mapping):
        for keyword, part in schema.items():
            if isinstance(part, str) and keyword in (*_REFERENCES, "pattern"):
                yield keyword, part
            elif keyword == "patternProperties":
                yield keyword, ""  # jsonschema searches with `re` for these in several places
            yield from _texts(part)
    elif isinstance(schema, Sequence) and not isinstance(schema, str):
        for part in schema:
            yield from _texts(part)
