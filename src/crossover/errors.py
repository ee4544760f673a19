"""Everything that Crossover raises on purpose.

CrossoverError                 the base; `except crossover.CrossoverError` catches them all
├── UserError                  something the user can mend: printed without a traceback, exit status 2
│   ├── DataError              a data file cannot be read, or is not fit for a study (also a ValueError)
│   ├── OptionError            an option has a value that is not allowed (also a ValueError)
│   ├── ModelError             a model cannot be found, fetched, read or used as asked
│   ├── StudyError             a study folder is missing, of another task, or in use
│   └── BundleError            a bundle is damaged, hostile, or does not answer as recorded
└── TrialError                 one trial failed; the study records it and goes on

A message says what is wrong, where (file, row, column or key), the value that was got, the values that are allowed,
and the command or edit that mends it.
"""

from __future__ import annotations

__all__ = [
    "BundleError",
    "CrossoverError",
    "DataError",
    "ModelError",
    "OptionError",
    "StudyError",
    "TrialError",
    "UserError",
    "closest",
]

from collections.abc import Iterable
from difflib import get_close_matches


class CrossoverError(Exception):
    """The base of all errors that Crossover raises on purpose."""


class UserError(CrossoverError):
    """Something that the user can mend.

    Attributes:
        message: one sentence: what is wrong and where, with the value got.
        details: further lines: allowed values, the way out.
    """

    def __init__(self, message: str, *details: str) -> None:
        self.message = message
        self.details = details
        super().__init__("\n".join((message, *details)))


class DataError(UserError, ValueError):
    """A data file cannot be read, or is not fit for a study."""


class OptionError(UserError, ValueError):
    """An option has a value that is not allowed."""


class ModelError(UserError):
    """A model cannot be found, fetched, read or used as asked."""


class StudyError(UserError):
    """A study folder is missing, belongs to another task, or is in use."""


class BundleError(UserError):
    """A bundle is damaged, hostile, or does not answer as recorded."""


class TrialError(CrossoverError):
    """One trial failed; the study records it and goes on."""


def closest(value: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed word nearest to `value`, or None when none is near: for "did you mean …?"."""
    names = {name.casefold(): name for name in allowed}
    found = get_close_matches(value.casefold(), names, n=1, cutoff=0.6)
    return names[found[0]] if found else None
