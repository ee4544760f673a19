"""Other people's regular expressions, read with the `regex` package and bounded in time.

A pattern such as "(a+)+$" takes longer than anyone waits on an answer of thirty letters. It is refused where the data
file is read, as far as a few trial texts bring it out; whatever still takes too long on an answer is a `TimeoutError`.
"""

from __future__ import annotations

__all__ = ["MAX_PATTERN_CHARACTERS", "MAX_REPETITIONS", "SECONDS", "pattern_fault", "search"]

from functools import lru_cache
from math import prod

import regex

MAX_PATTERN_CHARACTERS = 1_000
MAX_REPETITIONS = 100_000
"""A pattern lies in memory once for every repetition that it must make: "((a{1000}){1000}){1000}" takes gigabytes."""

SECONDS = 1.0
"""Most time for one search."""

_REPETITION = regex.compile(r"\{([0-9]+)(?:,[0-9]*)?\}")
_LETTER = regex.compile(r"(?<!\\)[\p{L}\p{N}]")
_TRIAL_SECONDS = 0.2
_TRIAL_CHARACTERS = 3_000
_TRIAL_PARTS = ("a", "0", " ", "a ", "a,1.")
_MAX_TRIAL_LETTERS = 8


def pattern_fault(pattern: str) -> str | None:
    """Return why a pattern cannot be used, or None.

    >>> pattern_fault("refund(ed")
    'it is no regular expression: missing ) at position 9'
    """
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        return f"it has {len(pattern):,} characters; at most {MAX_PATTERN_CHARACTERS:,} are read"
    if prod(max(1, int(count[:9])) for count in _REPETITION.findall(pattern)) > MAX_REPETITIONS:
        return f"its repetitions multiply to more than {MAX_REPETITIONS:,}"
    try:
        _compiled(pattern)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        return f"it is no regular expression: {error}"
    letters = tuple(dict.fromkeys(_LETTER.findall(pattern)))[:_MAX_TRIAL_LETTERS]
    for part in (*_TRIAL_PARTS, *letters):
        try:
            _compiled(pattern).search(part * (_TRIAL_CHARACTERS // len(part)) + "!", timeout=_TRIAL_SECONDS)
        except TimeoutError:
            return (
                f"it takes too long: more than {_TRIAL_SECONDS:g} s on {_TRIAL_CHARACTERS:,} characters of {part!r}; "
                "a repetition inside a repetition, as in (a+)+, is the usual cause"
            )
    return None


def search(pattern: str, text: str) -> bool:
    """Whether a pattern matches anywhere in a text.

    Raises:
        TimeoutError: after `SECONDS`.
    """
    return _compiled(pattern).search(text, timeout=SECONDS) is not None


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)
