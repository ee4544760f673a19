"""Answers that keep to a grammar: which tokens may follow, worked out beside the network's pass.

llguidance turns a JSON schema, a regular expression or a list of choices into a grammar over bytes and says for each
state which tokens of the vocabulary may come next, and which must. (https://github.com/guidance-ai/llguidance)
"""

from __future__ import annotations

__all__ = ["Grammar", "Guide", "Guides"]

import json
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from llguidance import LLMatcher, LLTokenizer
from llguidance.hf import from_tokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
from transformers import PreTrainedTokenizerBase

from crossover.errors import ModelError, OptionError
from crossover.model.constraint import Constraint

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

_Result = TypeVar("_Result")


_CLOSING = 24
"""Tokens before the last one allowed, from which on a way to make the answer whole is kept ready."""

_SEARCHED = 96
"""States looked at for one such way: a few milliseconds."""

_FEW = 4
"""Of many tokens that may follow, so many are tried where none of those that close is among them."""

_CLOSERS = (
    *('"}}}', '"}}', '"}', '"]}', '"]', '"', '""', "}}}", "}}", "}", "]}", "]"),
    *("{}", "[]", "0", "1", "true", "null"),
)
"""Tokens that close what is open in JSON, or are a whole value; inside a string only those with a quote count."""


class Grammar:
    """A constraint made ready for one tokenizer."""

    def __init__(self, constraint: Constraint, tokens: LLTokenizer) -> None:
        """Compile it.

        Raises:
            OptionError: it cannot be read, or no text fulfils it.
        """
        self._end = int(tokens.eos_token)
        found = {text: tokens.tokenize_str(text) for text in (*_CLOSERS, "q")}
        single = {text: ids[0] for text, ids in found.items() if len(ids) == 1}
        self._letter = single.pop("q", None)
        self._quotes = [token for text, token in single.items() if text[0] == '"']
        self._brackets = [token for text, token in single.items() if text[0] in "]}"]
        self._values = [token for text, token in single.items() if text[0] not in ']}"']
        self._start = LLMatcher(tokens, _grammar(constraint), log_level=0)
        if not self._start.is_error():
            mask = allocate_token_bitmask(1, tokens.vocab_size)
            fill_next_token_bitmask(self._start, mask)  # it notices here that nothing can follow
        if self._start.is_error() or (self._start.is_stopped() and not self._start.is_accepting()):
            raise _refused(constraint, self._start.get_error())

    def guide(self) -> Guide:
        """Return a guide at the grammar's beginning."""
        return Guide(self._start.deep_copy(), self._end, self.closing)

    def closing(self, matcher: LLMatcher, limit: int) -> list[int] | None:
        """Return tokens, `limit` at most, that make an answer whole, or None where a short search finds none."""
        queue = deque([(matcher.deep_copy(), list[int]())])
        for _ in range(_SEARCHED):
            if not queue:
                break
            state, found = queue.popleft()
            forced = state.compute_ff_tokens()
            if len(found) + len(forced) > limit or (forced and not state.consume_tokens(forced)):
                continue
            found = [*found, *forced]
            if state.is_accepting():
                return found
            for token in self._shortest(state):
                following = state.deep_copy()
                following.consume_token(token)
                queue.append((following, [*found, token]))
        return None

    def _shortest(self, state: LLMatcher) -> list[int]:
        """Return the few tokens that may follow and are likely to lead to the end soon."""
        in_string = self._letter is not None and state.validate_tokens([self._letter]) == 1
        kinds = (self._quotes,) if in_string else (self._brackets, [*self._values, *self._quotes])
        for kind in kinds:
            if allowed := [token for token in kind if state.validate_tokens([token]) == 1]:
                return allowed
        mask = np.frombuffer(state.compute_bitmask(), dtype=np.uint8)
        any_token = np.flatnonzero(np.unpackbits(mask, bitorder="little"))[:_FEW]
        return [int(token) for token in any_token if token != self._end]


