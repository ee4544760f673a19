"""Chat files: a column of messages becomes a conversation that is to be answered, and the answer."""

from __future__ import annotations

__all__ = ["ANSWER", "said", "split_conversations"]

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from crossover.errors import DataError
from crossover.records import CONVERSATION, Inputs, Json
from crossover.task.table import Table
from crossover.task.wording import counted, listed

ANSWER = "answer"

_COLUMNS = ("messages", "conversations", "conversation")
_ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "user": "user", "assistant": "assistant"}
_ROLES |= {"system": "system", "developer": "system"}


def split_conversations(name: str, table: Table) -> Table:
    """Return a table with the columns `conversation` and `answer` in place of one that holds messages.

    Messages are a list of {"role", "content"}, or ShareGPT's {"from", "value"}. The last answer is the target; a
    conversation that ends without one has none, which is counted as a row without a target. Other tables are returned
    as they are.

    Raises:
        DataError: a cell of the column is no such list; the message names its row.
    """
    folded = {column.strip().casefold(): column for column in table.columns}
    column = next((folded[known] for known in _COLUMNS if known in folded), None)
    if column is None or not any((cell or "").lstrip().startswith("[") for cell in table.column(column)):
        return table
    index = table.columns.index(column)
    cells: list[tuple[str | None, ...]] = []
    unanswered: list[int] = []
    for number, row in zip(table.rows, table.cells, strict=True):
        rest = tuple(cell for place, cell in enumerate(row) if place != index)
        turns = _turns(name, number, column, row[index])
        answer = turns.pop()["content"] if turns and turns[-1]["role"] == "assistant" else None
        if answer is None:
            unanswered.append(number)
        cells.append((json.dumps(turns, ensure_ascii=False) if turns else None, answer, *rest))
    others = [other for other in table.columns if other != column]
    clash = [other for other in others if other.strip().casefold() in (CONVERSATION, ANSWER)]
    if clash:
        raise DataError(
            f'{name} has a column "{clash[0]}" beside "{column}", whose messages hold the answers.',
            "columns: " + listed(table.columns, at_most=20),
            f'rename "{clash[0]}"',
        )
    notes = list(table.notes)
    if unanswered:
        ended = "conversation that ends without an answer", "conversations that end without an answer"
        notes.append(f"{counted(len(unanswered), *ended)}: rows {listed(unanswered)}")
    return replace(table, columns=(CONVERSATION, ANSWER, *others), cells=tuple(cells), notes=tuple(notes))


def said(inputs: Inputs) -> Inputs:
    """Return what is the row's own: of a conversation what user and assistant say, without roles and system prompt.

    What all rows have in common would make every short one nearly the same as every other.
    """
    text = inputs.get(CONVERSATION, "")
    if not text.startswith('[{"role"'):  # as `split_conversations` writes it: a column of that name may hold any text
        return inputs
    own = [turn["content"] for turn in json.loads(text) if turn["role"] != "system"]
    return {**inputs, CONVERSATION: "\n".join(own)}


def _turns(name: str, number: int, column: str, cell: str | None) -> list[dict[str, str]]:
    if cell is None or not cell.strip():
        return []
    where = f'{name}, row {number}, column "{column}"'
    try:
        found: Json = json.loads(cell)
    except ValueError as error:
        raise DataError(
            f"{where}: that is no JSON: {error}.", 'expected: [{"role": "user", "content": "…"}, …]'
        ) from error
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise DataError(f"{where}: a list of messages is expected, got {cell[:60]!r}.")
    return [_turn(where, place, message) for place, message in enumerate(found, start=1)]


def _turn(where: str, place: int, message: Json) -> dict[str, str]:
    if isinstance(message, Mapping):
        role, content = message.get("role", message.get("from")), message.get("content", message.get("value"))
        if isinstance(content, Sequence) and not isinstance(content, str):
            content = _text_of(content)
        if isinstance(role, str) and role in _ROLES and isinstance(content, str):
            return {"role": _ROLES[role], "content": content}
    raise DataError(
        f"{where}, message {place}: {json.dumps(message, ensure_ascii=False)[:80]}",
        'expected: {"role": "user", "content": "text"}; roles: system, user, assistant',
    )


def _text_of(parts: Sequence[Json]) -> str | None:
    """Return the text of a content in parts, as vendors' APIs have it; None where a part is no text."""
    texts = [part.get("text") if isinstance(part, Mapping) and part.get("type") == "text" else None for part in parts]
    return "".join(text for text in texts if isinstance(text, str)) if all(isinstance(t, str) for t in texts) else None
