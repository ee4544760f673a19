"""Reading typed values out of a candidate's JSON; what does not fit is a ValueError that names the field."""

from __future__ import annotations

__all__ = ["integer", "mapping", "number", "optional", "pairs", "sequence", "text", "texts", "truth"]

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from crossover.records import Json

T = TypeVar("T")

_LARGEST = sys.float_info.max


def _get(config: Mapping[str, Json], key: str) -> Json:
    if key not in config:
        raise ValueError(f"field {key!r} is missing")
    return config[key]


def text(config: Mapping[str, Json], key: str) -> str:
    """Return a text."""
    value = _get(config, key)
    if not isinstance(value, str):
        raise ValueError(f"field {key!r} must be a text, got {value!r}")
    return value


def number(config: Mapping[str, Json], key: str) -> float:
    """Return a finite number."""
    value = _get(config, key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"field {key!r} must be a number, got {value!r}")
    if not -_LARGEST <= value <= _LARGEST:  # NaN and the infinities too: JSON's reader takes them
        raise ValueError(f"field {key!r} must be a finite number")
    return float(value)


def integer(config: Mapping[str, Json], key: str) -> int:
    """Return a whole number."""
    value = number(config, key)
    if value != int(value):
        raise ValueError(f"field {key!r} must be a whole number, got {value!r}")
    return int(value)


def truth(config: Mapping[str, Json], key: str) -> bool:
    """Return true or false."""
    value = _get(config, key)
    if not isinstance(value, bool):
        raise ValueError(f"field {key!r} must be true or false, got {value!r}")
    return value


def sequence(config: Mapping[str, Json], key: str) -> Sequence[Json]:
    """Return a list."""
    value = _get(config, key)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"field {key!r} must be a list, got {value!r}")
    return value


def texts(config: Mapping[str, Json], key: str) -> tuple[str, ...]:
    """Return a list of texts."""
    values = sequence(config, key)
    if not all(isinstance(v, str) for v in values):
        raise ValueError(f"field {key!r} must hold texts only")
    return tuple(str(v) for v in values)


def mapping(config: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    """Return an object."""
    value = _get(config, key)
    if not isinstance(value, Mapping):
        raise ValueError(f"field {key!r} must be an object, got {value!r}")
    return value


def pairs(config: Mapping[str, Json], key: str) -> dict[str, str]:
    """Return an object whose values are texts."""
    return {name: text(mapping(config, key), name) for name in mapping(config, key)}


def optional(config: Mapping[str, Json], key: str, read: Callable[[Mapping[str, Json], str], T]) -> T | None:
    """Return what `read` makes of the field, or None when it is null."""
    return None if _get(config, key) is None else read(config, key)
