"""The trials of a plan, and what is left out of it."""

from __future__ import annotations

__all__ = ["VALIDATION_ROWS", "WRITTEN_VALIDATION_ROWS", "Cell", "Plan", "Validated"]

from dataclasses import dataclass

from crossover.methods import Method
from crossover.records import LeftOut, TrialKey

VALIDATION_ROWS = 128
"""Labelled training rows outside a seed's draw on which what it fitted is compared with other methods. With three seeds
the difference of two good arms is known to some 2 points on them; the 16 dev rows of a budget of 64 say 8 or more."""

WRITTEN_VALIDATION_ROWS = 24
"""The same where answers are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """Which validation rows a trial answers: those of these seeds' draws at this budget; `n`: how many, at most."""

    budget: int
    seeds: tuple[int, ...]
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One trial to run.

    Attributes:
        key: what makes it this trial.
        method: fitted.
        label: what its method is called where people look: "lora", or "lora · nf4".
        validated: on which rows it is compared with the other methods of its family; None where it is not.
    """

    key: TrialKey
    method: Method
    label: str
    validated: Validated | None = None

    @property
    def arm(self) -> tuple[str, int]:
        """Method and budget: the seeds of an arm are planned together."""
        return (self.method.name, self.key.budget)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Cells in the order in which they run, and what was left out."""

    cells: tuple[Cell, ...]
    left_out: tuple[LeftOut, ...] = ()
