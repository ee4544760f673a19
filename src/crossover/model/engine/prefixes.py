"""The beginning that all prompts share is computed once and kept for the next call."""

from __future__ import annotations

__all__ = ["Prefixes"]

from collections.abc import Sequence

from transformers import PreTrainedModel

from crossover.model.engine.forest import common_prefix
from crossover.model.engine.forward import Prefix, compute_prefix

_MIN_TOKENS = 8
"""A shorter beginning is not worth a pass of its own."""

_KEPT = 4


class Prefixes:
    """The last few prefixes of one network. Whoever changes the network's weights clears them."""

    def __init__(self, network: PreTrainedModel) -> None:
        """Start with none."""
        self._network = network
        self._known: dict[tuple[int, ...], Prefix] = {}

    def clear(self) -> None:
        """Forget all: the weights have changed."""
        self._known.clear()

    def for_prompts(self, prompts: Sequence[Sequence[int]]) -> tuple[Prefix | None, int]:
        """Return the longest prefix that pays for these prompts, or None, and how many tokens were computed for it now.

        One prompt alone takes the longest known prefix that it begins with; several take what they share.
        """
        shared = common_prefix(prompts)
        beginning = tuple(prompts[0][:shared])
        known = [tokens for tokens in self._known if beginning[: len(tokens)] == tokens]
        longest = max(known, key=len, default=())
        if len(prompts) == 1 or len(longest) == shared or shared < _MIN_TOKENS:
            return (self._use(longest) if longest else None), 0
        self._known[beginning] = compute_prefix(self._network, beginning)
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        return self._known[beginning], shared

    def _use(self, tokens: tuple[int, ...]) -> Prefix:
        prefix = self._known.pop(tokens)
        self._known[tokens] = prefix  # the last used is the last to be forgotten
        return prefix
