"""Who rewrites prompts: a model that reads what went wrong and says how to say it better."""

from __future__ import annotations

__all__ = ["REPLY_TOKENS", "LocalReflector", "Reflector", "Reply"]

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from crossover.model.base import LanguageModel

REPLY_TOKENS = 384
"""Most tokens of a reply: a long instruction."""

_TEMPERATURE = 0.7
"""Greedily the same question would get the same answer each time it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a reflector said, and the tokens that it read and wrote for it."""

    text: str
    token_passes: int


class Reflector(ABC):
    """Answers one text with another. It may be anywhere: on this machine, or behind an endpoint.

    Its name and digest are part of a trial's key: prompts that another reflector wrote are other trials.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The name it was asked for by, for example "smollm2-135m"."""

    @property
    @abstractmethod
    def sha256(self) -> str:
        """Digest of its weights; of what is known of them where they are elsewhere."""

    @abstractmethod
    def reply(self, prompt: str, *, seed: int) -> Reply | None:
        """Return the answer to a text, or None where the text is longer than it can read.

        Args:
            prompt: what it is asked.
            seed: the same prompt and seed get the same answer.

        Raises:
            ModelError: it cannot be loaded or reached.
        """


class LocalReflector(Reflector):
    """A model on this machine. It is asked for when the first reply is wanted, not before."""

    def __init__(
        self, name: str, sha256: str, load: Callable[[], LanguageModel], *, reply_tokens: int = REPLY_TOKENS
    ) -> None:
        """Take what names the model, and what returns it; the latter is called for every reply and loads once."""
        self._name, self._sha256, self._load, self._most = name, sha256, load, reply_tokens

    @property
    def name(self) -> str:
        """The model's name."""
        return self._name

    @property
    def sha256(self) -> str:
        """Digest of the model's weights."""
        return self._sha256

    def reply(self, prompt: str, *, seed: int) -> Reply | None:
        """Draw an answer to the prompt as the user's turn."""
        model = self._load()
        asked = model.render([{"role": "user", "content": prompt}])
        if len(asked) + self._most > model.identity.context_tokens:
            return None
        before = model.token_passes
        (answer,) = model.generate([asked], max_tokens=self._most, temperature=_TEMPERATURE, seed=seed)
        return Reply(text=answer.text, token_passes=model.token_passes - before)
