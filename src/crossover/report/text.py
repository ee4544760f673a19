"""Numbers as people read them, and other people's text made safe to print."""

from __future__ import annotations

__all__ = [
    "DASH",
    "clean",
    "count",
    "interval",
    "known",
    "memory",
    "milliseconds",
    "one_line",
    "points",
    "score",
    "seconds",
    "shorten",
    "signed_points",
]

import math
import unicodedata

from crossover.records import Interval
from crossover.verdict.figures import signed

DASH = "–"
_REORDERING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the order in which others are read: `fdp.exe` must not look like `exe.pdf`."""


def clean(text: str) -> str:
    r"""Return `text` without control characters (tab and newline stay), reordering marks and lone surrogates.

    >>> clean("a\x1b[31mb\r\nc")
    'a[31mb\nc'
    """
    kept = []
    for character in text.replace("\r\n", "\n"):
        category = unicodedata.category(character)
        if category == "Cs":
            kept.append("\ufffd")
        elif character in "\n\t" or (category != "Cc" and character not in _REORDERING):
            kept.append(character)
    return "".join(kept)


def one_line(text: str) -> str:
    """Return `clean(text)` with every run of white space (line separators too) as one space."""
    return " ".join(clean(text).split())


def shorten(text: str, limit: int) -> str:
    """Return `text`, cut at `limit` characters with "…" when it is longer."""
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "…"


def known(value: float | None) -> float | None:
    """Return `value`, or None when it is not a finite number."""
    return value if value is not None and math.isfinite(value) else None


def score(value: float | None) -> str:
    """A fraction of 1 with two digits: ".78", "1.00", "–" when unknown."""
    value = known(value)
    if value is None:
        return DASH
    text = f"{value:.2f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def interval(value: Interval | None) -> str:
    """An interval of fractions: "[.72, .83]", or nothing when unknown."""
    if value is None or known(value.low) is None or known(value.high) is None:
        return ""
    return f"[{score(value.low)}, {score(value.high)}]"


def points(value: float | None) -> str:
    """A fraction of 1 as whole points: 0.113 -> "11"."""
    value = known(value)
    return DASH if value is None else f"{value * 100:.0f}"


def count(value: float | None) -> str:
    """A number of things with thousands apart: "12,345", "–" when unknown."""
    value = known(value)
    return DASH if value is None else f"{value:,.0f}"


def seconds(value: float | None) -> str:
    """A duration in the unit that a person would use: "0.1 s", "58 s", "4 min 30 s", "2 h 05 min"."""
    value = known(value)
    if value is None or value < 0:
        return DASH
    if value < 0.05:
        return "<0.1 s"
    if value < 1:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(value / 60), 60)
    return f"{hours:,} h {minutes:02d} min"


def milliseconds(value: float | None) -> str:
    """Milliseconds with at most two significant digits below 10: "0.1", "3.2", "31", "1,240"."""
    value = known(value)
    if value is None:
        return DASH
    if value < 0.05:
        return "<0.1"
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def memory(value: float | None) -> str:
    """MiB as "812 MiB" or "3.4 GiB"."""
    value = known(value)
    if value is None:
        return DASH
    return f"{value:,.0f} MiB" if value < 1024 else f"{value / 1024:,.1f} GiB"


def signed_points(value: float | None, within: Interval | None = None) -> str:
    """A difference of fractions in whole points with its sign and interval: "+17 [+10, +24]", "–" when unknown."""
    value = known(value)
    if value is None:
        return DASH
    between = ""
    if within is not None and known(within.low) is not None and known(within.high) is not None:
        between = f" [{signed(within.low)}, {signed(within.high)}]"
    return signed(value) + between
