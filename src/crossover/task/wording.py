"""How counts and lists read in a message."""

from __future__ import annotations

__all__ = ["counted", "listed"]

from collections.abc import Iterable


def listed(values: Iterable[object], *, at_most: int = 8) -> str:
    """Return values as a person lists them: "3, 9, 12 and 40 more"."""
    texts = [str(value) for value in values]
    shown = ", ".join(texts[:at_most])
    return shown if len(texts) <= at_most else f"{shown} and {len(texts) - at_most:,} more"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its word: "1 row", "2,161 rows"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
