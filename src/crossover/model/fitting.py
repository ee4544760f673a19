"""A fit in progress on a local model: steps, what it leaves, and its state on disk."""

from __future__ import annotations

__all__ = ["Hooks", "LocalTrainer", "open_fit"]

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict
from transformers import PreTrainedModel

from crossover.model.adapter_config import Layered, config_of, saved_config, soft_config
from crossover.model.adapting import Adapting
from crossover.model.base import FULL, Adapter, ModelIdentity, Trainer, TrainRow, TrainSettings, TrainStep
from crossover.model.checkpoint import load_checkpoint, save_checkpoint
from crossover.model.engine import Completions, Contrast, Fit, Objective
from crossover.model.soft import EMBEDDINGS
from crossover.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What a fit has to do with the model around it.

    Attributes:
        max_tokens: nodes of one micro-batch.
        read: returns prompts as the network reads them.
        before: called with the sequences of every step, to refuse what cannot be trained on.
        after: called with the token passes that a step took.
    """

    max_tokens: int
    read: Callable[[Sequence[Sequence[int]]], Sequence[Sequence[int]]]
    before: Callable[[Sequence[Sequence[int]]], None]
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
        prompts = self._hooks.read([row.prompt for row in rows])
        read = [replace(row, prompt=tuple(prompt)) for row, prompt in zip(rows, prompts, strict=True)]
        return self._take([(*row.prompt, *row.completion) for row in read], Completions(read))

    def contrast(
        self, sequences: Sequence[Sequence[int]], groups: Sequence[int], *, temperature: float = 0.1
    ) -> TrainStep:
        read = self._hooks.read(sequences)
        return self._take(read, Contrast(read, groups, temperature))

    def _take(self, sequences: Sequence[Sequence[int]], objective: Objective) -> TrainStep:
        self._hooks.before(sequences)
        taken = self._fit.step(objective)
        self._hooks.after(3 * taken.tokens + taken.read)
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


@contextmanager
def open_fit(
    network: PreTrainedModel, adapting: Adapting, settings: TrainSettings, identity: ModelIdentity, hooks: Hooks
) -> Iterator[LocalTrainer]:
    """Put on what is trained for the block, and begin the fit.

    Raises:
        ModelError: what shall be trained does not go with the network.
    """
    if settings.full:
        with adapting.with_own_weights():
            network.requires_grad_(requires_grad=True)
            named = dict(network.named_parameters())
            fit = Fit(network, list(named.values()), settings, max_tokens=hooks.max_tokens)
            yield LocalTrainer(fit, list(named), settings, identity, {"peft_type": FULL}, hooks)
    elif settings.adapter == "soft":
        with adapting.with_soft(adapting.begun_as(settings.soft)) as soft:
            soft.rows.requires_grad_()
            fit = Fit(network, [soft.rows], settings, max_tokens=hooks.max_tokens)
            config = soft_config(soft.rows.shape, settings.soft)
            yield LocalTrainer(fit, [EMBEDDINGS], settings, identity, config, hooks)
    else:
        layers = config_of(settings, str(network.config.model_type))
        with adapting.with_layers(layers) as wrapped:
            named = _named(wrapped, settings.seed)
            fit = Fit(network, list(named.values()), settings, max_tokens=hooks.max_tokens)
            yield LocalTrainer(fit, list(named), settings, identity, saved_config(_put_on(wrapped)), hooks)


def _named(wrapped: PeftModel, seed: int) -> dict[str, torch.nn.Parameter]:
    """Return the parameters of an adapter that was put on just now, by the names under which PEFT saves them.

    A is drawn from the seed; B is zero, and IA3's numbers are one.
    """
    generator = torch.Generator().manual_seed(seed)
    trained = {name: p for name, p in wrapped.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for name, parameter in trained.items():
            if "lora_A" in name:  # drawn again, from the seed and not from the global generator; B stays zero
                bound = parameter.shape[1] ** -0.5
                parameter.copy_(torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator))
    named = {_saved_name(name): parameter for name, parameter in trained.items()}
    assert set(named) == set(get_peft_model_state_dict(wrapped)), "PEFT saves what is trained, under these names"
    return named


def _saved_name(name: str) -> str:
    magnitude = "lora_magnitude_vector"  # DoRA's, which PEFT keeps in a module and saves as a tensor
    name = name.replace(f"{magnitude}.default.weight", magnitude)
    return name.replace(".default.", ".").removesuffix(".default")


def _put_on(wrapped: PeftModel) -> Layered:
    config = wrapped.peft_config["default"]
    assert isinstance(config, Layered), "as it was put on"
    return config
