"""What an adapter in a bundle may say and hold: known fields of known types, weights that change something."""

from __future__ import annotations

__all__ = ["adapter_config", "check_adapter"]

import json
import re
from collections.abc import Callable
from pathlib import Path

from crossover.bundle.layout import said
from crossover.errors import BundleError
from crossover.model.base import Adapter
from crossover.records import Json

_NAME = re.compile(r"\w+(\.\w+)*")
_MAX_RANK = 4096


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e6


def _targets(value: object) -> bool:
    # PEFT reads any other text as a regular expression, which can be made to run for ever.
    names = isinstance(value, list) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in value)
    return names or value == "all-linear"


_FIELDS: dict[str, Callable[[object], bool]] = {
    "peft_type": lambda value: value == "LORA",
    "task_type": lambda value: value == "CAUSAL_LM",
    "r": lambda value: isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_RANK,
    "lora_alpha": _number,
    "lora_dropout": _number,
    "target_modules": _targets,
    "bias": lambda value: value == "none",
    "use_rslora": lambda value: isinstance(value, bool),
    "use_dora": lambda value: value is False,
    "base_model_name_or_path": lambda value: value is None or isinstance(value, str),
}
_NEEDED = ("peft_type", "r", "lora_alpha", "target_modules")


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
    for name in (*_NEEDED, *config):
        if name not in _FIELDS or name not in config or not _FIELDS[name](config[name]):
            got = said(config[name]) if name in config else "nothing"
            raise BundleError(f"{path}: field {said(name)!r} is not read as {got}.", "fields: " + ", ".join(_FIELDS))
    config.pop("base_model_name_or_path", None)
    return config


def check_adapter(adapter: Adapter, way_out: str) -> None:
    """Check that an adapter can be on.

    Raises:
        BundleError: a weight is not finite, or all are zero: nothing would change.
    """
    if not all(bool(weight.isfinite().all()) for weight in adapter.weights.values()):
        raise BundleError("the adapter has weights that are not finite.", way_out)
    if not any(bool(weight.any()) for name, weight in adapter.weights.items() if "lora_B" in name):
        raise BundleError("the adapter is all zero: it would change nothing.", way_out)
