"""What is said to a model before anything was chosen: instruction and input, by the task's kind."""

from __future__ import annotations

__all__ = [
    "HASHES",
    "PARAGRAPH",
    "TURNS",
    "default_instruction",
    "default_template",
    "one_turn",
    "read_turns",
    "reasoning_instruction",
]

import json
from collections.abc import Mapping

from crossover.languages import language
from crossover.model.base import Message
from crossover.records import CONVERSATION, TaskSpec

TURNS = "{turns}"
"""The template of conversations: their own turns stand where another task has one turn of the user."""


PARAGRAPH = "\n\n"
"""What ends an answer in the plain layout."""

HASHES = "####"
"""What stands before the number that answers a problem, as in GSM8K's solutions."""


def default_instruction(spec: TaskSpec, words: Mapping[str, str]) -> str:
    """Return what the system turn says; "" where the input itself says what is wanted.

    Args:
        spec: the task.
        words: label -> its words.
    """
    if spec.kind == "classification":
        return f"Classify the text. Answer with its label only, one of: {', '.join(words.values())}."
    if spec.kind == "extraction":
        return f"Extract from the text what it says, as JSON{_fields(spec)}. Answer with the JSON only."
    if spec.kind == "qa":
        return f"{_question(spec)} Give the answer only, as short as it can be."
    if spec.kind == "math":
        return _problem(HASHES)
    if spec.kind == "summarization":
        return f"Summarize the {_called(spec.input_fields[0]).lower()} in a few sentences."
    if spec.kind == "translation":
        source, target = language(spec.input_fields[0]), language(spec.target_field)
        start = f" from {source}" if source else ""
        end = f" into {target}" if target else ""
        return f"Translate the text{start}{end}. Answer with the translation only."
    return ""


def reasoning_instruction(spec: TaskSpec, marker: str) -> str:
    """Return what the system turn says where reasoning comes before the answer; `marker` stands between the two."""
    if spec.kind == "math" and not spec.instruction:
        return _problem(marker)
    how = f"Think step by step, in one to three short sentences. Then write {marker} and the answer only."
    return f"{spec.instruction or _question(spec)} {how}"


def _question(spec: TaskSpec) -> str:
    given = " from the text" if len(spec.input_fields) > 1 else ""
    return f"Answer the question{given}."


def _problem(marker: str) -> str:
    return f"Solve the problem step by step. End with a line that holds {marker} and the final number."


def default_template(spec: TaskSpec, cue: str | None = None) -> str:
    """Return the user turn: the input, named, and what the answer is to be (`cue`: what else is to be written first).

    "Label:" at the end says the latter: in chat turns on ag_news .51 against .40 without it at zero demonstrations, .71
    against .66 at eight (docs/log.md, 2026-11-23). What asks for an answer by itself stands alone.
    """
    fields = spec.input_fields
    if spec.kind == "chat" and fields == (CONVERSATION,):
        return TURNS
    if spec.kind in ("chat", "generation"):
        own = [f"{{{name}}}" for name in fields]
        return spec.input_template or "\n\n".join(own)
    answer = cue or _ANSWERS.get(spec.kind) or language(spec.target_field) or "Translation"
    if spec.input_template is not None:
        return f"{spec.input_template}\n{answer}:"
    if spec.kind == "classification":
        named = {fields[0]: "Text"} if len(fields) == 1 else {name: name for name in fields}
    elif spec.kind == "translation":
        named = {name: language(name) or "Text" for name in fields}
    elif spec.kind == "extraction" and len(fields) == 1:
        named = {fields[0]: "Text"}
    else:
        named = {name: _called(name) for name in fields}
    return "\n".join(f"{named[name]}: {{{name}}}" for name in fields) + f"\n{answer}:"


_ANSWERS = {
    "classification": "Label",
    "extraction": "JSON",
    "qa": "Answer",
    "math": "Answer",
    "summarization": "Summary",
}


def one_turn(text: str) -> str:
    """Return the conversation in which the user says a text, as its input field has it."""
    return json.dumps([{"role": "user", "content": text}], ensure_ascii=False)


def read_turns(text: str) -> list[Message]:
    """Return the turns of a conversation.

    Raises:
        ValueError: the text is no list of turns.
    """
    turns = json.loads(text)
    if not isinstance(turns, list) or not all(
        isinstance(turn, dict)
        and turn.get("role") in ("system", "user", "assistant")
        and isinstance(turn.get("content"), str)
        for turn in turns
    ):
        raise ValueError(f"a conversation must be a list of turns, got {text[:60]!r}")
    return [{"role": turn["role"], "content": turn["content"]} for turn in turns]


def _called(field: str) -> str:
    name = field.replace("_", " ").strip()
    return name[:1].upper() + name[1:]


def _fields(spec: TaskSpec) -> str:
    properties = (spec.schema or {}).get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return ""
    return f" with the fields {', '.join(properties)}"
