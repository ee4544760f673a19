"""Reflectors for tests: a random model, and one that says what it was told to say."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from crossover.methods import Method, get_method
from crossover.model.local import LocalModel
from crossover.model.reflector import LocalReflector, Reflector, Reply
from crossover.model.tiny import tiny_model


@cache
def _random() -> LocalModel:
    return tiny_model(seed=1, context_tokens=4096)


RUBBISH = LocalReflector("rubbish", "1" * 64, _random, reply_tokens=24)
"""A model that knows nothing: whatever it writes, a method must survive it."""


def ready(name: str) -> Method:
    """Return a method by name, with a reflector where it needs one."""
    return get_method(name, RUBBISH)


class Told(Reflector):
    """Says what it was told to say, one text after the other, and keeps what it was asked."""

    def __init__(self, replies: Sequence[str], *, reads: int = 10**6, token_passes: int = 50) -> None:
        self._replies, self._reads, self._token_passes = list(replies), reads, token_passes
        self.asked: list[str] = []
        self.seeds: list[int] = []

    @property
    def name(self) -> str:
        return "told"

    @property
    def sha256(self) -> str:
        return "0" * 64

    def reply(self, prompt: str, *, seed: int) -> Reply | None:
        if len(prompt) > self._reads:
            return None
        text = self._replies[len(self.asked) % len(self._replies)]
        self.asked.append(prompt)
        self.seeds.append(seed)
        return Reply(text=text, token_passes=self._token_passes)
