"""An embedded model: transformers' network and tokenizer in this process, behind `LanguageModel`."""

from __future__ import annotations

__all__ = ["LocalModel"]

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from crossover.errors import ModelError
from crossover.model.base import (
    Adapter,
    Capability,
    FloatArray,
    LanguageModel,
    Message,
    ModelIdentity,
    Scores,
    Trainer,
    TrainRow,
    TrainSettings,
    TrainStep,
)
from crossover.model.chat import ChatRenderer
from crossover.model.engine import LoraFit, Prefixes, embed, score


class LocalModel(LanguageModel):
    """A causal language model in this process."""

    def __init__(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, identity: ModelIdentity) -> None:
        """Take over a loaded network; it is frozen and put into evaluation mode."""
        self._network = network.eval().requires_grad_(False)
        self._chat = ChatRenderer(tokenizer)
        self._identity = identity
        self._token_passes = 0
        self._adapted = False
        self._prefixes = Prefixes(self._network)

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        return self._identity

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Score, embed and train."""
        return frozenset({"score", "embed", "train"})

    @property
    def token_passes(self) -> int:
        """Tokens through the model so far."""
        return self._token_passes

    def render(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Return the prompt's token ids by the model's own chat template."""
        return self._chat.prompt(messages)

    def completion(self, text: str) -> tuple[int, ...]:
        """Return the token ids of an assistant's answer, the end-of-turn token included."""
        return self._chat.completion(text)

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the token ids of plain text, nothing added."""
        return self._chat.encode(text)

    def score(self, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]) -> Scores:
        """Return the log-probability of every continuation after every prompt."""
        if not prompts:
            return Scores(logprobs=np.zeros((0, len(continuations))), prompt_tokens=())
        self._fits(prompts, max(len(c) for c in continuations))
        prefix, tokens = self._prefixes.for_prompts(prompts)
        result = score(self._network, prompts, continuations, prefix=prefix)
        self._token_passes += result.tokens + tokens
        return Scores(logprobs=result.logprobs, prompt_tokens=tuple(len(p) for p in prompts))

    def embed(self, sequences: Sequence[Sequence[int]]) -> FloatArray:
        """Return mean-pooled and last hidden states, [sequences, 2 × hidden size]."""
        self._fits(sequences, 0)
        features, tokens = embed(self._network, sequences)
        self._token_passes += tokens
        return features

    def training(self, settings: TrainSettings) -> AbstractContextManager[Trainer]:
        """Open a LoRA fit on the frozen base; leaving the block takes the adapter off again."""
        return self._training(settings)

    def adapted(self, adapter: Adapter | None) -> AbstractContextManager[None]:
        """Compute with this adapter inside the block (None: the base model)."""
        return self._with_adapter(adapter)

    @contextmanager
    def _training(self, settings: TrainSettings) -> Iterator[Trainer]:
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            target_modules=settings.targets if isinstance(settings.targets, str) else list(settings.targets),
            task_type="CAUSAL_LM",
        )
        with torch.random.fork_rng(), self._peft(config) as wrapped:
            yield _LocalTrainer(self, wrapped, settings)

    @contextmanager
    def _with_adapter(self, adapter: Adapter | None) -> Iterator[None]:
        if adapter is None:
            yield
            return
        config = LoraConfig(**{k: v for k, v in adapter.config.items() if k in _CONFIG_FIELDS})
        with self._peft(config) as wrapped:
            result = set_peft_model_state_dict(wrapped, dict(adapter.weights))
            if result.unexpected_keys:
                raise ModelError(
                    f"the adapter has {len(result.unexpected_keys)} weights that do not fit {self._identity.name}, "
                    f"the first is {result.unexpected_keys[0]!r}",
                    "use it with the model that it was trained on",
                )
            yield

    @contextmanager
    def _peft(self, config: LoraConfig) -> Iterator[PeftModel]:
        if self._adapted:
            raise ModelError("an adapter is on already", "leave its block before another adapter is put on")
        self._adapted = True
        self._prefixes.clear()
        # autocast_adapter_dtype=False: adapters compute in the network's type; fp32 masters live in the optimizer.
        wrapped = get_peft_model(self._network, config, autocast_adapter_dtype=False)
        try:
            yield wrapped
        finally:
            self._prefixes.clear()
            wrapped.unload()
            self._network.requires_grad_(False)
            if hasattr(self._network, "peft_config"):
                del self._network.peft_config
            self._adapted = False

    def _fits(self, sequences: Sequence[Sequence[int]], extra: int) -> None:
        limit = self._identity.context_tokens
        for index, sequence in enumerate(sequences):
            if len(sequence) + extra > limit:
                raise ModelError(
                    f"example {index} is {len(sequence) + extra:,} tokens long; {self._identity.name} reads {limit:,}.",
                    "shorten it, use fewer demonstrations, or take a model with a longer context",
                )


_CONFIG_FIELDS = frozenset({"r", "lora_alpha", "target_modules", "task_type", "use_rslora", "use_dora", "bias", "lora_dropout"})


class _LocalTrainer(Trainer):
    def __init__(self, model: LocalModel, wrapped: PeftModel, settings: TrainSettings) -> None:
        self._model = model
        self._wrapped = wrapped
        generator = torch.Generator().manual_seed(settings.seed)
        named = [(name, p) for name, p in wrapped.named_parameters() if p.requires_grad]
        with torch.no_grad():
            for name, parameter in named:
                if "lora_A" in name:  # PEFT draws these from the global generator: drawn again from the seed, B stays zero
                    bound = parameter.shape[1] ** -0.5
                    parameter.copy_(torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator))
        self._names = [name for name, _ in named]
        self._fit = LoraFit(model._network, [p for _, p in named], settings)

    def step(self, rows: Sequence[TrainRow]) -> TrainStep:
        """Take one optimizer step."""
        self._model._fits([(*row.prompt, *row.completion) for row in rows], 0)
        self._model._prefixes.clear()
        taken = self._fit.step(rows)
        self._model._token_passes += 3 * taken.tokens
        return taken

    def adapter(self) -> Adapter:
        """Return a copy of the fp32 master weights under PEFT's names."""
        state = get_peft_model_state_dict(self._wrapped)
        masters = {_saved_name(n): m for n, m in zip(self._names, self._fit.masters, strict=True)}
        config = self._wrapped.peft_config["default"]
        return Adapter(
            config=_plain(asdict(config)),
            weights={name: masters[name].detach().float().cpu().clone().contiguous() for name in state},
        )


def _saved_name(parameter: str) -> str:
    return parameter.replace(".default.", ".")


def _plain(config: dict[str, object]) -> dict[str, object]:
    """Keep what rebuilds the adapter, as JSON values."""
    plain = {k: v for k, v in config.items() if k in _CONFIG_FIELDS}
    targets = plain["target_modules"]
    plain["target_modules"] = targets if isinstance(targets, str) else sorted(targets)
    plain["peft_type"] = "LORA"
    plain["task_type"] = "CAUSAL_LM"
    return plain
