"""Messages to token ids, by the model's own chat template: the one place where prompts become tokens."""

from __future__ import annotations

__all__ = ["ChatRenderer"]

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from crossover.errors import ModelError
from crossover.model.base import Message

_MARK = "crossover-answer-mark"


class ChatRenderer:
    """Renders prompts and answers of one tokenizer.

    A model without a chat template gets plain text: the messages' contents, one below the other, an empty line before each
    user turn; an answer ends with a newline and the end-of-sequence token.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Work out how this tokenizer's template opens and ends an assistant's turn."""
        self._tokenizer = tokenizer
        self._chat = bool(tokenizer.chat_template)
        self._end = self._end_of_turn()

    @property
    def end(self) -> tuple[int, ...]:
        """Token ids that end an assistant's answer."""
        return self._end

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Return token ids up to where the assistant's answer begins."""
        return self.encode(self._text(messages, answer=True))

    def completion(self, text: str) -> tuple[int, ...]:
        """Return the token ids of an answer and its end."""
        # After a template's "assistant\n" the answer stands at the beginning of a line; plain text continues "Label:".
        return (*self.encode(text if self._chat else f" {text}"), *self._end)

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the token ids of a text, nothing added. Special tokens written in it count as themselves."""
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _text(self, messages: Sequence[Message], *, answer: bool) -> str:
        if not self._chat:
            bos = self._tokenizer.bos_token or ""
            return bos + "\n\n".join(m["content"] for m in messages)
        text = self._tokenizer.apply_chat_template(
            [dict(m) for m in messages], tokenize=False, add_generation_prompt=answer
        )
        assert isinstance(text, str)
        return text

    def _end_of_turn(self) -> tuple[int, ...]:
        end = self._tokenizer.eos_token_id
        if self._chat:
            turns: list[Message] = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _MARK}]
            _, mark, after = self._text(turns, answer=False).rpartition(_MARK)
            if not mark:
                raise ModelError("the model's chat template drops an assistant's answer", "use a model with another template")
            ids = self.encode(after.strip())
            if ids:
                return ids[:1]
        if end is None:
            raise ModelError("the model's tokenizer has no end-of-sequence token", "use a model with one")
        return (int(end),)
