"""Multiple choice: a column of options and one that says which is right become a question with lettered options."""

from __future__ import annotations

__all__ = [
    "MultipleChoice",
    "Pointed",
    "choices_in",
    "find_choices",
    "find_pointed",
    "input_columns",
    "lettered",
    "like",
]

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

from crossover.errors import DataError
from crossover.records import Json
from crossover.task.columns import choose_columns
from crossover.task.table import Table
from crossover.task.wording import listed

_OPTIONS = ("choices", "options", "endings", "alternatives")
_RIGHT = ("label", "answer", "answerkey", "answer_key", "gold", "target", "correct", "correct_answer", "answer_idx")
_LETTER = re.compile(r"\(?([A-Za-z])\)?[.)]?")
MAX_OPTIONS = len(ascii_uppercase)


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipleChoice:
    """A table in which the options are lettered text and the answer is a letter.

    Attributes:
        options: the column with the options.
        target: the column with the right letter; the one beside it, "TARGET 2", has the right option's own words.
        by: what said which option is right: see `choices_in`.
    """

    table: Table
    options: str
    target: str
    by: str
    n_options: tuple[int, ...]

    @property
    def reason(self) -> str:
        """Why it is multiple choice."""
        held = f'"{self.options}" holds {listed(self.n_options)} options a row'
        return f'kind: qa, {held} and "{self.target}" says which is right, by {self.by}; its words are right too'


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointed:
    """Each row's options and the place of the right one, from 0; None where a row has none. See `MultipleChoice`."""

    options: str
    right: str
    lists: tuple[list[str] | None, ...]
    places: tuple[int | None, ...]
    by: str


def find_choices(table: Table, *, target: str | None = None) -> MultipleChoice | None:
    """Return the table as multiple choice where two columns are named as one and hold it.

    Args:
        table: the data file.
        target: the column that points at the right option, where the user said it; by default by its name.
    """
    options, rights = _named(table)
    rights = [target] if target is not None else rights
    if options is None or options in rights:
        return None
    found = (choices_in(table, options, right) for right in rights)
    return next((one for one in found if one is not None), None)


def find_pointed(table: Table) -> Pointed | None:
    """Return the options of each row and which is right, where two columns are named as multiple choice and hold it."""
    options, rights = _named(table)
    found = (_pointed(table, options, right) for right in rights if options is not None and options != right)
    return next((one for one in found if one is not None), None)


def _named(table: Table) -> tuple[str | None, list[str]]:
    """Return the column that is called as options are, and those called as what says which is right."""
    folded = {column.strip().casefold(): column for column in table.columns}
    options = next((folded[name] for name in _OPTIONS if name in folded), None)
    return options, [folded[name] for name in _RIGHT if name in folded]


def choices_in(table: Table, options: str, right: str, *, by: str | None = None) -> MultipleChoice | None:
    """Return the table as multiple choice where `options` holds lists of texts and `right` points into each; else None.

    What points is an option's number (from 0; from 1 where no row has 0 and one has its list's length), its letter or
    its words. A row without a list or without an answer is left without a target.

    Args:
        table: the data file.
        options: a column of lists of texts, or of {"text": [...]} as ARC has them.
        right: the column that points.
        by: how it points, where that is known from another table; None finds it.
    """
    found = _pointed(table, options, right, by=by)
    return None if found is None else _with_letters(table, found)


def _pointed(table: Table, options: str, right: str, *, by: str | None = None) -> Pointed | None:
    lists = [_options(cell) for cell in table.column(options)]
    said = [(cell or "").strip() for cell in table.column(right)]
    if sum(one is not None for one in lists) <= len(lists) / 2:
        return None
    for name, read in _WAYS.items():
        places = [read(cell, one) if one is not None and cell else None for cell, one in zip(said, lists, strict=True)]
        if by not in (None, name) or any(p is None and c and o for p, c, o in zip(places, said, lists, strict=True)):
            continue
        return Pointed(options=options, right=right, lists=tuple(lists), places=tuple(places), by=name)
    return None


def like(name: str, table: Table, found: MultipleChoice) -> Table:
    """Return a test's table with its options as the training rows have them.

    Raises:
        DataError: they are not there, or do not point as those do.
    """
    made = None
    if {found.options, found.target} <= set(table.columns):
        made = choices_in(table, found.options, found.target, by=found.by)
    if made is None:
        raise DataError(
            f'{name}: "{found.target}" does not say which of "{found.options}" is right, by {found.by},'
            " as in the training rows.",
            "columns: " + listed(table.columns, at_most=20),
            "if these are no questions with options, say the kind: --kind",
        )
    return made.table


def input_columns(name: str, found: MultipleChoice) -> tuple[str, ...]:
    """Return what the model reads: the columns of the question, then the options.

    Raises:
        DataError: it is not clear which column the question is.
    """
    kept = [column for column in found.table.columns if column != found.options]
    places = [found.table.columns.index(column) for column in kept]
    cells = tuple(tuple(row[place] for place in places) for row in found.table.cells)
    rest = replace(found.table, columns=tuple(kept), cells=cells)
    return (*choose_columns(name, rest, input=None, target=found.target).inputs, found.options)


def lettered(options: Sequence[str]) -> str:
    """Return options as a question shows them.

    >>> print(lettered(["red", "blue"]))
    A) red
    B) blue
    """
    return "\n".join(f"{letter}) {option}" for letter, option in zip(ascii_uppercase, options, strict=False))


def _options(cell: str | None) -> list[str] | None:
    try:
        value: Json = json.loads(cell or "")
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        value = value.get("text")
    if not isinstance(value, list) or not 2 <= len(value) <= MAX_OPTIONS:
        return None
    texts = [one if isinstance(one, str) else json.dumps(one) for one in value if isinstance(one, str | int | float)]
    return texts if len(texts) == len(value) and all(text.strip() for text in texts) else None


def _numbered(first: int) -> Callable[[str, list[str]], int | None]:
    def place(cell: str, options: list[str]) -> int | None:
        found = int(cell) - first if cell.isdecimal() and len(cell) < 4 else -1
        return found if 0 <= found < len(options) else None

    return place


def _by_letter(cell: str, options: list[str]) -> int | None:
    found = _LETTER.fullmatch(cell)
    place = ascii_uppercase.index(found[1].upper()) if found else len(options)
    return place if place < len(options) else None


def _by_words(cell: str, options: list[str]) -> int | None:
    return options.index(cell) if options.count(cell) == 1 else None


_WAYS: Mapping[str, Callable[[str, list[str]], int | None]] = {
    "its number, from 0": _numbered(0),
    "its number, from 1": _numbered(1),
    "its letter": _by_letter,
    "its words": _by_words,
}
"""How a cell may point at an option, in the order in which they are tried: numbers from 1 fail the first way at the
last option."""


def _with_letters(table: Table, found: Pointed) -> MultipleChoice:
    options, right, lists = found.options, found.right, found.lists
    words = f"{right} 2"
    while words in table.columns:
        words += "2"
    at, target = table.columns.index(options), table.columns.index(right)
    cells = []
    for row, choices, place in zip(table.cells, lists, found.places, strict=True):
        new = list(row)
        new[at] = None if choices is None else lettered(choices)
        new[target] = None if place is None else ascii_uppercase[place]
        cells.append((*new, None if place is None or choices is None else choices[place]))
    return MultipleChoice(
        table=replace(table, columns=(*table.columns, words), cells=tuple(cells)),
        options=options,
        target=right,
        by=found.by,
        n_options=tuple(sorted({len(one) for one in lists if one is not None})),
    )
