"""An embedded model: transformers' network and tokenizer in this process, behind `LanguageModel`."""

from __future__ import annotations

__all__ = ["LocalModel"]

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from crossover.errors import ModelError
from crossover.model.base import (
    Adapter,
    Capability,
    Constraint,
    FloatArray,
    Generated,
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
from crossover.model.engine import (
    BEST_FIRST_NODES,
    Decoding,
    Generator,
    LabelTree,
    LoraFit,
    Memo,
    Prefixes,
    ScoreResult,
    embed,
    score,
    score_best,
    speed_up,
)
from crossover.model.sizes import Sizes
from crossover.records import Json


class LocalModel(LanguageModel):
    """A causal language model in this process, its weights in any precision (crossover.model.quantized: int8, nf4)."""

    def __init__(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, identity: ModelIdentity) -> None:
        """Take over a loaded network; it is frozen and put into evaluation mode."""
        self._network = network.eval().requires_grad_(requires_grad=False)
        self._chat = ChatRenderer(tokenizer)
        self._identity = identity
        self._sizes = Sizes()
        self._token_passes = 0
        self._adapted = False
        self._prefixes = Prefixes(self._network)
        self._memo = Memo()
        self._generator = Generator(self._network, tokenizer, self._prefixes, end=self._chat.end[0])

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        return self._identity

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Score, generate, embed and train."""
        return frozenset({"score", "generate", "embed", "train"})

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

    def plain_prompt(self, text: str) -> tuple[int, ...]:
        """Return the token ids of a text that the model shall continue."""
        return self._chat.plain_prompt(text)

    def plain_completion(self, text: str) -> tuple[int, ...]:
        """Return the token ids of an answer that continues a plain prompt, the paragraph's end included."""
        return self._chat.plain_completion(text)

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the token ids of plain text, nothing added."""
        return self._chat.encode(text)

    def score(
        self,
        prompts: Sequence[Sequence[int]],
        continuations: Sequence[Sequence[int]],
        *,
        offsets: Sequence[float] | None = None,
    ) -> Scores:
        """Return the log-probability of every continuation after every prompt; with `offsets`, surely of the best."""
        if not prompts:
            return Scores(logprobs=np.zeros((0, len(continuations))), prompt_tokens=())
        self._fits(prompts, max(len(c) for c in continuations))
        prefix, tokens = self._prefixes.for_prompts(prompts)
        searched = offsets if len(LabelTree(continuations)) > BEST_FIRST_NODES else None

        def compute() -> ScoreResult:
            bounds = {"max_tokens": self._sizes.pack_tokens, "head_rows": self._sizes.head_rows}
            if searched is not None:
                return score_best(self._network, prompts, continuations, searched, prefix=prefix, **bounds)
            return score(self._network, prompts, continuations, prefix=prefix, **bounds)

        # One prompt alone is somebody waiting, or a latency being measured: always computed.
        is_kept = len(prompts) > 1 and not self._adapted
        result = (
            self._memo.result(prompts, continuations, compute=compute, offsets=searched or ()) if is_kept else compute()
        )
        self._token_passes += result.tokens + tokens
        return Scores(logprobs=result.values, prompt_tokens=tuple(len(p) for p in prompts))

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        temperature: float = 0.0,
        seed: int = 0,
        constraint: Constraint | None = None,
    ) -> list[Generated]:
        """Return one answer to every prompt."""
        how = Decoding(max_tokens=max_tokens, ends=self._generator.ends, stop=stop, temperature=temperature, seed=seed)
        self._leaves_room(prompts, max_tokens)
        answers, tokens = self._generator.generate(prompts, how, constraint)
        self._token_passes += tokens
        return answers

    def embed(self, sequences: Sequence[Sequence[int]]) -> FloatArray:
        """Return mean-pooled and last hidden states, [sequences, 2 × hidden size]."""
        self._fits(sequences, 0)

        def compute() -> ScoreResult:
            return ScoreResult(*embed(self._network, sequences, max_tokens=self._sizes.pack_tokens))

        result = (
            self._memo.result(sequences, compute=compute) if len(sequences) > 1 and not self._adapted else compute()
        )
        self._token_passes += result.tokens
        return result.values

    def forget(self, *, results: bool = False) -> None:
        """Drop the cached beginnings of prompts, and the results of whole calls where asked to."""
        self._prefixes.clear()
        if results:
            self._memo.clear()

    def resize(self, sizes: Sizes) -> None:
        """Bound the passes that follow."""
        self._sizes = sizes
        self._memo.clear()

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
        fields: dict[str, Any] = {k: v for k, v in adapter.config.items() if k in _CONFIG_FIELDS}  # JSON from a file
        if fields.get("bias", "none") != "none":  # biases belong to the base: they would stay changed
            raise self._unfit(f"bias {fields['bias']!r}, and adapters here leave biases alone")
        targets = fields.get("target_modules")
        named = isinstance(targets, list | tuple) and all(isinstance(name, str) for name in targets)
        if targets != "all-linear" and not named:
            # PEFT reads any other text as a regular expression, which can take for ever
            raise self._unfit(f"target_modules {targets!r} is no list of names")
        try:
            config = LoraConfig(**fields)
        except (ValueError, TypeError) as error:
            raise self._unfit(str(error)) from error
        with self._peft(config) as wrapped:
            self._fill(wrapped, adapter)
            wrapped.eval()  # new layers begin in training mode: dropout would make answers random
            yield

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

    def _unfit(self, reason: str) -> ModelError:
        return ModelError(
            f"the adapter does not fit {self._identity.name}: {reason}.", "use it with the model that it was trained on"
        )

    @contextmanager
    def _peft(self, config: LoraConfig) -> Iterator[PeftModel]:
        if self._adapted:
            raise ModelError("an adapter is on already", "leave its block before another adapter is put on")
        try:
            # autocast_adapter_dtype=False: adapters compute in the network's type; fp32 masters live in the optimizer.
            wrapped: Any = get_peft_model(self._network, config, autocast_adapter_dtype=False)  # or a PeftMixedModel
        except (ValueError, TypeError) as error:
            raise self._unfit(str(error)) from error
        speed_up(wrapped)
        self._adapted = True
        self._prefixes.clear()
        try:
            yield wrapped
        finally:
            self._prefixes.clear()
            wrapped.unload()
            self._network.requires_grad_(requires_grad=False)
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

    def _leaves_room(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> None:
        limit = self._identity.context_tokens
        for index, prompt in enumerate(prompts):
            if not prompt:
                raise ModelError(f"the prompt of example {index} is empty.", "give it one token at least")
            if len(prompt) + max_tokens > limit:
                raise ModelError(
                    f"example {index} is {len(prompt):,} tokens long and its answer may take {max_tokens:,}; "
                    f"{self._identity.name} reads {limit:,}.",
                    "shorten it, use fewer demonstrations, lower max_tokens, or take a model with a longer context",
                )


_CONFIG_FIELDS = frozenset(
    {"r", "lora_alpha", "target_modules", "task_type", "use_rslora", "use_dora", "bias", "lora_dropout"}
)


class _LocalTrainer(Trainer):
    def __init__(self, model: LocalModel, wrapped: PeftModel, settings: TrainSettings) -> None:
        self._model = model
        self._wrapped = wrapped
        generator = torch.Generator().manual_seed(settings.seed)
        named = [(name, p) for name, p in wrapped.named_parameters() if p.requires_grad]
        with torch.no_grad():
            for name, parameter in named:
                if "lora_A" in name:  # drawn again, from the seed and not from the global generator; B stays zero
                    bound = parameter.shape[1] ** -0.5
                    parameter.copy_(torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator))
        self._names = [name for name, _ in named]
        parameters = [p for _, p in named]
        self._fit = LoraFit(model._network, parameters, settings, max_tokens=model._sizes.train_tokens)

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


def _plain(config: dict[str, Any]) -> dict[str, Json]:  # Any: PEFT's own values
    """Keep what rebuilds the adapter, as JSON values."""
    plain = {k: v for k, v in config.items() if k in _CONFIG_FIELDS}
    targets = plain["target_modules"]
    plain["target_modules"] = targets if isinstance(targets, str) else sorted(targets)
    plain["peft_type"] = "LORA"
    plain["task_type"] = "CAUSAL_LM"
    return plain
