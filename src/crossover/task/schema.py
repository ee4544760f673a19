"""The form of JSON answers: a JSON schema, inferred from the targets or given in a file, and checked against them."""

from __future__ import annotations

__all__ = ["check_targets", "infer_schema", "parse_targets", "read_schema"]

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from crossover.errors import DataError, OptionError
from crossover.metrics.schemas import MAX_SCHEMA_BYTES, Schema, schema_fault
from crossover.records import Json
from crossover.task.clean import Row
from crossover.task.wording import counted, listed

MAX_ENUM = 20
"""A text field with at most so many different values, each of which repeats, is one of these values."""


def parse_targets(rows: Sequence[Row]) -> tuple[dict[int, Json], list[int]]:
    """Return row number -> target as a JSON value, and the numbers of the rows whose target is none."""
    values: dict[int, Json] = {}
    broken: list[int] = []
    for row in rows:
        try:
            values[row.number] = json.loads(row.target, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            broken.append(row.number)
    return values, broken


def infer_schema(values: Sequence[Json]) -> dict[str, Json]:
    """Return the narrowest plain schema that all values fit: types, fields, which are always there, repeated values.

    >>> infer_schema([{"city": "Rome", "n": 2}, {"city": "Oslo"}])["required"]
    ['city']
    """
    kinds = {_type(value) for value in values}
    if kinds == {"integer", "number"}:
        kinds = {"number"}
    if len(kinds) != 1:
        return {"anyOf": [infer_schema([v for v in values if _type(v) == kind]) for kind in sorted(kinds)]}
    (kind,) = kinds
    if kind == "object":
        objects = [value for value in values if isinstance(value, Mapping)]
        names = list(dict.fromkeys(name for value in objects for name in value))
        return {
            "type": "object",
            "properties": {name: infer_schema([v[name] for v in objects if name in v]) for name in names},
            "required": [name for name in names if all(name in value for value in objects)],
            "additionalProperties": False,
        }
    if kind == "array":
        items = [item for value in values if isinstance(value, Sequence) for item in value]
        return {"type": "array", "items": infer_schema(items)} if items else {"type": "array"}
    if kind == "string":
        counts = Counter(str(value) for value in values)
        if len(counts) <= MAX_ENUM and min(counts.values()) > 1:
            return {"type": "string", "enum": sorted(counts)}
    return {"type": kind}


def read_schema(path: Path) -> dict[str, Json]:
    """Read a JSON schema from a file.

    Raises:
        OptionError: it cannot be read, is no schema, or refers to something outside of itself.
    """
    try:
        if path.stat().st_size > MAX_SCHEMA_BYTES:
            raise OptionError(f"--schema {path}: larger than {MAX_SCHEMA_BYTES:,} bytes.")
        schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise OptionError(f"--schema {path} cannot be read: {error}.", "a JSON schema is expected") from error
    if not isinstance(schema, dict):
        raise OptionError(f"--schema {path}: a JSON object is expected, got {type(schema).__name__}.")
    if fault := schema_fault(schema):
        raise OptionError(f"--schema {path} cannot be used: {fault}.")
    return schema


def check_targets(name: str, schema: Mapping[str, Json], values: Mapping[int, Json]) -> None:
    """Check that every target fits the schema.

    Args:
        name: the data file's name, for errors.
        schema: a JSON schema.
        values: row number -> target.

    Raises:
        DataError: a target does not fit, or the schema refers to something that is not in it.
    """
    if fault := schema_fault(schema):
        raise OptionError(f"the schema of the answers cannot be used: {fault}.")
    ready = Schema(schema)
    wrong = [number for number, value in values.items() if not ready.fits(value)]
    if wrong:
        first = json.dumps(values[wrong[0]], ensure_ascii=False)
        raise DataError(
            f"{name}: {counted(len(wrong), 'target')} of {len(values):,} do not fit the schema.",
            f"row {wrong[0]}: {first[:200]}",
            f"rows {listed(wrong)}",
            "correct the schema or the rows; without --schema it is inferred from the targets",
        )


def _type(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")
