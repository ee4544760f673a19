"""What columns together say: "dialogue" and "summary" are a summarization, "en" and "de" a translation."""

from __future__ import annotations

__all__ = ["Shaped", "answers_end_in_numbers", "shaped"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from crossover.languages import language
from crossover.records import CONVERSATION, Kind
from crossover.task.columns import LABEL_NAMES, TARGET_NAMES, profile
from crossover.task.conversations import ANSWER
from crossover.task.table import Table

SUMMARIES = ("summary", "highlights", "abstract", "tldr", "tl;dr")
LONG_TEXTS = ("dialogue", "dialog", "document", "article", "text", "story", "body", "content", "transcript", "passage")
JSON_TARGETS = ("json", "entities", "slots", "spans", "fields", "extraction", "annotations")
PASSAGES = ("passage", "context", "paragraph", "document", "story")
ANSWERS = ("output", "outputs", "completion", "response", "reply", "answer", "chosen", "continuation")
REQUESTS = ("instruction", "prompt", "query", "request", "question", "context")
FURTHER_INPUTS = ("input", "inputs", "context")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A kind that the columns' names speak of, and what each column is in it."""

    kind: Kind
    inputs: tuple[str, ...]
    target: str
    reason: str


def shaped(table: Table, *, kind: Kind | None) -> Shaped | None:
    """Return what the columns together say, or None where they say nothing.

    Args:
        table: the data file.
        kind: what the user said: only that kind is looked for. Without it a column that is named as a label, and holds
            few values, speaks louder than the others.
    """
    names = {column.strip().casefold(): column for column in table.columns}
    if kind in (None, "chat") and (CONVERSATION in names and ANSWER in names):
        told = "kind: chat, the file holds conversations"
        return Shaped(kind="chat", inputs=(names[CONVERSATION],), target=names[ANSWER], reason=told)
    if kind is None and any(
        names[label] and profile(label, table.column(names[label])).holds == "few values"
        for label in TARGET_NAMES
        if label in names
    ):
        return None
    for known, look in _LOOKS.items():
        if kind in (None, known) and (found := look(table, names)) is not None:
            return found
    return None


def answers_end_in_numbers(answers: Sequence[str | None]) -> bool:
    """Return whether most answers have a final number after `####`."""
    filled = [answer for answer in answers if answer and answer.strip()]
    return sum("####" in answer for answer in filled) > len(filled) / 2


def _translation(table: Table, names: Mapping[str, str]) -> Shaped | None:
    found = [
        (column, named)
        for column in table.columns
        if (named := language(column)) is not None
        and profile(column, table.column(column)).holds in ("text", "few values")  # "id" and "no" are often numbers
    ]
    if len(found) != 2 or found[0][1] == found[1][1]:
        return None
    (source, first), (target, second) = found
    reason = f"kind: translation, {first} to {second}: columns are named so, in the file's order"
    return Shaped(kind="translation", inputs=(source,), target=target, reason=reason)


def _math(table: Table, names: Mapping[str, str]) -> Shaped | None:
    question = _first(names, ("question", "problem", "query"))
    answer = _first(names, ("answer", "solution", "output"))
    if question is None or answer is None or not answers_end_in_numbers(table.column(answer)):
        return None
    reason = f'kind: math, the answers in "{answer}" end in a number after ####'
    return Shaped(kind="math", inputs=(question,), target=answer, reason=reason)


def _summarization(table: Table, names: Mapping[str, str]) -> Shaped | None:
    summary, text = _first(names, SUMMARIES), _first(names, LONG_TEXTS)
    if summary is None or text is None:
        return None
    reason = f'kind: summarization, "{text}" and "{summary}" are named so'
    return Shaped(kind="summarization", inputs=(text,), target=summary, reason=reason)


def _qa(table: Table, names: Mapping[str, str]) -> Shaped | None:
    question, answer = _first(names, ("question",)), _first(names, ("answer", "answers"))
    if question is None or answer is None or not _mostly_different(table, answer):
        return None
    passage = _first(names, PASSAGES)
    inputs = (question,) if passage is None else (passage, question)
    reason = f'kind: qa, there are "{question}" and "{answer}", and most answers differ'
    return Shaped(kind="qa", inputs=inputs, target=answer, reason=reason)


def _generation(table: Table, names: Mapping[str, str]) -> Shaped | None:
    request, answer = _first(names, REQUESTS), _first(names, ANSWERS)
    if request is None or answer is None or not _mostly_different(table, answer):
        return None
    further = _first(names, FURTHER_INPUTS)
    inputs = (request,) if further in (None, request) else (request, further)
    reason = f'kind: generation, "{request}" and "{answer}" are named so, and most answers differ'
    return Shaped(kind="generation", inputs=inputs, target=answer, reason=reason)


def _extraction(table: Table, names: Mapping[str, str]) -> Shaped | None:
    target, text = _first(names, JSON_TARGETS), _first(names, LONG_TEXTS)
    if target is None or text is None or profile(target, table.column(target)).holds != "JSON":
        return None
    if any(profile(name, table.column(names[name])).holds == "few values" for name in LABEL_NAMES if name in names):
        return None  # both could be meant: labels are the more usual, and "not read" names the other column
    reason = f'kind: extraction, "{target}" holds JSON'
    return Shaped(kind="extraction", inputs=(text,), target=target, reason=reason)


_LOOKS: Mapping[Kind, Callable[[Table, Mapping[str, str]], Shaped | None]] = {
    "translation": _translation,
    "math": _math,
    "summarization": _summarization,
    "qa": _qa,
    "generation": _generation,
    "extraction": _extraction,
}


def _first(names: Mapping[str, str], wanted: Sequence[str]) -> str | None:
    return next((names[name] for name in wanted if name in names), None)


def _mostly_different(table: Table, column: str) -> bool:
    filled = [cell.strip() for cell in table.column(column) if cell and cell.strip()]
    return len(set(filled)) > len(filled) / 2
