"""The text of an answer while its tokens come in: whole characters, and stop strings across token borders."""

from __future__ import annotations

__all__ = ["AnswerText"]

from collections.abc import Callable, Sequence

Decode = Callable[[Sequence[int]], str]

_PARTIAL = "\ufffd"
"""What a decoder writes for bytes that are no character (yet). Any at the end of a text may still become one."""


class AnswerText:
    """Tokens of one answer, and what they say up to the first stop string.

    A token may hold part of a character, so the end of the text waits until its characters are whole; an answer that is
    cut inside a character ends before it. Only the last tokens are decoded again for each new one.
    (The two offsets are those of vLLM and text-generation-inference.)
    """

    def __init__(self, decode: Decode, stop: Sequence[str]) -> None:
        """Start empty. `decode` turns token ids into text, special tokens left out."""
        self._decode = decode
        self._stop = tuple(stop)
        self._longest = max(map(len, self._stop), default=0)
        self._tokens: list[int] = []
        self._text = ""
        self._cut: int | None = None
        self._window = (
            0  # decoding begins here, one piece before `_settled`: the first token of a text may lose a space
        )
        self._settled = 0  # tokens before this one stand in `_text` for good
        self._seen = 0  # characters of the window that stand in `_text`

    @property
    def text(self) -> str:
        """The text so far, up to the first stop string."""
        if self._stop:
            return self._text[: self._cut]
        return self._decode(self._tokens).rstrip(_PARTIAL)

    def push(self, tokens: Sequence[int]) -> bool:
        """Add tokens. Return whether a stop string is in the text now; what follows one is never looked at."""
        if not self._stop:
            self._tokens += tokens
            return False
        for token in tokens:
            if self._cut is None:
                self._tokens.append(token)
                self._find(self._grow())
        return self._cut is not None

    def _grow(self) -> int:
        """Add the new whole characters to the text and return how many there are."""
        window = self._decode(self._tokens[self._window :])
        whole = window.rstrip(_PARTIAL)
        new = whole[self._seen :]
        self._text += new
        self._seen = max(self._seen, len(whole))
        if new and whole == window:
            self._window, self._settled = self._settled, len(self._tokens)
            self._seen = len(self._decode(self._tokens[self._window :]))
        return len(new)

    def _find(self, n_new: int) -> None:
        start = max(0, len(self._text) - n_new - self._longest + 1)
        found = [place for stop in self._stop if (place := self._text.find(stop, start)) >= 0]
        self._cut = min(found, default=None)
