"""What an adapter's configuration may say, in PEFT's words: from settings, from a file, and back to JSON."""

from __future__ import annotations

__all__ = ["Layered", "config_from", "config_of", "saved_config", "soft_config"]

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from peft import IA3Config, LoraConfig
from peft.utils import (
    TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING,
    TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING,
)

from crossover.model.base import TrainSettings
from crossover.records import Json

Layered = LoraConfig | IA3Config
"""Adapters that wrap layers of the network."""

_FIELDS = {
    "LORA": frozenset(
        {"r", "lora_alpha", "target_modules", "task_type", "use_rslora", "use_dora", "bias", "lora_dropout"}
    ),
    "IA3": frozenset({"target_modules", "feedforward_modules", "task_type"}),
}
_TASK = "CAUSAL_LM"


def config_of(settings: TrainSettings, architecture: str) -> Layered:
    """Return the configuration of a new adapter for networks of an architecture, for example "llama".

    IA3 scales what the architecture's row in PEFT's table names: keys and values, and what the last feed-forward layer
    reads. An architecture that is not in it has the outputs of all linear layers scaled.
    """
    if settings.adapter == "ia3":
        feedforward = TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING.get(architecture)
        targets = TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING.get(architecture)
        if feedforward is None or targets is None:
            return IA3Config(target_modules="all-linear", feedforward_modules=[], task_type=_TASK)
        return IA3Config(target_modules=list(targets), feedforward_modules=list(feedforward), task_type=_TASK)
    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        target_modules=settings.targets if isinstance(settings.targets, str) else list(settings.targets),
        use_rslora=settings.use_rslora,
        use_dora=settings.use_dora,
        task_type=_TASK,
    )


def config_from(said: Mapping[str, Json]) -> Layered:
    """Return the configuration that a file holds; fields that are not known are passed over.

    Raises:
        ValueError, TypeError: a field has a value that is not allowed; the message says which.
    """
    kind = said.get("peft_type", "LORA")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise ValueError(f"peft_type {kind!r} is none of LORA, IA3, PROMPT_TUNING and FULL")
    fields: dict[str, Any] = {k: v for k, v in said.items() if k in _FIELDS[kind]}  # JSON from a file
    if fields.get("bias", "none") != "none":  # biases belong to the base: they would stay changed
        raise ValueError(f"bias {fields['bias']!r}, and adapters here leave biases alone")
    for name in ("target_modules", "feedforward_modules"):
        targets = fields.get(name, None if name == "target_modules" else [])
        named = isinstance(targets, list | tuple) and all(isinstance(one, str) for one in targets)
        if not named and (name, targets) != ("target_modules", "all-linear"):
            # PEFT reads any other text as a regular expression, which can take for ever
            raise ValueError(f"{name} {targets!r} is no list of names")
    if kind == "IA3":  # without them PEFT would look into its table
        return IA3Config(**{"feedforward_modules": [], **fields})
    return LoraConfig(**fields)


def saved_config(config: Layered) -> dict[str, Json]:
    """Return what rebuilds an adapter, as JSON values."""
    kind = "IA3" if isinstance(config, IA3Config) else "LORA"
    plain: dict[str, Any] = {k: v for k, v in asdict(config).items() if k in _FIELDS[kind]}  # PEFT's own values
    for name in plain.keys() & {"target_modules", "feedforward_modules"}:
        plain[name] = plain[name] if isinstance(plain[name], str) else sorted(plain[name])
    plain["peft_type"] = kind
    plain["task_type"] = _TASK
    return plain


def soft_config(shape: Sequence[int], replaces: Sequence[int]) -> dict[str, Json]:
    """Return what rebuilds a soft prompt, as JSON values: PEFT's, and the token ids that it takes the place of.

    PEFT itself puts virtual tokens before every prompt, and passes `replaces` over.

    Args:
        shape: [virtual tokens, hidden size].
        replaces: the token ids.
    """
    return {
        "peft_type": "PROMPT_TUNING",
        "task_type": _TASK,
        "num_virtual_tokens": int(shape[0]),
        "token_dim": int(shape[1]),
        "replaces": list(replaces),
    }
