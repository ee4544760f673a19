"""Rows of learning curves as anyone may have them: checked, and only those that can be read."""

from __future__ import annotations

__all__ = ["CurveRow", "Row", "read_rows"]

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crossover.errors import DataError, OptionError, closest

Row: TypeAlias = "CurveRow | tuple[float, str, int, float] | Mapping[str, Any]"


class CurveRow(NamedTuple):
    """One point of a learning curve: `method`, fitted on `labels` labels with `seed`, scored `score`.

    `by_example` are the test examples' scores, when they are known: all rows of a study then hold the same examples.
    For example (32, "lora", 0, 0.71).
    """

    labels: float
    method: str
    seed: int
    score: float
    by_example: NDArray[np.float64] | None = None


def read_rows(rows: Iterable[Row], of: str, over: str) -> list[CurveRow]:
    """Return the rows of two methods that have a score; one that is not finite is a trial that has none.

    A row is (labels, method, seed, score), or a mapping with these names, such as csv.DictReader gives; a polars or
    pandas frame with these columns is read row by row.

    Raises:
        OptionError: `of` or `over` is no method of the rows, or they are the same.
        DataError: a row is none of these, or its labels are no number from 0 on.
    """
    found = [_row(place, row) for place, row in enumerate(_listed(rows), start=1)]
    methods = sorted({row.method for row in found})
    for option, name in (("of", of), ("over", over)):
        if name not in methods:
            near = closest(name, methods)
            hint = [f"did you mean {option}={near!r}?"] if near else []
            raise OptionError(
                f"{option}={name!r} is no method of these rows.", f"methods: {', '.join(methods) or 'none'}", *hint
            )
    if of == over:
        raise OptionError(f"of and over are both {of!r}: a curve does not cross itself.", "name two methods")
    return [row for row in found if row.method in (of, over) and isfinite(row.score)]


def _listed(rows: Iterable[Row]) -> Iterable[Row]:
    """Return a frame's rows as mappings, anything else as it is: no frame library is imported for that."""
    frame: Any = rows
    if hasattr(frame, "to_dicts"):  # polars
        return list(frame.to_dicts())
    if hasattr(frame, "to_dict") and not isinstance(rows, Mapping):  # pandas
        return list(frame.to_dict("records"))
    return rows


def _row(place: int, row: Row) -> CurveRow:
    try:
        given = _named(row) if isinstance(row, Mapping) else CurveRow(*row)
        labels, score = float(given.labels), float(given.score)
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(
            f"row {place} is {row!r:.80}.",
            'a row is (labels, method, seed, score): (32, "lora", 0, 0.71)',
            "or a mapping with these names",
        ) from error
    if not (isfinite(labels) and labels >= 0):
        raise DataError(f"row {place} has {given.labels!r} labels.", "allowed: a number, 0 or more")
    return given._replace(labels=labels, score=score)


def _named(row: Mapping[str, Any]) -> CurveRow:
    """Return a row by its names; an empty score is none, as a table has it for what failed."""
    score = "nan" if row["score"] in (None, "") else row["score"]
    return CurveRow(labels=row["labels"], method=row["method"], seed=row["seed"], score=float(score))
