"""What a language model can do for the rest of Crossover: the contract that embedded and remote models fulfil."""

from __future__ import annotations

__all__ = [
    "Adapter",
    "Capability",
    "Constraint",
    "Divergence",
    "Generated",
    "LanguageModel",
    "Message",
    "ModelIdentity",
    "Scores",
    "TrainRow",
    "TrainSettings",
    "TrainStep",
    "Trainer",
]

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt
import torch

from crossover.model.constraint import Constraint
from crossover.model.sizes import Sizes
from crossover.records import Json

Capability = Literal["score", "generate", "train", "train all weights", "embed"]
FloatArray = npt.NDArray[np.float64]


class Message(TypedDict):
    """One turn of a conversation, as chat templates take it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """Which model this is.

    Attributes:
        name: the name it was asked for by, for example "smollm2-135m".
        sha256: digest of its weights' file(s).
        source_precision: precision of the weights as published, for example "q4_1".
        precision: the type it computes in here.
        device: for example "cpu".
        parameters: number of parameters.
        context_tokens: longest sequence it reads.
    """

    name: str
    sha256: str
    source_precision: str
    precision: str
    device: str
    parameters: int
    context_tokens: int


FULL = "FULL"
"""The `peft_type` of weights that take the place of the network's own: PEFT has no word for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """What training leaves: an adapter or a soft prompt in PEFT's own terms, or all weights of the network.

    Attributes:
        config: PEFT's adapter_config.json as a mapping; {"peft_type": "FULL"} for all weights. A soft prompt's
            (PROMPT_TUNING) has a field of ours, `replaces`: token ids. A prompt that begins with them has the virtual
            tokens in their place, any other one has them put before it.
        weights: parameter name -> tensor in fp32, names as PEFT saves them.
    """

    config: Mapping[str, Json]
    weights: Mapping[str, torch.Tensor] = field(repr=False)

    @property
    def is_full(self) -> bool:
        """Whether these are all weights of a network."""
        return self.config.get("peft_type") == FULL

    def computed_in(self, precision: str) -> Adapter:
        """Return all weights of a network as it computes with them in a precision, which is half the room in bf16 and
        fp16; another adapter as it is.
        """
        kept = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
        if kept is None or not self.is_full:
            return self
        return replace(self, weights={name: weight.to(kept) for name, weight in self.weights.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Log-probabilities of continuations.

    Attributes:
        logprobs: [prompts, continuations], natural logarithms, summed over each continuation's tokens.
        prompt_tokens: length of each prompt, a cached prefix included.
    """

    logprobs: FloatArray
    prompt_tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """How far an adapted model's next-token distributions lie from the base model's, [tokens], in nats.

    Attributes:
        kl: KL(base ‖ adapted) over the whole vocabulary at each token.
        base_loss, loss: -log p of the token itself, by the base and by the adapted model.
    """

    kl: FloatArray
    base_loss: FloatArray
    loss: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """One answer.

        Generated(text="Paris", tokens=(37871, 2), prompt_tokens=41, output_tokens=2, finish="eos")

    Attributes:
        text: the answer, special tokens left out, cut before the first stop string. It holds whole characters only.
        tokens: every token of the answer, an end-of-turn token and those of a stop string included.
        prompt_tokens: length of the prompt, a cached prefix included.
        output_tokens: length of `tokens`.
        finish: what ended it: the model or the constraint ("eos"), a stop string ("stop") or max_tokens ("length").
            What a JSON schema shapes is whole in the last case too where a short end was found, as it nearly always is:
            strings are closed, optional fields left out.
        margin: where the likeliest token is taken, the smallest difference of its log-probability to the second's along
            the answer, in nats: how near the answer is to being another. None where tokens are drawn, or none was
            chosen.
    """

    text: str
    tokens: tuple[int, ...]
    prompt_tokens: int
    output_tokens: int
    finish: Literal["eos", "stop", "length"]
    margin: float | None = field(default=None, compare=False)  # it differs in the last digits from batch to batch


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRow:
    """One training sequence: the loss is taken on the completion's tokens only, and counts `weight` times."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """Hyperparameters of a fit.

    Attributes:
        full: whether all weights are trained, and not an adapter.
        adapter: "lora": low-rank layers of `rank`, `alpha` and `targets` (Hu et al. 2021, arXiv:2106.09685); "ia3":
            keys, values and feed-forward states scaled, by PEFT's table of architectures (Liu et al. 2022,
            arXiv:2205.05638); "soft": embeddings in the place of a prompt's beginning (Lester et al. 2021,
            arXiv:2104.08691).
        use_rslora: whether a low-rank adapter is scaled by alpha / √rank (Kalajdzievski 2023, arXiv:2312.03732).
        use_dora: whether the size of each output's weights is learned apart (Liu et al. 2024, arXiv:2402.09353).
        soft: token ids that a soft prompt takes the place of, and begins as: at first nothing is changed.
        learning_rate: peak rate of AdamW.
        warmup_steps: steps of linear warm-up; then cosine decay to a tenth of the peak over `total_steps`.
        max_grad_norm: gradients are clipped to this norm.
    """

    full: bool = False
    adapter: Literal["lora", "ia3", "soft"] = "lora"
    rank: int = 16
    alpha: int = 32
    learning_rate: float = 5e-4
    weight_decay: float = 0.0
    warmup_steps: int = 4
    total_steps: int = 64
    max_grad_norm: float = 1.0
    targets: str | tuple[str, ...] = "all-linear"
    use_rslora: bool = False
    use_dora: bool = False
    soft: tuple[int, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainStep:
    """What one optimizer step did.

    Attributes:
        tokens: tokens trained on (a shared beginning counts once).
        micro_batches: passes that its gradient was added up from.
        out_of_memory: how often memory ran out and the micro-batch was halved; the gradient is the same.
        read: tokens read on top without a gradient: a contrastive batch in several passes is read first.
    """

    step: int
    loss: float
    tokens: int
    seconds: float
    micro_batches: int = 1
    out_of_memory: int = 0
    read: int = 0


class LanguageModel(ABC):
    """A pre-trained model: score, generate, train, embed. A method asks `capabilities` before it calls.

    Token ids are the currency: `render` makes them from messages, and the same ids are trained on, measured and served.
    `token_passes` only ever grows: 1 for each token read, 3 for each token trained on; a beginning computed once for
    many prompts counts once. Effort is measured with it.
    """

    @property
    @abstractmethod
    def identity(self) -> ModelIdentity:
        """Which model this is."""

    @property
    @abstractmethod
    def capabilities(self) -> frozenset[Capability]:
        """What this model can do."""

    @property
    @abstractmethod
    def token_passes(self) -> int:
        """Tokens through the model so far."""

    @abstractmethod
    def render(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Return the prompt's token ids, ready for the assistant's answer."""

    @abstractmethod
    def completion(self, text: str) -> tuple[int, ...]:
        """Return the token ids of an assistant's answer, the end-of-turn token included."""

    @abstractmethod
    def plain_prompt(self, text: str) -> tuple[int, ...]:
        """Return the token ids of a text that the model shall continue: no chat template, BOS where it has one."""

    @abstractmethod
    def plain_completion(self, text: str) -> tuple[int, ...]:
        """Return the token ids of an answer that continues a plain prompt, the paragraph's end included."""

    @abstractmethod
    def encode(self, text: str) -> tuple[int, ...]:
        """Return the token ids of plain text, nothing added."""

    @abstractmethod
    def score(
        self,
        prompts: Sequence[Sequence[int]],
        continuations: Sequence[Sequence[int]],
        *,
        offsets: Sequence[float] | None = None,
    ) -> Scores:
        """Return the log-probability of every continuation after every prompt.

        Args:
            prompts: token ids.
            continuations: token ids, the same for every prompt.
            offsets: one for each continuation, to be taken off before they are compared. Given, only the best two of
                each prompt need be exact; the others may be upper bounds that do not come above the second. That is
                enough for an answer and its margin, and with many labels much cheaper.

        Raises:
            ModelError: a prompt with a continuation is longer than the context; the message has its index.
        """

    @abstractmethod
    def score_own(self, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]) -> FloatArray:
        """Return the log-probability of each prompt's own continuation, [prompts]: how likely a known answer is.

        Raises:
            ModelError: a prompt with its continuation is longer than the context; the message has its index.
        """

    @abstractmethod
    def divergence(
        self, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]], adapter: Adapter
    ) -> Divergence:
        """Return how far this adapter moves the base model on each token of each prompt's own continuation, in order.

        Raises:
            ModelError: a prompt with its continuation is longer than the context, or an adapter is on already.
        """

    @abstractmethod
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
        """Return one answer to every prompt.

        Args:
            max_tokens: an answer is cut after so many tokens.
            stop: an answer ends before the first of these texts. Not together with a constraint, which ends it itself.
            temperature: 0 takes the likeliest token each time; otherwise tokens are drawn.
            seed: what is drawn for a prompt depends on the seed and the prompt's index, not on the other prompts; where
                it is a list, a seed for each prompt, on the prompt's own seed alone.
            constraint: an answer that is not cut by max_tokens fulfils it.

        Raises:
            OptionError: an option has a value that is not allowed; the constraint cannot be read or fulfilled.
            ModelError: a prompt is empty, or with `max_tokens` longer than the context; the message has its index.
        """

    @abstractmethod
    def embed(self, sequences: Sequence[Sequence[int]]) -> FloatArray:
        """Return mean-pooled hidden states, [sequences, features]."""

    def forget(self, *, results: bool = False) -> None:  # noqa: B027  # a model without caches has nothing to forget
        """Drop the prompts' beginnings that earlier calls left in caches, so that what follows counts the same tokens.

        Args:
            results: drop the results of whole calls too: for who measures time.
        """

    def resize(self, sizes: Sizes) -> None:  # noqa: B027  # a model elsewhere takes no memory of ours
        """Compute at most so much at once from here on."""

    @abstractmethod
    def training(self, settings: TrainSettings) -> AbstractContextManager[Trainer]:
        """Open a fit of an adapter on the frozen base, or of all weights. Leaving the block undoes it.

        Raises:
            ModelError: all weights shall be trained, and they are quantized; a soft prompt begins as no tokens.
        """

    @abstractmethod
    def adapted(self, adapter: Adapter | None) -> AbstractContextManager[None]:
        """Compute with this adapter inside the block (None: the base model)."""


