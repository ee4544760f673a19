"""What a network computes with beside its own weights: nothing, an adapter, a soft prompt, or other weights."""

from __future__ import annotations

__all__ = ["Adapting"]

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import IA3Config, PeftModel, get_peft_model, set_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import PreTrainedModel

from crossover.errors import ModelError
from crossover.model.adapter_config import Layered, config_from
from crossover.model.base import Adapter
from crossover.model.engine import speed_up
from crossover.model.soft import EMBEDDINGS, SoftPrompt


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
        self._soft: SoftPrompt | None = None
        self.is_on = False

    def read(self, prompts: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
        """Return prompts as the network reads them: with the virtual tokens of the soft prompt that is on."""
        return prompts if self._soft is None else [self._soft.read(prompt) for prompt in prompts]

    @contextmanager
    def with_layers(self, config: Layered) -> Iterator[PeftModel]:
        """Put an adapter's new layers on the network for the block."""
        with self._alone():
            is_scaling = isinstance(config, IA3Config)
            try:
                # Adapters compute in the network's type, fp32 masters live in the optimizer: no autocast. But IA3's
                # numbers lie about 1, where bf16 knows steps of 1/128: PEFT multiplies with them in fp32. Any: what
                # comes back may be a PeftMixedModel.
                wrapped: Any = get_peft_model(self._network, config, autocast_adapter_dtype=is_scaling)
            except (ValueError, TypeError) as error:
                raise self._unfit(str(error)) from error
            speed_up(wrapped)
            try:
                yield wrapped
            finally:
                if is_scaling:  # PEFT takes it off a quantized network for merging it, and refuses
                    _put_back(self._network)
                else:
                    wrapped.unload()
                self._network.requires_grad_(requires_grad=False)
                if hasattr(self._network, "peft_config"):
                    del self._network.peft_config

    @contextmanager
    def with_soft(self, soft: SoftPrompt) -> Iterator[SoftPrompt]:
        """Let the network know virtual tokens for the block, and prompts be read with them."""
        with self._alone(), soft.on():
            self._soft = soft
            try:
                yield soft
            finally:
                self._soft = None

    def begun_as(self, tokens: Sequence[int]) -> SoftPrompt:
        """Return a soft prompt that says what these tokens say.

        Raises:
            ModelError: there are none, or one is not in the vocabulary.
        """
        try:
            return SoftPrompt.begun_as(self._network, tokens)
        except ValueError as error:
            raise ModelError(f"{error}; got {len(tokens)} tokens: {list(tokens)[:8]}.") from error

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
        if adapter.config.get("peft_type") == "PROMPT_TUNING":
            with self.with_soft(self._soft_of(adapter)):
                yield
            return
        with self.with_layers(self._config(adapter)) as wrapped:
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

    def _config(self, adapter: Adapter) -> Layered:
        try:
            return config_from(adapter.config)
        except (ValueError, TypeError) as error:
            raise self._unfit(str(error)) from error

    def _soft_of(self, adapter: Adapter) -> SoftPrompt:
        embeddings: Any = self._network.get_input_embeddings()  # of no type that says what it holds
        vocabulary, hidden = embeddings.weight.shape
        replaces: Any = adapter.config.get("replaces", [])  # JSON from a file
        if not isinstance(replaces, list | tuple) or not all(
            isinstance(token, int) and 0 <= token < vocabulary for token in replaces
        ):
            raise self._unfit(f"replaces holds other things than token ids from 0 to {vocabulary - 1}")
        if adapter.weights.keys() != {EMBEDDINGS}:
            raise self._unfit(f"its weights are {sorted(adapter.weights)[:3]}, not {[EMBEDDINGS]}")
        rows, wanted = adapter.weights[EMBEDDINGS], [adapter.config.get("num_virtual_tokens"), hidden]
        if list(rows.shape) != wanted or not len(rows):
            raise self._unfit(f"{EMBEDDINGS!r} has the shape {list(rows.shape)}, not {wanted}")
        return SoftPrompt(self._network, rows, replaces)

    def _fill(self, wrapped: PeftModel, adapter: Adapter) -> None:
        try:
            result: Any = set_peft_model_state_dict(wrapped, dict(adapter.weights))  # torch's named tuple has no type
        except RuntimeError as error:
            lines = str(error).strip().splitlines()
            raise self._unfit(lines[-1].strip() if lines else "a size differs") from error
        if result.unexpected_keys:
            n = len(result.unexpected_keys)
            raise self._unfit(f"{n} of its weights have no place, the first is {result.unexpected_keys[0]!r}")
        prefix: Any = wrapped.base_model.prefix  # "lora_" or "ia3_"
        if missing := [key for key in result.missing_keys if prefix in key]:
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


def _put_back(network: PreTrainedModel) -> None:
    for name, module in list(network.named_modules()):
        if isinstance(module, BaseTunerLayer):
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, module.get_base_layer())
