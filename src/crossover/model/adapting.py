"""What a network computes with beside its own weights: nothing, an adapter, or other weights in their place."""

from __future__ import annotations

__all__ = ["Adapting", "saved_config"]

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from transformers import PreTrainedModel

from crossover.errors import ModelError
from crossover.model.base import Adapter
from crossover.model.engine import speed_up
from crossover.records import Json

_CONFIG_FIELDS = frozenset(
    {"r", "lora_alpha", "target_modules", "task_type", "use_rslora", "use_dora", "bias", "lora_dropout"}
)


class Adapting:
    """Puts an adapter, or weights, on a network and takes them off again; one at a time."""

    def __init__(self, network: PreTrainedModel, name: str, *, changed: Callable[[], None]) -> None:
        """Leave the network as it is.

        Args:
            network: the frozen network.
            name: the model's, for messages.
            changed: called whenever the network computes something else than before.
        """
        self._network = network
        self._name = name
        self._changed = changed
        self.is_on = False

    @contextmanager
    def with_lora(self, config: LoraConfig) -> Iterator[PeftModel]:
        """Put new low-rank layers on the network for the block."""
        with self._alone():
            try:
                # Adapters compute in the network's type, fp32 masters live in the optimizer: no autocast. Any: what
                # comes back may be a PeftMixedModel.
                wrapped: Any = get_peft_model(self._network, config, autocast_adapter_dtype=False)
            except (ValueError, TypeError) as error:
                raise self._unfit(str(error)) from error
            speed_up(wrapped)
            try:
                yield wrapped
            finally:
                wrapped.unload()
                self._network.requires_grad_(requires_grad=False)
                if hasattr(self._network, "peft_config"):
                    del self._network.peft_config

    @contextmanager
    def with_own_weights(self) -> Iterator[PreTrainedModel]:
        """Let the network's own weights be changed for the block; they are put back after it.

        Raises:
            ModelError: they are quantized.
        """
        with self._alone():
            parameters = dict(self._network.named_parameters())
            fixed = [name for name, p in parameters.items() if not p.is_floating_point()]
            if fixed:
                raise ModelError(
                    f"all weights of {self._name} cannot be trained: {len(fixed)} of them are quantized.",
                    "train an adapter, or load the model in fp32 or bf16: --precision",
                )
            kept = {name: p.detach().clone() for name, p in parameters.items()}
            try:
                yield self._network
            finally:
                self._network.requires_grad_(requires_grad=False)
                with torch.no_grad():
                    for name, parameter in parameters.items():
                        parameter.grad = None
                        parameter.copy_(kept[name])

    @contextmanager
    def using(self, adapter: Adapter | None) -> Iterator[None]:
        """Compute with an adapter in the block (None: the network's own weights)."""
        if adapter is None:
            yield
            return
        if adapter.is_full:
            with self.with_own_weights() as network:
                self._replace(network, adapter.weights)
                yield
            return
        with self.with_lora(self._config(adapter)) as wrapped:
            self._fill(wrapped, adapter)
            wrapped.eval()  # new layers begin in training mode: dropout would make answers random
            yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self.is_on:
            raise ModelError("an adapter is on already", "leave its block before another adapter is put on")
        self.is_on = True
        self._changed()
        try:
            yield
        finally:
            self._changed()
            self.is_on = False

    def _config(self, adapter: Adapter) -> LoraConfig:
        fields: dict[str, Any] = {k: v for k, v in adapter.config.items() if k in _CONFIG_FIELDS}  # JSON from a file
        if fields.get("bias", "none") != "none":  # biases belong to the base: they would stay changed
            raise self._unfit(f"bias {fields['bias']!r}, and adapters here leave biases alone")
        targets = fields.get("target_modules")
        named = isinstance(targets, list | tuple) and all(isinstance(name, str) for name in targets)
        if targets != "all-linear" and not named:
            # PEFT reads any other text as a regular expression, which can take for ever
            raise self._unfit(f"target_modules {targets!r} is no list of names")
        try:
            return LoraConfig(**fields)
        except (ValueError, TypeError) as error:
            raise self._unfit(str(error)) from error

    def _fill(self, wrapped: PeftModel, adapter: Adapter) -> None:
        try:
            result: Any = set_peft_model_state_dict(wrapped, dict(adapter.weights))  # torch's named tuple has no type
        except RuntimeError as error:
            lines = str(error).strip().splitlines()
            raise self._unfit(lines[-1].strip() if lines else "a size differs") from error
        if result.unexpected_keys:
            n = len(result.unexpected_keys)
            raise self._unfit(f"{n} of its weights have no place, the first is {result.unexpected_keys[0]!r}")
        if missing := [key for key in result.missing_keys if "lora_" in key]:
            raise self._unfit(f"{len(missing)} of its weights are missing, the first is {missing[0]!r}")

    def _replace(self, network: PreTrainedModel, weights: Mapping[str, torch.Tensor]) -> None:
        parameters = dict(network.named_parameters())
        if others := sorted(weights.keys() ^ parameters.keys()):
            what = "has no place" if others[0] in weights else "is missing"
            raise self._unfit(f"{len(others)} of its weights differ in name: {others[0]!r} {what}")
        for name, parameter in parameters.items():
            if parameter.shape != weights[name].shape:
                sizes = f"{list(weights[name].shape)}, not {list(parameter.shape)}"
                raise self._unfit(f"{name!r} has the shape {sizes}")
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(weights[name])

    def _unfit(self, reason: str) -> ModelError:
        return ModelError(
            f"the adapter does not fit {self._name}: {reason}.", "use it with the model that it was trained on"
        )


def saved_config(config: LoraConfig) -> dict[str, Json]:
    """Return what rebuilds an adapter, as JSON values."""
    plain: dict[str, Any] = {k: v for k, v in asdict(config).items() if k in _CONFIG_FIELDS}  # PEFT's own values
    targets = plain["target_modules"]
    plain["target_modules"] = targets if isinstance(targets, str) else sorted(targets)
    plain["peft_type"] = "LORA"
    plain["task_type"] = "CAUSAL_LM"
    return plain
