"""What the rules of a verdict look at: arms, nominees, the best baseline, comparisons."""

from __future__ import annotations

__all__ = ["CONSTANT_METHODS", "WORTHWHILE", "Standing", "bare_prompt", "best_baseline", "cost"]

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from crossover.records import FAMILIES, Family
from crossover.stats import LostShare, is_behind
from crossover.verdict.arms import ArmData
from crossover.verdict.nominate import Nomination, rated_on, shared_rows
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

    def unheard(self) -> list[Family]:
        """Return which of prompt and weights was tried, and has no arm with a score: trials or answers failed."""
        tried = {arm.family for arm in self.arms} - set(self.nominees)
        return [family for family in ("prompt", "weights") if family in tried]

    def in_the_running(self) -> list[ArmData]:
        """Return the nominees, without that of `both` where a race has stopped it.

        It is stopped after fewer seeds than the others have, for lying behind one of them by more than a standard error
        without the test: what was stopped for that need not be excluded once more.
        """
        alone = [arm for family, arm in self.nominees.items() if family != "both"]
        together = self.nominees.get("both")
        most = max((len(arm.seeds) for arm in self.arms if arm.summary.budget), default=0)
        stopped = together is not None and not together.summary.failed and len(together.seeds) < most
        if together is not None and stopped and any(_is_behind(together, other) for other in alone):
            return alone
        return list(self.nominees.values())

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


def _is_behind(arm: ArmData, other: ArmData) -> bool:
    """Return whether one arm lies behind another without the test, as a race sees it."""
    sides = (arm, other)
    shared = shared_rows([one for one in sides if one.summary.budget], [a for a in sides if not a.summary.budget])
    if shared:
        own, theirs = (fmean(rated_on(one, shared)) for one in (arm, other))
        return is_behind(own, theirs, len(shared))
    mine, dev = arm.summary.dev_score, other.summary.dev_score
    return mine is not None and dev is not None and is_behind(mine, dev, arm.summary.budget * len(arm.seeds))


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
