"""Answers, token by token: rows enter as others leave, so that one long answer does not hold up the rest."""

from __future__ import annotations

__all__ = ["Decoding", "Guidance", "generate"]

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import torch

from crossover.errors import OptionError
from crossover.model.base import Generated
from crossover.model.engine.decode import Decoder
from crossover.model.engine.pick import Draws, is_greedy, likeliest, pick
from crossover.model.engine.text import AnswerText, Decode

if TYPE_CHECKING:  # llguidance is an extra
    from crossover.model.engine.constrain import Grammar, Guide, Guides

_STEP_TOKENS = 16
"""Tokens of one step, rows times the most that one of them adds: up to here a step costs little more than for one."""

_ENTER_SHARE = 16
"""Rows enter once one place in so many is free: reading one short prompt costs nearly as much as reading a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How answers are made; `LanguageModel.generate` says what the options mean.

    Attributes:
        ends: tokens that end an answer.

    Raises:
        OptionError: an option has a value that is not allowed.
    """

    max_tokens: int
    ends: frozenset[int]
    stop: Sequence[str] = ()
    temperature: float = 0.0
    seed: int | Sequence[int] = 0

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise OptionError(f"max_tokens must be at least 1, but got {self.max_tokens}.")
        if isinstance(self.stop, str) or not all(self.stop):
            raise OptionError(
                f"stop must be a list of texts that are not empty, but got {self.stop!r}.", 'for example stop=["\\n"]'
            )
        if not (self.temperature >= 0 and math.isfinite(self.temperature)):
            raise OptionError(f"temperature must be 0 or more, but got {self.temperature}.", "0 takes the likeliest")
        least = self.seed if isinstance(self.seed, int) else min(self.seed, default=0)
        if least < 0:
            raise OptionError(f"seed must be 0 or more, but got {least}.")

    def draws(self, index: int) -> Draws:
        """Return the random numbers of the prompt with this index."""
        return Draws(self.seed, index) if isinstance(self.seed, int) else Draws(self.seed[index], 0)


@dataclass(frozen=True, slots=True)
class Guidance:
    """A grammar and who works out its masks."""

    grammar: Grammar
    guides: Guides


class _Row:
    """One prompt and the answer to it so far."""

    def __init__(self, index: int, prompt: Sequence[int], how: Decoding, decode: Decode, guide: Guide | None) -> None:
        self.index = index
        self.prompt = prompt
        self.tokens: list[int] = []
        self.waiting: list[int] = []  # tokens of the answer that the network has not read yet
        self.finish: Literal["eos", "stop", "length"] | None = None
        self.draws = how.draws(index)
        self.guide = guide
        self.margin: float | None = None
        self._how = how
        self._ends = how.ends if guide is None else frozenset({guide.end})
        self._text = AnswerText(decode, how.stop)
        if guide is not None:
            self._add(guide.forced(how.max_tokens))

    def take(self, token: int, ahead: float | None = None) -> None:
        """Go on by a token that was picked, so far `ahead` of the second, and by what must follow it."""
        if ahead is not None:
            self.margin = ahead if self.margin is None else min(self.margin, ahead)
        if token in self._ends:
            self.tokens.append(token)
            self.finish = "eos"
            return
        left = self._how.max_tokens - len(self.tokens)
        self._add([token] if self.guide is None else self.guide.take(token, left))

    def feed(self, limit: int) -> list[int]:
        """Return the next tokens for the network to read, one or more."""
        fed, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return fed

    def generated(self) -> Generated:
        """Return the finished answer."""
        assert self.finish is not None
        return Generated(
            text=self._text.text,
            tokens=tuple(self.tokens),
            prompt_tokens=len(self.prompt),
            output_tokens=len(self.tokens),
            finish=self.finish,
            margin=self.margin,
        )

    def _add(self, tokens: list[int]) -> None:
        self.tokens += tokens
        self.waiting += tokens
        if self._text.push(tokens):
            self.finish = "stop"
        elif self.guide is not None and self.guide.closed:
            self.finish = "length"
        elif self.guide is not None and self.guide.finished:
            self.finish = "eos"
        elif len(self.tokens) >= self._how.max_tokens:
            self.finish = "length"


