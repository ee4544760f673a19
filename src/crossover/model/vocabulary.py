"""A model's tokens without its weights: for who counts them, where the model is on this machine already."""

from __future__ import annotations

__all__ = ["Vocabulary", "vocabulary_here"]

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn, final

from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from crossover.errors import ModelError
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
from crossover.model.catalog import CATALOG
from crossover.model.chat import ChatRenderer
from crossover.model.fetch import sha256_of
from crossover.model.load import converted_folder


@final
class Vocabulary(LanguageModel):
    """A model that can do nothing but turn texts into its tokens: it renders as the whole model does."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, identity: ModelIdentity) -> None:
        """Take a tokenizer."""
        self._chat = ChatRenderer(tokenizer)
        self._identity = identity

    @property
    def identity(self) -> ModelIdentity:
        """Which model's tokens these are."""
        return self._identity

    @property
    def capabilities(self) -> frozenset[Capability]:
        """None."""
        return frozenset()

    @property
    def token_passes(self) -> int:
        """Nothing is read."""
        return 0

    def render(self, messages: Sequence[Message]) -> tuple[int, ...]:
        return self._chat.prompt(messages)

    def completion(self, text: str) -> tuple[int, ...]:
        return self._chat.completion(text)

    def plain_prompt(self, text: str) -> tuple[int, ...]:
        return self._chat.plain_prompt(text)

    def plain_completion(self, text: str) -> tuple[int, ...]:
        return self._chat.plain_completion(text)

    def encode(self, text: str) -> tuple[int, ...]:
        return self._chat.encode(text)

    def score(
        self,
        prompts: Sequence[Sequence[int]],
        continuations: Sequence[Sequence[int]],
        *,
        offsets: Sequence[float] | None = None,
    ) -> Scores:
        self._cannot()

    def score_own(self, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]) -> FloatArray:
        self._cannot()

    def divergence(
        self, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]], adapter: Adapter
    ) -> Divergence:
        self._cannot()

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
        self._cannot()

    def embed(self, sequences: Sequence[Sequence[int]]) -> FloatArray:
        self._cannot()

    def training(self, settings: TrainSettings) -> AbstractContextManager[Trainer]:
        self._cannot()

    def adapted(self, adapter: Adapter | None) -> AbstractContextManager[None]:
        self._cannot()

    def _cannot(self) -> NoReturn:
        raise ModelError(f"{self._identity.name} was opened for its tokens alone: it has no weights.")


def vocabulary_here(name: str) -> Vocabulary | None:
    """Return a model's tokens where nothing need be fetched or converted for them; None where something must.

    Args:
        name: a catalog name, a folder, a Hugging Face id or a GGUF file, as for `load_model`.

    Raises:
        ModelError: the model is here and cannot be read.
    """
    where: Path | str = name
    if name in CATALOG:
        where = converted_folder(CATALOG[name].source.sha256)
    elif Path(name).suffix == ".gguf" and Path(name).is_file():
        where = converted_folder(sha256_of(Path(name)))
    is_folder = isinstance(where, Path) or Path(name).is_dir()
    if is_folder and not (Path(where) / "config.json").is_file():
        return None
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            where, trust_remote_code=False, local_files_only=True
        )
        config = AutoConfig.from_pretrained(where, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # what is not in the hub's cache, and a damaged folder, make transformers raise anything
        if not is_folder:
            return None
        first = str(error).strip().splitlines()
        raise ModelError(f"{name} cannot be read: {first[0] if first else error}") from error
    identity = ModelIdentity(
        name=name,
        sha256="",
        source_precision="",
        precision="",
        device="",
        parameters=0,
        context_tokens=int(config.max_position_embeddings),
    )
    return Vocabulary(tokenizer, identity)
