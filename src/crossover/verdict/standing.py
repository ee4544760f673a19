"""What the rules of a verdict look at: arms, nominees, the best baseline, comparisons."""

from __future__ import annotations

__all__ = ["CONSTANT_METHODS", "WORTHWHILE", "Standing", "best_baseline", "cost"]

from collections.abc import Sequence
from dataclasses import dataclass

from crossover.records import FAMILIES, Family
from crossover.verdict.arms import ArmData
from crossover.verdict.nominate import Nomination
from crossover.verdict.pairs import Pairs

CONSTANT_METHODS = ("majority", "constant")
"""Baselines that always give the same answer."""

WORTHWHILE = 0.10
"""A lead over the best baseline that a "neither" has to exclude, as a fraction of 1 (or the margin, where that is
wider)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Everything that the rules look at."""

    arms: tuple[ArmData, ...]
    nomination: Nomination
    baseline: ArmData | None
    pairs: Pairs
    margin: float
    level: float

    @property
    def nominees(self) -> dict[Family, ArmData]:
        return self.nomination.arms

    def beats(self, a: ArmData, b: ArmData, *, looks: int = 1) -> bool:
        """Return whether `a` beats `b` (rule 1), its p-value multiplied by the number of looks."""
        found = self.pairs.compare(a, b)
        significant = found.difference > 0 and found.p * looks < 1 - self.level
        return significant and not found.equivalent(self.margin)

    def primary(self) -> tuple[ArmData, ArmData] | None:
        """Return the two arms of the primary comparison, first minus second."""
        order: tuple[Family, ...] = ("weights", "both", "prompt")
        taken = [self.nominees[family] for family in order if family in self.nominees]
        return (taken[0], taken[-1]) if len(taken) > 1 else None


def best_baseline(arms: Sequence[ArmData], nomination: Nomination) -> ArmData | None:
    """Return the baseline with the highest test score that used no more labels than the nominees."""
    most = nomination.budget
    eligible = [
        arm for arm in arms if arm.family == "baseline" and arm.scored and (most is None or arm.summary.budget <= most)
    ]
    return min(eligible, key=lambda arm: (-arm.score, *cost(arm)), default=None)


def cost(arm: ArmData) -> tuple[int, int, float, float, float, str]:
    """Order arms from cheap to dear (rule 5); nothing is cheaper than one answer, however long it took to find."""
    seen = arm.summary
    varies = 0 if seen.method in CONSTANT_METHODS else 1
    return (FAMILIES.index(arm.family), varies, seen.prompt_tokens, seen.token_passes, seen.fit_seconds, arm.name)
