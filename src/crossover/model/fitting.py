"""A fit in progress on a local model: steps, what it leaves, and its state on disk."""

from __future__ import annotations

__all__ = ["Hooks", "LocalTrainer", "full_trainer", "lora_trainer"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model_state_dict
from transformers import PreTrainedModel

from crossover.model.adapting import saved_config
from crossover.model.base import FULL, Adapter, ModelIdentity, Trainer, TrainRow, TrainSettings, TrainStep
from crossover.model.checkpoint import load_checkpoint, save_checkpoint
from crossover.model.engine import Fit
from crossover.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What a fit has to do with the model around it.

    Attributes:
        max_tokens: nodes of one micro-batch.
        before: called with the rows of every step, to refuse what cannot be trained on.
        after: called with the tokens that a step computed.
    """

    max_tokens: int
    before: Callable[[Sequence[TrainRow]], None]
    after: Callable[[int], None]


class LocalTrainer(Trainer):
    """Steps of `crossover.model.engine.Fit` on named parameters."""

    def __init__(
        self,
        fit: Fit,
        names: Sequence[str],
        settings: TrainSettings,
        identity: ModelIdentity,
        config: Mapping[str, Json],
        hooks: Hooks,
    ) -> None:
        """Take over a fit.

        Args:
            fit: the optimizer's side.
            names: what the fit's parameters are called in the adapter, in their order.
            settings: the hyperparameters.
            identity: the model that is trained.
            config: the adapter's.
            hooks: told of every step.
        """
        self._fit = fit
        self._names = list(names)
        self._settings = settings
        self._identity = identity
        self._config = dict(config)
        self._hooks = hooks

    @property
    def steps(self) -> int:
        return self._fit.steps

    def step(self, rows: Sequence[TrainRow]) -> TrainStep:
        self._hooks.before(rows)
        taken = self._fit.step(rows)
        self._hooks.after(taken.tokens)
        return taken

    def adapter(self) -> Adapter:
        weights = {
            name: master.detach().float().cpu().clone().contiguous()
            for name, master in zip(self._names, self._fit.masters, strict=True)
        }
        return Adapter(config=self._config, weights=weights)

    def save(self, folder: Path) -> None:
        save_checkpoint(folder, self._fit.state(self._names), self._settings, self._identity)

    def restore(self, folder: Path) -> None:
        """Go on from a saved state.

        Raises:
            ModelError: there is none, it is damaged, or it belongs to another model or other settings.
        """
        self._fit.load_state(self._names, load_checkpoint(folder, self._settings, self._identity, self._names))


def lora_trainer(
    network: PreTrainedModel, wrapped: PeftModel, settings: TrainSettings, identity: ModelIdentity, hooks: Hooks
) -> LocalTrainer:
    """Begin a fit of an adapter that was put on just now; A is drawn from the seed, B is zero."""
    generator = torch.Generator().manual_seed(settings.seed)
    named = [(name, p) for name, p in wrapped.named_parameters() if p.requires_grad]
    with torch.no_grad():
        for name, parameter in named:
            if "lora_A" in name:  # drawn again, from the seed and not from the global generator; B stays zero
                bound = parameter.shape[1] ** -0.5
                parameter.copy_(torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator))
    saved = [name.replace(".default.", ".") for name, _ in named]
    assert set(saved) == set(get_peft_model_state_dict(wrapped)), "PEFT saves what is trained, under these names"
    fit = Fit(network, [p for _, p in named], settings, max_tokens=hooks.max_tokens)
    config = wrapped.peft_config["default"]
    assert isinstance(config, LoraConfig), "as it was put on"
    return LocalTrainer(fit, saved, settings, identity, saved_config(config), hooks)


def full_trainer(
    network: PreTrainedModel, settings: TrainSettings, identity: ModelIdentity, hooks: Hooks
) -> LocalTrainer:
    """Begin a fit of all weights of a network."""
    network.requires_grad_(requires_grad=True)
    named = dict(network.named_parameters())
    fit = Fit(network, list(named.values()), settings, max_tokens=hooks.max_tokens)
    return LocalTrainer(fit, list(named), settings, identity, {"peft_type": FULL}, hooks)