class Guide:
    """Where one answer stands in its grammar."""

    def __init__(self, matcher: LLMatcher, end: int, close: Callable[[LLMatcher, int], list[int] | None]) -> None:
        """Start where the matcher stands.

        Args:
            matcher: it goes on as tokens are taken.
            end: the token that ends an answer.
            close: finds tokens that make an answer whole (`Grammar.closing`).
        """
        self.matcher = matcher
        self.end = end
        self.closed = False
        """Whether the answer was made whole for want of room."""
        self._close = close
        self._closing: list[int] | None = None

    @property
    def finished(self) -> bool:
        """Whether the answer is whole and nothing can follow."""
        return self.matcher.is_stopped()

    def take(self, token: int, limit: int) -> list[int]:
        """Go on by a token that the mask allows and by what must follow it, `limit` tokens at most; return these.

        Near the limit the tokens that make the answer whole are returned instead, once nothing else leaves room for
        them: an answer that is cut off is no JSON. It happens where a short way to the end is found.
        """
        if limit > _CLOSING:
            self._check(self.matcher.consume_token(token))
            return [token, *self.forced(limit - 1)]
        before = self.matcher.deep_copy()
        self._check(self.matcher.consume_token(token))
        taken = [token, *self.forced(limit - 1)]
        closing = self._close(self.matcher, limit - len(taken))
        if closing is None and self._closing is not None:
            self.matcher = before
            taken, self.closed = self._closing, True
            self._check(not taken or self.matcher.consume_tokens(taken))
        self._closing = closing
        return taken

    def forced(self, limit: int) -> list[int]:
        """Go on by the tokens that must come next, `limit` at most, and return them."""
        tokens = self.matcher.compute_ff_tokens()[:limit]
        if tokens:
            self._check(self.matcher.consume_tokens(tokens))
        return tokens

    def _check(self, accepted: bool) -> None:  # noqa: FBT001  # private, and its one argument
        if not accepted:
            raise ModelError(
                f"the constraint could not be followed: {_first_line(self.matcher.get_error())}",
                "take a simpler schema or regular expression",
            )


class Guides:
    """Makes guides for one tokenizer, and works out masks in a thread of its own; llguidance lets go of the lock."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary: int, end: int) -> None:
        """Read the tokenizer, which takes a second for a large one.

        Args:
            vocabulary: how many logits the network gives; it may be more than there are tokens.
            end: the token that ends an answer.

        Raises:
            OptionError: the tokenizer is not one of Hugging Face's fast ones.
        """
        try:
            self._tokens: LLTokenizer = from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=end)  # type: ignore[arg-type]  # it checks
        except ValueError as error:
            raise OptionError(
                f"a constraint cannot be used with this model's tokenizer: {_first_line(str(error))}",
                "leave the constraint out, or take a model with a fast tokenizer (tokenizer.json)",
            ) from error
        self._vocabulary = vocabulary
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="constraint")

    def grammar(self, constraint: Constraint) -> Grammar:
        """Compile a constraint; raises OptionError where it cannot be read or fulfilled."""
        return Grammar(constraint, self._tokens)

    def beside(self, guides: Sequence[Guide], compute: Callable[[], _Result]) -> tuple[_Result, torch.Tensor]:
        """Run `compute` while masks are worked out; return its result and what is forbidden, [guides, vocabulary]."""
        masks = self._pool.submit(self._forbidden, guides)
        try:
            result = compute()
        finally:
            forbidden = masks.result()  # before anything else may touch the guides
        return result, torch.from_numpy(forbidden)

    def _forbidden(self, guides: Sequence[Guide]) -> npt.NDArray[np.bool_]:
        mask = allocate_token_bitmask(len(guides), self._vocabulary)
        for row, guide in enumerate(guides):
            fill_next_token_bitmask(guide.matcher, mask, row)
        bits = np.unpackbits(mask.view(np.uint8), axis=1, count=self._vocabulary, bitorder="little")
        return np.equal(bits, 0)


def _grammar(constraint: Constraint) -> str:
    blank = " " if constraint.after_blank else ""
    if constraint.regex is not None:
        return LLMatcher.grammar_from_regex(f"{blank}(?:{constraint.regex})" if blank else constraint.regex)
    if constraint.choices is not None:
        return LLMatcher.grammar_from_lark(
            "start: " + " | ".join(json.dumps(blank + choice, ensure_ascii=False) for choice in constraint.choices)
        )
    # One way to lay JSON out, that of json.dumps: free white space lets a model write blanks until max_tokens.
    laid_out: JsonCompileOptions = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    schema = json.dumps(constraint.json_schema, default=dict)  # a mapping need not be a dict
    if not blank:
        return LLMatcher.grammar_from_json_schema(schema, overrides=laid_out)
    guided = json.dumps({**json.loads(schema), "x-guidance": laid_out})
    return LLMatcher.grammar_from_lark(f'start: " " answer\nanswer: %json {guided}')


def _refused(constraint: Constraint, error: str) -> OptionError:
    reason = _first_line(error)
    if constraint.regex is not None:
        return OptionError(
            f"no answer can match the regular expression {constraint.regex!r}: {reason}",
            "allowed: the syntax of Rust's regex (docs.rs/regex), without look-around, \\b and references to groups",
        )
    if constraint.choices is not None:
        return OptionError(f"the choices cannot be used: {reason}", "allowed: texts that are not empty")
    return OptionError(
        f"no answer can fulfil the JSON schema: {reason}",
        "mend the schema, or leave out what llguidance does not know (see its docs/json_schema.md)",
    )


def _first_line(error: str) -> str:
    """Return what an error of llguidance's says; below it comes a dump of the parser's state."""
    if error.startswith("NoExtension"):
        return "it allows nothing"
    lines = [line.strip() for line in error.partition("<state>")[0].splitlines() if line.strip(" ^|")]
    return " ".join(lines) or "it allows nothing"
