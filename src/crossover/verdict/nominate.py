"""Which arm speaks for its family in the one comparison that is declared before the test is read (Fairness 5)."""

from __future__ import annotations

__all__ = ["ENOUGH_SEEDS", "Nomination", "nominate"]

from collections.abc import Sequence
from dataclasses import dataclass

from crossover.records import Family
from crossover.verdict.arms import ArmData

ENOUGH_SEEDS = 3

CONTENDERS: tuple[Family, ...] = ("prompt", "weights", "both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nomination:
    """The families' arms for the primary comparison.

    Attributes:
        budget: the budget at which they were nominated; None when nothing was measured.
        arms: family -> arm, for those families that took part.
        reasons: how each was chosen, in sentences.
    """

    budget: int | None
    arms: dict[Family, ArmData]
    reasons: tuple[str, ...]


def nominate(arms: Sequence[ArmData], *, precision: str | None = None) -> Nomination:
    """Return each family's nominee; test scores are not looked at.

    Where there are arms in `precision`, only these are nominated: it was declared before the test was read, and two
    families compared in two precisions would be compared in more than what they adapt.

    The budget is the largest at which every family that was measured with labels has an arm with a dev score and
    `ENOUGH_SEEDS` seeds; where there is none, 2 and then 1 seeds do; where families share no budget, each takes its own
    largest. There the arm with the highest mean dev score is nominated; of equals the one with fewer token passes, then
    by name. A family without a dev score there is spoken for by an arm that uses no labels, or else by any arm that it
    has.
    """
    contending = [arm for arm in arms if arm.family in CONTENDERS and arm.scored]
    declared = [arm for arm in contending if arm.key.precision == precision]
    eligible = declared or contending
    scored = {family: [arm for arm in eligible if arm.family == family] for family in CONTENDERS}
    present = [family for family in CONTENDERS if scored[family]]
    if not present:
        return Nomination(budget=None, arms={}, reasons=())
    selected = {family: [arm for arm in scored[family] if arm.summary.dev_score is not None] for family in present}
    budget = _shared_budget([selected[family] for family in present if selected[family]])
    nominees: dict[Family, ArmData] = {}
    apart = 0 < len(declared) < len(contending)
    reasons = [f"The verdict is about {precision}, which was named first."] if apart else []
    for family in present:
        at = budget if budget is not None else _shared_budget([selected[family]] if selected[family] else [])
        choices = [arm for arm in selected[family] if arm.summary.budget == at]
        if choices:
            most = max(min(arm.summary.seeds, ENOUGH_SEEDS) for arm in choices)
            choices = [arm for arm in choices if arm.fixed or arm.summary.seeds >= most]
            nominee = min(choices, key=_best_dev_first)
            others = f", the best of {len(choices)} {family} arms there" if len(choices) > 1 else ""
            reasons.append(
                f"{nominee.name} was nominated by its dev score {_plain(nominee.summary.dev_score)}{others}."
            )
        else:
            without = [arm for arm in scored[family] if arm.summary.budget == 0] or scored[family]
            nominee = min(
                without, key=lambda arm: (-arm.summary.budget, -min(arm.summary.seeds, ENOUGH_SEEDS), *_cost(arm))
            )
            why = (
                "no arm of its family has a dev score at that budget"
                if len(scored[family]) > 1
                else "it is the only one"
            )
            reasons.append(f"{nominee.name} speaks for the {family} family: {why}.")
        nominees[family] = nominee
    largest = max(nominee.summary.budget for nominee in nominees.values())
    return Nomination(budget=largest, arms=nominees, reasons=tuple(reasons))


def _shared_budget(sides: Sequence[Sequence[ArmData]]) -> int | None:
    """Return the largest budget at which every side has an arm, with as many seeds as can be had."""
    if not sides:
        return None
    for enough in range(ENOUGH_SEEDS, 0, -1):
        budgets = [{arm.summary.budget for arm in side if arm.summary.seeds >= enough or arm.fixed} for side in sides]
        shared = set.intersection(*budgets)
        if shared:
            return max(shared)
    return None


def _best_dev_first(arm: ArmData) -> tuple[float, float, str]:
    return (-(arm.summary.dev_score or 0.0), *_cost(arm))


def _cost(arm: ArmData) -> tuple[float, str]:
    return (arm.summary.token_passes, arm.name)


def _plain(score: float | None) -> str:
    return "unknown" if score is None else f"{score:.2f}".removeprefix("0")
