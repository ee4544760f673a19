"""An embedded model: transformers' network and tokenizer in this process, behind `LanguageModel`."""

from __future__ import annotations

__all__ = ["LocalModel"]

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from crossover.errors import ModelError
from crossover.model.adapting import Adapting
from crossover.model.base import (
    Adapter,
    Capability,
    Constraint,
    Divergence,
    FloatArray,
    Generated,
    LanguageModel,
    Message,
    ModelIdentity,
    Scores,
    Trainer,
    TrainSettings,
)
from crossover.model.chat import ChatRenderer
from crossover.model.engine import (
    BEST_FIRST_NODES,
    Decoding,
    Generator,
    LabelTree,
    Memo,
    Prefixes,
    ScoreResult,
    divergences,
    embed,
    quicken,
    read_states,
    score,
    score_best,
    score_own,
)
from crossover.model.fitting import Hooks, open_fit
from crossover.model.precision import QUANTIZED
from crossover.model.sizes import Sizes


class LocalModel(LanguageModel):
    """A causal language model in this process, its weights in any precision (crossover.model.quantized: int8, nf4)."""

    def __init__(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, identity: ModelIdentity) -> None:
        """Take over a loaded network; it is frozen and put into evaluation mode."""
        self._network = network.eval().requires_grad_(requires_grad=False)
        quicken(self._network)
        self._chat = ChatRenderer(tokenizer)
        self._identity = identity
        self._sizes = Sizes()
        self._token_passes = 0
        self._prefixes = Prefixes(self._network)
        self._adapting = Adapting(self._network, identity.name, changed=self._prefixes.clear)
        self._memo = Memo()
        self._base_states: tuple[object, torch.Tensor] | None = None
        self._generator = Generator(self._network, tokenizer, self._prefixes, end=self._chat.end[0])

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        return self._identity

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Score, generate, embed and train; all weights only where none is quantized."""
        found: set[Capability] = {"score", "generate", "embed", "train"}
        if self._identity.precision not in QUANTIZED:
            found.add("train all weights")
        return frozenset(found)

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
        prompts = self._adapting.read(prompts)
        self._fits(prompts, max(len(c) for c in continuations))
        prefix, tokens = self._prefixes.for_prompts(prompts)
        searched = offsets if len(LabelTree(continuations)) > BEST_FIRST_NODES else None

        def compute() -> ScoreResult:
            bounds = {"max_tokens": self._sizes.pack_tokens, "head_rows": self._sizes.head_rows}
            if searched is not None:
                return score_best(self._network, prompts, continuations, searched, prefix=prefix, **bounds)
            return score(self._network, prompts, continuations, prefix=prefix, **bounds)

        # One prompt alone is somebody waiting, or a latency being measured: always computed.
        is_kept = len(prompts) > 1 and not self._adapting.is_on
        result = (
            self._memo.result(prompts, continuations, compute=compute, offsets=searched or ()) if is_kept else compute()
        )
        self._token_passes += result.tokens + tokens
        return Scores(logprobs=result.values, prompt_tokens=tuple(len(p) for p in prompts))

    def score_own(self, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]) -> FloatArray:
        """Return the log-probability of each prompt's own continuation, [prompts]."""
        if not prompts:
            return np.zeros(0)
        prompts = self._adapting.read(prompts)
        self._fits(prompts, max(len(c) for c in continuations))
        prefix, tokens = self._prefixes.for_prompts(prompts)
        bounds = {"max_tokens": self._sizes.pack_tokens, "head_rows": self._sizes.head_rows}
        result = score_own(self._network, prompts, continuations, prefix=prefix, **bounds)
        self._token_passes += result.tokens + tokens
        return result.values[:, 0]

    def divergence(
        self, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]], adapter: Adapter
    ) -> Divergence:
        """Return how far an adapter moves the base model on each continuation; the base's states are kept."""
        if self._adapting.is_on:
            raise ModelError("an adapter is on already", "leave its block before another one is compared with the base")
        self._fits(prompts, max(map(len, continuations), default=0))
        bounds = {"max_tokens": self._sizes.pack_tokens}
        asked = (tuple(map(tuple, prompts)), tuple(map(tuple, continuations)))
        if self._base_states is None or self._base_states[0] != asked:
            states, computed = read_states(self._network, prompts, continuations, **bounds)
            self._token_passes += computed
            self._base_states = asked, states
        base, head = self._base_states[1], self._network.get_output_embeddings()
        if adapter.is_full:  # its own head takes the place of the base's
            head = deepcopy(head)
        with self._adapting.using(adapter):
            read = self._adapting.read(prompts)
            self._fits(read, max(map(len, continuations), default=0))
            states, computed = read_states(self._network, read, continuations, **bounds)
            self._token_passes += computed
            tokens = [token for own in continuations for token in own]
            own_head = self._network.get_output_embeddings()
            kl, before, after = divergences(head, base, own_head, states, tokens, head_rows=self._sizes.head_rows)
        return Divergence(kl=kl, base_loss=before, loss=after)

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        temperature: float = 0.0,
        seed: int | Sequence[int] = 0,
        constraint: Constraint | None = None,
    ) -> list[Generated]:
        """Return one answer to every prompt."""
        how = Decoding(max_tokens=max_tokens, ends=self._generator.ends, stop=stop, temperature=temperature, seed=seed)
        prompts = self._adapting.read(prompts)
        self._leaves_room(prompts, max_tokens)
        answers, tokens = self._generator.generate(prompts, how, constraint)
        self._token_passes += tokens
        return answers

    def embed(self, sequences: Sequence[Sequence[int]]) -> FloatArray:
        """Return mean-pooled and last hidden states, [sequences, 2 × hidden size]."""
        sequences = self._adapting.read(sequences)
        self._fits(sequences, 0)

        def compute() -> ScoreResult:
            return ScoreResult(*embed(self._network, sequences, max_tokens=self._sizes.pack_tokens))

        is_kept = len(sequences) > 1 and not self._adapting.is_on
        result = self._memo.result(sequences, compute=compute) if is_kept else compute()
        self._token_passes += result.tokens
        return result.values

    def forget(self, *, results: bool = False) -> None:
        """Drop the cached beginnings of prompts, and the results of whole calls where asked to."""
        self._prefixes.clear()
        if results:
            self._memo.clear()
            self._base_states = None

    def resize(self, sizes: Sizes) -> None:
        """Bound the passes that follow."""
        self._sizes = sizes
        self._memo.clear()
        self._base_states = None

    def training(self, settings: TrainSettings) -> AbstractContextManager[Trainer]:
        """Open a fit of an adapter or of all weights; leaving the block undoes it."""
        return self._training(settings)

    def adapted(self, adapter: Adapter | None) -> AbstractContextManager[None]:
        """Compute with this adapter inside the block (None: the base model)."""
        return self._adapting.using(adapter)

    @contextmanager
    def _training(self, settings: TrainSettings) -> Iterator[Trainer]:
        hooks = Hooks(
            max_tokens=self._sizes.train_tokens,
            read=self._adapting.read,
            before=self._before_step,
            after=self._after_step,
        )
        with (
            torch.random.fork_rng(),
            open_fit(self._network, self._adapting, settings, self._identity, hooks) as trainer,
        ):
            yield trainer

    def _before_step(self, sequences: Sequence[Sequence[int]]) -> None:
        self._fits(sequences, 0)
        self._prefixes.clear()

    def _after_step(self, token_passes: int) -> None:
        self._token_passes += token_passes

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
