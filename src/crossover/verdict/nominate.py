"""Which arm speaks for its family in the one comparison that is declared before the test is read (Fairness 5)."""

from __future__ import annotations

__all__ = ["ENOUGH_SEEDS", "Nomination", "nominate", "rated_on", "shared_rows"]

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from crossover.records import Family
from crossover.verdict.arms import ArmData

ENOUGH_SEEDS = 3

FEWEST_ROWS = 16
"""Validation rows, all seeds together, below which dev scores say as much."""

CONTENDERS: tuple[Family, ...] = ("prompt", "weights", "both")
_LEADING: tuple[Family, ...] = ("prompt", "weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nomination:
    """The families' arms for the primary comparison.

    Attributes:
        budget: the label budget of the comparison, which an arm that uses no labels may be nominated for, too; None
            when nothing was measured.
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

    The budget is the largest at which prompt and weights each have an arm with a validation or dev score and
    `ENOUGH_SEEDS` seeds; where there is none, 2 and then 1 seeds do; where they share no budget, each takes its own
    largest. `both` joins them at that budget or takes no part: one that was measured with fewer labels must not move
    the comparison there. Where one of the two took no part, the budget is that of the families that did.

    There the arm with the highest mean score on the validation rows is nominated, of those and of the family's arms
    that use no labels, all on the rows that every one of them has answered; of equals the one with fewer token passes,
    then by name. Where they share too few such rows, it is the arm with the highest mean dev score at that budget,
    among those that have one. A family without either is spoken for by an arm that uses no labels, or else by any arm
    that it has.
    """
    contending = [arm for arm in arms if arm.family in CONTENDERS and arm.scored]
    declared = [arm for arm in contending if arm.key.precision == precision]
    eligible = declared or contending
    scored = {family: [arm for arm in eligible if arm.family == family] for family in CONTENDERS}
    present = [family for family in CONTENDERS if scored[family]]
    if not present:
        return Nomination(budget=None, arms={}, reasons=())
    selected = {family: [arm for arm in scored[family] if arm.summary.budget and _is_rated(arm)] for family in present}
    leading = [selected[family] for family in _LEADING if selected.get(family)]
    budget = _shared_budget(leading if len(leading) == len(_LEADING) else [one for one in selected.values() if one])
    nominees: dict[Family, ArmData] = {}
    apart = 0 < len(declared) < len(contending)
    reasons = [f"The verdict is about {precision}, which was named first."] if apart else []
    at_budgets = []
    for family in present:
        at = budget if budget is not None else _shared_budget([selected[family]] if selected[family] else [])
        choices = [arm for arm in selected[family] if arm.summary.budget == at]
        if family == "both" and selected[family] and not choices and len(nominees) == len(_LEADING):
            reasons.append(f"No arm of both was measured with {at:,} labels: none takes part in the comparison there.")
            continue
        if choices:
            most = max(min(arm.summary.seeds, ENOUGH_SEEDS) for arm in choices)
            choices = [arm for arm in choices if arm.fixed or arm.summary.seeds >= most]
        bare = [arm for arm in scored[family] if not arm.summary.budget]
        ratings = _ratings(choices, bare)
        if ratings.scores:
            nominees[family], reason = _highest(ratings, family)
        else:
            nominees[family], reason = _spoken_for(scored[family], family)
        reasons.append(reason)
        at_budgets.append(at if at is not None else nominees[family].summary.budget)
    return Nomination(budget=max(at_budgets), arms=nominees, reasons=tuple(reasons))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ratings:
    """What arms are nominated by, highest first; `word` says which score that is."""

    scores: tuple[tuple[ArmData, float], ...]
    word: str


def _ratings(labelled: Sequence[ArmData], bare: Sequence[ArmData]) -> _Ratings:
    """Return how arms of one budget, and those of their family that use no labels, compare without the test."""
    choices = [*labelled, *(arm for arm in bare if arm.validation)]
    shared = shared_rows([arm for arm in choices if arm.summary.budget], [a for a in choices if not a.summary.budget])
    if len(shared) >= FEWEST_ROWS:
        return _sorted([(arm, fmean(rated_on(arm, shared))) for arm in choices], "validation")
    return _sorted([(arm, arm.summary.dev_score) for arm in labelled if arm.summary.dev_score is not None], "dev")


def _sorted(rated: Sequence[tuple[ArmData, float]], word: str) -> _Ratings:
    return _Ratings(scores=tuple(sorted(rated, key=lambda one: (-one[1], *_cost(one[0])))), word=word)


def shared_rows(labelled: Sequence[ArmData], bare: Sequence[ArmData]) -> list[tuple[int, str]]:
    """Return the (seed, example id) of the validation rows that every arm has answered.

    What uses no labels answers the rows of all seeds, and the same at every one.
    """
    known = [{name for scores in arm.validation.values() for name in scores} for arm in bare]
    everywhere = set.intersection(*known) if known else None
    if not labelled:
        return [(0, name) for name in sorted(everywhere or ())]
    shared = set.intersection(
        *({(seed, name) for seed, scores in arm.validation.items() for name in scores} for arm in labelled)
    )
    return sorted(pair for pair in shared if everywhere is None or pair[1] in everywhere)


def rated_on(arm: ArmData, rows: Sequence[tuple[int, str]]) -> list[float]:
    """Return an arm's scores on rows that it has answered; see `shared_rows`."""
    if arm.summary.budget:
        return [arm.validation[seed][name] for seed, name in rows]
    known = {name: score for scores in arm.validation.values() for name, score in scores.items()}
    return [known[name] for _, name in rows]


def _highest(ratings: _Ratings, family: Family) -> tuple[ArmData, str]:
    """Return the arm with the highest rating, and how it was nominated."""
    nominee, score = ratings.scores[0]
    others = f", the best of {len(ratings.scores)} {family} arms there" if len(ratings.scores) > 1 else ""
    return nominee, f"{nominee.name} was nominated by its {ratings.word} score {_plain(score)}{others}."


def _spoken_for(family_arms: Sequence[ArmData], family: Family) -> tuple[ArmData, str]:
    """Return who speaks for a family in which nothing can be compared without the test."""
    without = [arm for arm in family_arms if arm.summary.budget == 0] or family_arms
    nominee = min(without, key=lambda arm: (-arm.summary.budget, -min(arm.summary.seeds, ENOUGH_SEEDS), *_cost(arm)))
    unrated = "no arm of its family has a dev score at that budget, nor enough validation rows"
    why = unrated if len(family_arms) > 1 else "it is the only one"
    return nominee, f"{nominee.name} speaks for the {family} family: {why}."


def _is_rated(arm: ArmData) -> bool:
    return arm.summary.dev_score is not None or bool(arm.validation)


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


def _cost(arm: ArmData) -> tuple[float, str]:
    return (arm.summary.token_passes, arm.name)


def _plain(score: float) -> str:
    return f"{score:.2f}".removeprefix("0")
