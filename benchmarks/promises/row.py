"""One promise, measured."""

from __future__ import annotations

__all__ = ["Row", "at_least", "at_most", "near"]

from dataclasses import dataclass

LONG = 2000
"""Studies from which on a bound is taken as it stands; fewer are allowed two standard errors of their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A promise's number beside its bound. `passed` is None where it could not be measured here."""

    promise: str
    case: str
    number: str
    bound: str
    passed: bool | None

    def __str__(self) -> str:
        """Return one line of the table."""
        outcome = {True: "pass", False: "FAIL", None: "not run"}[self.passed]
        return f"{self.promise:22}  {self.case:42}  {self.number:34}  {self.bound:22}  {outcome}"


def _allowance(share: float, studies: int) -> float:
    return 0.0 if studies >= LONG else 2 * (share * (1 - share) / studies) ** 0.5


def at_most(promise: str, case: str, share: float, bound: float, studies: int, beside: str = "") -> Row:
    """Return a share of `studies` that must not be larger."""
    limit = bound + _allowance(bound, studies)
    shown = f"at most {bound:.0%}" + (f" (+ {limit - bound:.1%})" if limit > bound else "")
    return Row(promise=promise, case=case, number=f"{share:.1%}{beside}", bound=shown, passed=share <= limit)


def at_least(promise: str, case: str, share: float, bound: float, studies: int, beside: str = "") -> Row:
    """Return a share of `studies` that must not be smaller."""
    limit = bound - _allowance(bound, studies)
    shown = f"at least {bound:.0%}" + (f" (- {bound - limit:.1%})" if limit < bound else "")
    return Row(promise=promise, case=case, number=f"{share:.1%}{beside}", bound=shown, passed=share >= limit)


def near(promise: str, case: str, mean: float, error: float, bound: float, beside: str = "") -> Row:
    """Return a mean in points that must lie within `bound` points of 0, or within three standard errors."""
    limit = max(bound, 3 * error)
    return Row(
        promise=promise,
        case=case,
        number=f"{mean:+.2f} ± {error:.2f} points{beside}",
        bound=f"0 ± {limit:.1f}",
        passed=abs(mean) <= limit,
    )
