"""What the rules of a verdict look at: arms, nominees, the best baseline, comparisons."""

from __future__ import annotations

__all__ = ["CONSTANT_METHODS", "WORTHWHILE", "Standing", "bare_prompt", "best_baseline", "cost"]

from collections.abc import Sequence
from dataclasses import dataclass

from crossover.records import FAMILIES, Family
from crossover.stats import LostShare
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

    def in_the_running(self) -> list[ArmData]:
        """Return the nominees but for those with fewer seeds than another that is rated higher without the test.

        So a race stops a whole family: what was stopped for being behind need not be excluded once more.
        """
        nominees = list(self.nominees.values())
        return [arm for arm in nominees if not any(_stopped_behind(arm, other) for other in nominees)]

    def format_share(self, arm: ArmData) -> LostShare | None:
        """Return the share of an arm's gain over the bare prompt that is format alone, where it is known."""
        bare = bare_prompt(arm, self.arms)
        return None if bare is None else self.pairs.format_share(arm, bare)

    def together(self) -> tuple[ArmData, ArmData] | None:
        """Return both together and the better of the two alone, where both together took part."""
        both = self.nominees.get("both")
        alone = [arm for family, arm in self.nominees.items() if family != "both"]
        return (both, max(alone, key=lambda arm: (arm.score, arm.name))) if both is not None and alone else None

    def primary(self) -> tuple[ArmData, ArmData] | None:
        """Return the two arms of the primary comparison, first minus second."""
        order: tuple[Family, ...] = ("weights", "both", "prompt")
        taken = [self.nominees[family] for family in order if family in self.nominees]
        return (taken[0], taken[-1]) if len(taken) > 1 else None


def _stopped_behind(arm: ArmData, other: ArmData) -> bool:
    if arm.fixed or other.fixed or len(arm.seeds) >= len(other.seeds):
        return False
    own, theirs = arm.summary.validation_score, other.summary.validation_score
    if own is None or theirs is None:
        own, theirs = arm.summary.dev_score, other.summary.dev_score
    return own is not None and theirs is not None and own < theirs


def bare_prompt(arm: ArmData, arms: Sequence[ArmData]) -> ArmData | None:
    """Return what an arm's gain by form is taken over: zero-shot with the fewest labels, or another such prompt.

    Model and precision are the arm's own. None where it is that prompt itself, or nothing was answered freely beside.
    """
    alike = [
        one
        for one in arms
        if one.family == "prompt"
        and one.summary.free_score is not None
        and (one.key.model, one.key.precision) == (arm.key.model, arm.key.precision)
    ]
    bare = min(alike, key=lambda one: (one.key.method != "zero-shot", one.key.budget, one.name), default=None)
    return None if bare is None or bare is arm or arm.summary.free_score is None else bare


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
