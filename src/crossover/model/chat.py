"""Messages to token ids, by the model's own chat template: the one place where prompts become tokens."""

from __future__ import annotations

__all__ = ["ChatRenderer"]

from collections.abc import Sequence

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from crossover.errors import ModelError
from crossover.model.base import Message

_MARK = "crossover-answer-mark"


class ChatRenderer:
    """Renders prompts and answers of one tokenizer.

    A model without a chat template gets plain text: the messages' contents, one below the other, an empty line before
    each turn; an answer ends with the end-of-sequence token. A chat template that takes no system turn (Gemma's, some
    of Mistral's) gets its text at the beginning of the first user turn.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Work out how this tokenizer's template opens and ends an assistant's turn."""
        self._tokenizer = tokenizer
        self._chat = bool(tokenizer.chat_template)
        self._system = not self._chat or self._takes_system()
        self._lead, self._end = self._turn()

    @property
    def end(self) -> tuple[int, ...]:
        """Token ids that end an assistant's answer."""
        return self._end

    def prompt(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Return token ids up to where the assistant's answer begins."""
        return self.encode(self._text(messages, answer=True))

    def completion(self, text: str) -> tuple[int, ...]:
        """Return the token ids of an answer and its end."""
        return (*self.encode(self._lead + text), *self._end)

    def plain_prompt(self, text: str) -> tuple[int, ...]:
        """Return the token ids of a text to be continued: the tokenizer's own BOS where it puts one, never an EOS."""
        ids = tuple(self._tokenizer(text)["input_ids"])
        return ids[:-1] if len(ids) > 1 and ids[-1] == self._tokenizer.eos_token_id else ids

    def plain_completion(self, text: str) -> tuple[int, ...]:
        """Return the token ids of an answer in a plain text and the empty line that ends its paragraph."""
        return (*self.encode(f" {text}"), *self.encode("\n\n"))

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the token ids of a text, nothing added. Special tokens written in it count as themselves."""
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _text(self, messages: Sequence[Message], *, answer: bool) -> str:
        if not self._chat:
            bos = self._tokenizer.bos_token or ""
            return bos + "\n\n".join(m["content"] for m in messages)
        try:
            text = self._apply(messages if self._system else _folded(messages), answer=answer)
        except TemplateError as error:
            raise ModelError(
                f"the model's chat template does not take this conversation: {error}",
                "use a model with another template",
            ) from error
        return text

    def _apply(self, messages: Sequence[Message], *, answer: bool) -> str:
        turns = [{"role": str(m["role"]), "content": m["content"]} for m in messages]
        text = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=answer)
        assert isinstance(text, str)
        return text

    def _takes_system(self) -> bool:
        turns: list[Message] = [{"role": "system", "content": _MARK}, {"role": "user", "content": "?"}]
        try:
            return _MARK in self._apply(turns, answer=True)
        except TemplateError:
            return False

    def _turn(self) -> tuple[str, tuple[int, ...]]:
        """Return what stands between the prompt and an answer, and the token that ends the answer."""
        lead, after = " ", ""  # plain text continues "Label:"
        if self._chat:
            asked: list[Message] = [{"role": "user", "content": "?"}]
            before, mark, after = self._text(
                [*asked, {"role": "assistant", "content": _MARK}], answer=False
            ).rpartition(_MARK)
            if not mark:
                raise ModelError(
                    "the model's chat template drops an assistant's answer", "use a model with another template"
                )
            prompt = self._text(asked, answer=True)
            lead = before.removeprefix(prompt) if before.startswith(prompt) else ""
        if ids := self.encode(after.strip()):
            return lead, ids[:1]
        end = self._tokenizer.eos_token_id
        if end is None:
            raise ModelError("the model's tokenizer has no end-of-sequence token", "use a model with one")
        return lead, (int(end),)


def _folded(messages: Sequence[Message]) -> list[Message]:
    """Put system turns at the beginning of the user turn that follows them."""
    folded: list[Message] = []
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "system":
            waiting.append(message["content"])
        elif message["role"] == "user" and waiting:
            folded.append({"role": "user", "content": "\n\n".join([*waiting, message["content"]])})
            waiting = []
        else:
            folded.append(message)
    return folded
