"""What an adapter in a bundle may say and hold: known fields of known types, weights that change something."""

from __future__ import annotations

__all__ = ["adapter_config", "check_adapter"]

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from crossover.bundle.layout import said
from crossover.errors import BundleError
from crossover.model.base import FULL, Adapter
from crossover.model.soft import EMBEDDINGS
from crossover.records import Json

_NAME = re.compile(r"\w+(\.\w+)*")
_MOST = 4096
"""Highest rank, and most virtual tokens."""

_MOST_IDS = 2**24
"""More than any vocabulary has."""


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e6


def _count(most: int, least: int = 1) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in value)


def _targets(value: object) -> bool:
    # PEFT reads any other text as a regular expression, which can be made to run for ever.
    return _names(value) or value == "all-linear"


def _ids(value: object) -> bool:
    is_id = _count(_MOST_IDS, 0)
    return isinstance(value, list) and len(value) <= _MOST and all(is_id(token) for token in value)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class _Kind:
    """The fields of one type of adapter, and those that must be there."""

    fields: Mapping[str, Callable[[object], bool]]
    needed: tuple[str, ...]


_ALWAYS: dict[str, Callable[[object], bool]] = {
    "peft_type": lambda value: isinstance(value, str) and value in _KINDS,
    "task_type": lambda value: value == "CAUSAL_LM",
    "base_model_name_or_path": lambda value: value is None or isinstance(value, str),
}
_KINDS: dict[str, _Kind] = {
    "LORA": _Kind(
        {
            **_ALWAYS,
            "r": _count(_MOST),
            "lora_alpha": _number,
            "lora_dropout": _number,
            "target_modules": _targets,
            "bias": lambda value: value == "none",
            "use_rslora": _flag,
            "use_dora": _flag,
        },
        ("r", "lora_alpha", "target_modules"),
    ),
    "IA3": _Kind(
        {**_ALWAYS, "target_modules": _targets, "feedforward_modules": _names},
        ("target_modules", "feedforward_modules"),
    ),
    FULL: _Kind({name: known for name, known in _ALWAYS.items() if name != "task_type"}, ()),
    "PROMPT_TUNING": _Kind(
        {**_ALWAYS, "num_virtual_tokens": _count(_MOST), "token_dim": _count(2**20), "replaces": _ids},
        ("num_virtual_tokens", "token_dim", "replaces"),
    ),
}


def adapter_config(path: Path) -> dict[str, Json]:
    """Read adapter_config.json: known fields only, so that none can name modules or code.

    Raises:
        BundleError: it is no JSON object, or a field is unknown, missing or has a value that is not allowed.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} cannot be read: {said(error)}") from error
    if not isinstance(config, dict):
        raise BundleError(f"{path} must hold an object, got {type(config).__name__}.")
    peft_type = config.get("peft_type")
    if not isinstance(peft_type, str) or peft_type not in _KINDS:
        raise BundleError(f"{path}: an adapter of type {said(peft_type)} is not read.", "types: " + ", ".join(_KINDS))
    kind = _KINDS[peft_type]
    for name in (*kind.needed, *config):
        if name not in kind.fields or name not in config or not kind.fields[name](config[name]):
            got = said(config[name]) if name in config else "nothing"
            raise BundleError(
                f"{path}: field {said(name)!r} is not read as {got}.", "fields: " + ", ".join(kind.fields)
            )
    config.pop("base_model_name_or_path", None)
    return config


def check_adapter(adapter: Adapter, way_out: str) -> None:
    """Check that an adapter can be on.

    Raises:
        BundleError: a weight is not finite, none changes anything, or those of a soft prompt have another shape than it
            says.
    """
    if not all(bool(weight.isfinite().all()) for weight in adapter.weights.values()):
        raise BundleError("the adapter has weights that are not finite.", way_out)
    peft_type = adapter.config.get("peft_type")
    if peft_type == "PROMPT_TUNING":
        wanted = [adapter.config.get("num_virtual_tokens"), adapter.config.get("token_dim")]
        shapes = {name: list(weight.shape) for name, weight in adapter.weights.items()}
        if shapes != {EMBEDDINGS: wanted}:
            raise BundleError(f"the soft prompt has weights {said(shapes)}, not {EMBEDDINGS!r} of {wanted}.", way_out)
    elif peft_type == "IA3":
        if all(bool((weight == 1).all()) for weight in adapter.weights.values()):
            raise BundleError("the adapter is all ones: it would change nothing.", way_out)
    elif adapter.is_full:
        return  # names and shapes are compared when they are put on
    # DoRA's sizes change something where B is zero too.
    elif not any(bool(w.any()) for name, w in adapter.weights.items() if "lora_B" in name or "magnitude" in name):
        raise BundleError("the adapter is all zero: it would change nothing.", way_out)