class Trainer(ABC):
    """A fit in progress. What it has learned is on: `LanguageModel.score` in the block scores the adapted model."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """Steps taken so far."""

    @abstractmethod
    def step(self, rows: Sequence[TrainRow]) -> TrainStep:
        """Take one optimizer step on these rows. The gradient is of the mean loss over all their completion tokens."""

    @abstractmethod
    def contrast(
        self, sequences: Sequence[Sequence[int]], groups: Sequence[int], *, temperature: float = 0.1
    ) -> TrainStep:
        """Take one optimizer step that brings sequences of the same group near each other, and others apart.

        The loss is the supervised contrastive one (Khosla et al. 2020, arXiv:2004.11362) on what `LanguageModel.embed`
        gives: the mean over the sequences that have others of their group in the batch.

        Args:
            sequences: token ids; all are compared with all, however many passes that takes.
            groups: of each sequence the number of its group.
            temperature: divides the cosines of pooled states.

        Raises:
            TrialError: no two sequences are of the same group, or memory runs out on one alone.
        """

    @abstractmethod
    def adapter(self) -> Adapter:
        """Return the adapter (or all weights) as it stands: a copy of the fp32 master weights."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fit's state into a folder, JSON and safetensors, in place of an earlier one.

        Raises:
            ModelError: the folder cannot be written.
        """

    @abstractmethod
    def restore(self, folder: Path) -> None:
        """Go on from a saved state: the steps that follow are those of a fit that was never interrupted.

        Raises:
            ModelError: there is none, it is damaged, or it belongs to another model or other settings.
        """