class _Run:
    """One call: the rows that are being answered, and those that wait or are done."""

    def __init__(
        self,
        decoder: Decoder,
        prompts: Sequence[Sequence[int]],
        how: Decoding,
        decode: Decode,
        guidance: Guidance | None,
    ) -> None:
        self._decoder = decoder
        self._prompts = prompts
        self._how = how
        self._decode = decode
        self._guidance = guidance
        # In lexicographic order, which puts shared beginnings side by side: they are read once.
        self._queue = deque(sorted(range(len(prompts)), key=lambda i: tuple(prompts[i])))
        self._live: list[_Row] = []
        self._done: dict[int, Generated] = {}

    def answers(self) -> list[Generated]:
        """Answer all prompts."""
        while self._queue or self._live:
            if entering := self._entering():
                self._live += entering
                # What a grammar forces first is read with the prompt.
                texts = [[*row.prompt, *row.feed(self._how.max_tokens)] for row in entering]
                self._advance(entering, partial(self._decoder.enter, texts))
            elif self._live:
                limit = max(1, _STEP_TOKENS // len(self._live))
                tokens = [row.feed(limit) for row in self._live]
                self._advance(self._live, partial(self._decoder.step, tokens))
            self._drop()
        return [self._done[index] for index in range(len(self._prompts))]

    def _entering(self) -> list[_Row]:
        """Take rows out of the queue for the free places, once there are enough of these."""
        entering: list[_Row] = []
        free = self._decoder.rows - len(self._live)
        if free < min(len(self._queue), self._decoder.rows // _ENTER_SHARE):
            return entering
        while self._queue and len(self._live) + len(entering) < self._decoder.rows:
            index = self._queue.popleft()
            guide = self._guidance.grammar.guide() if self._guidance else None
            row = _Row(index, self._prompts[index], self._how, self._decode, guide)
            if row.finish:  # the grammar leaves no choice: there is nothing to compute
                self._done[index] = row.generated()
            else:
                entering.append(row)
        return entering

    def _advance(self, rows: Sequence[_Row], compute: Callable[[], torch.Tensor]) -> None:
        """Compute logits [rows, vocabulary]; every row that has been read to its end takes its next token."""
        choosing = [row for row in rows if not row.waiting]
        if self._guidance is None:
            logits = compute()
        else:
            guides = [row.guide for row in choosing if row.guide is not None]
            logits, forbidden = self._guidance.guides.beside(guides, compute)
            logits = logits[[place for place, row in enumerate(rows) if not row.waiting]]
            logits.masked_fill_(forbidden.to(logits.device), -math.inf)
        if not choosing:  # what is forced takes more than this step
            return
        if is_greedy(self._how.temperature):
            for row, token, ahead in zip(choosing, *likeliest(logits), strict=True):
                row.take(token, ahead)
        else:
            tokens = pick(logits, self._how.temperature, [row.draws for row in choosing])
            for row, token in zip(choosing, tokens, strict=True):
                row.take(token)

    def _drop(self) -> None:
        """Let finished rows leave; the last row takes the place of one that does, here as in the decoder."""
        for place in reversed(range(len(self._live))):
            row = self._live[place]
            if row.finish:
                self._done[row.index] = row.generated()
                self._decoder.leave(place)
                self._live[place] = self._live[-1]
                self._live.pop()


def generate(
    decoder: Decoder,
    prompts: Sequence[Sequence[int]],
    how: Decoding,
    decode: Decode,
    guidance: Guidance | None = None,
) -> list[Generated]:
    """Return one answer to every prompt. Prompts must not be empty; `decode` turns token ids into text."""
    if not isinstance(how.seed, int) and len(how.seed) != len(prompts):
        raise OptionError(f"seed must be one number or {len(prompts)}, one for each prompt, but got {len(how.seed)}.")
    with torch.inference_mode():
        return _Run(decoder, prompts, how, decode, guidance).answers()
