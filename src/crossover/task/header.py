"""Which row of a table is the header, where titles, notes or empty rows stand above it."""

from __future__ import annotations

__all__ = ["SEEN_ROWS", "find_header", "header_note"]

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from crossover.task.columns import INPUT_NAMES, OTHER_TARGET_NAMES, TARGET_NAMES

SEEN_ROWS = 200
"""Rows of a file's beginning that the choice looks at."""

MAX_ABOVE = 20
MAX_NAME_CHARACTERS = 60
_NAMES = frozenset((*TARGET_NAMES, *OTHER_TARGET_NAMES, *INPUT_NAMES))

Rows: TypeAlias = Sequence[tuple[int, Sequence[str | None]]]


def find_header(rows: Rows) -> int:
    """Return the place of the header in a file's first rows, empty rows among them; 0 where all are empty.

    It is the first row that holds anything, unless all that stands above another row is clearly no header: narrower
    rows of one cell (a title, merged or not), or set off by an empty row, or a band of merged cells over the names. The
    other row must look like names: all different, short, and none of them a value further below. A row with as
    many usual names ("text", "label") as the other is never passed over.

    Args:
        rows: row number and cells of the file's beginning.
    """
    filled = [place for place, (_, cells) in enumerate(rows) if _texts(cells)]
    for header in filled[1 : MAX_ABOVE + 1]:
        if _is_header(rows, header):
            above = [place for place in filled if place < header]
            return header if all(_is_above(rows, place, header) for place in above) else filled[0]
    return filled[0] if filled else 0


def header_note(rows: Rows, header: int) -> str | None:
    """Return what is said of a header that is not the first row."""
    if header == 0:
        return None
    titles = [" ".join(_texts(cells)) for _, cells in rows[:header] if _texts(cells)]
    said = f': "{titles[0][:60]}" stands above it' if titles else ""
    return f"the header is row {rows[header][0]}{said}"


def _texts(cells: Sequence[str | None]) -> list[str]:
    return [cell.strip() for cell in cells if cell is not None and cell.strip()]


def _is_above(rows: Rows, place: int, header: int) -> bool:
    """Tell whether a row above the header is a title, a note or a band, and not the header itself."""
    texts = _texts(rows[place][1])
    names = _texts(rows[header][1])
    if len(texts) >= len(names) or _n_usual(texts) >= max(1, _n_usual(names)):
        return False
    set_off = any(not _texts(cells) for _, cells in rows[place + 1 : header])
    is_band = place == header - 1 and len(texts) < len(rows[place][1])
    return len(texts) == 1 or set_off or is_band


def _is_header(rows: Rows, place: int) -> bool:
    """Tell whether a row looks like names: two or more, as many as most rows below, none twice and none a value."""
    texts = _texts(rows[place][1])
    below = [cells for _, cells in rows[place + 1 :] if _texts(cells)]
    if len(texts) < 2 or len(set(texts)) < len(texts) or not below:
        return False
    if _n_usual(texts):
        return True
    usual = Counter(len(_texts(cells)) for cells in below).most_common(1)[0][0]
    if len(texts) < usual or any(len(text) > MAX_NAME_CHARACTERS or _is_number(text) for text in texts):
        return False
    values = {(column, (cell or "").strip()) for cells in below for column, cell in enumerate(cells)}
    return not any(cell and (column, cell.strip()) in values for column, cell in enumerate(rows[place][1]))


def _n_usual(texts: Sequence[str]) -> int:
    return len(_NAMES & {text.casefold() for text in texts})


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
