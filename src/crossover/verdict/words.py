"""A verdict in one paragraph, for the person who decides. Reads the `Verdict` alone."""

from __future__ import annotations

__all__ = ["headline"]


from crossover.records import Arm, Family, Verdict
from crossover.verdict.failures import without_score
from crossover.verdict.figures import about, interval, labels, p_value, percent, points, rating, seeds, signed
from crossover.verdict.nominate import ENOUGH_SEEDS
from crossover.verdict.sides import best_baseline, best_nominee, find_arm, known_as, nominee, nominees
from crossover.verdict.standing import CONSTANT_METHODS

PRACTICALLY_ALL = 0.99
"""Share of the test that one answer gets, from which on the test has practically one answer."""

_OPENING = {"prompt": "Keep to a prompt", "weights": "Fine-tune", "both": "Do both: fine-tune, and prompt it"}
_BEST = {"prompt": "the best prompt", "weights": "the best fine-tuned arm", "both": "the best of both together"}


def headline(verdict: Verdict) -> str:
    """Return the verdict in one to three sentences.

    For example "Fine-tune. With 64 labels, lora answers 78% right [72, 83]; the best prompt, knn-few-shot, 61% [54,
    67]: +17 points [+10, +24], p < .001, 3 seeds."
    """
    if verdict.decision in ("prompt", "weights", "both"):
        return _winner(verdict, verdict.decision)
    if verdict.decision == "neither":
        return _neither(verdict)
    return _tied(verdict) if verdict.decision == "tied" else _unsure(verdict)


def _answers(arm: Arm, verdict: Verdict) -> str:
    return f"{arm.method} {rating(arm.score, arm.interval, verdict.task.metric)}"


def _winner(verdict: Verdict, family: Family) -> str:
    winner = nominee(verdict, family) or find_arm(verdict, verdict.recommended)
    if winner is None:
        return f"{_OPENING[family]}."
    start = f"{_OPENING[family]}. {labels(winner.budget)}, {_answers(winner, verdict)}"
    other = best_nominee(verdict, but=winner.arm) if family == "both" else _rival(verdict, family)
    if other is None or other.score is None:
        baseline = best_baseline(verdict)
        beside = (
            f"; the best baseline, {baseline.method}, {percent(baseline.score)}" if baseline and baseline.score else ""
        )
        return f"{start}{beside}. No other way of adapting took part, so nothing is said about it."
    difference = _difference(verdict, winner, other)
    beside = f"{_BEST[other.family]}, {other.method}, {percent(other.score)}{interval(other.interval)}"
    return f"{start}; {beside}: {difference}."


def _rival(verdict: Verdict, family: Family) -> Arm | None:
    """Return the other side of the primary comparison."""
    order: tuple[Family, ...] = ("prompt", "weights", "both")
    return next(
        (arm for arm in (nominee(verdict, other) for other in order if other != family) if arm is not None), None
    )


def _difference(verdict: Verdict, winner: Arm, other: Arm) -> str:
    primary = verdict.primary
    ran = seeds(min((arm.seeds for arm in (winner, other) if arm.budget), default=1))
    first = primary.weights_arm or primary.both_arm
    if (
        primary.difference is not None
        and primary.p is not None
        and {winner.arm, other.arm} == {first, primary.prompt_arm}
    ):
        forwards = winner.arm == first
        bounds = primary.interval
        if bounds is not None and not forwards:
            bounds = type(bounds)(low=-bounds.high, high=-bounds.low)
        return f"{points(primary.difference if forwards else -primary.difference, bounds)}, {p_value(primary.p)}, {ran}"
    p = f", {p_value(other.p_vs_recommended)}" if other.p_vs_recommended is not None else ""
    return f"{points((winner.score or 0.0) - (other.score or 0.0))}{p}, {ran}"


def _neither(verdict: Verdict) -> str:
    best, recommended = best_nominee(verdict), find_arm(verdict, verdict.recommended)
    shown = (
        f" (best: {best.method}, {percent(best.score)}{interval(best.interval)})"
        if best and best.score is not None
        else ""
    )
    if recommended is None:
        return f"Neither. No arm beats the best baseline{shown}."
    always = recommended.score or 0.0
    if recommended.method in CONSTANT_METHODS and always >= PRACTICALLY_ALL:
        return f"Nothing to learn here. The same answer is right on {percent(always)} of the test rows{shown}."
    if recommended.method in CONSTANT_METHODS:
        return (
            f"Nothing works here. No arm is better than always giving the same answer, {percent(always)}{shown}. "
            "Try --model with a larger one or an endpoint."
        )
    return f"Neither. {known_as(recommended)} {_rated(recommended, verdict)} and no arm beats it{shown}."


def _rated(arm: Arm, verdict: Verdict) -> str:
    return rating(arm.score, arm.interval, verdict.task.metric)


def _tied(verdict: Verdict) -> str:
    first, second = _pair(verdict)
    recommended = find_arm(verdict, verdict.recommended)
    if first is None or second is None or verdict.primary.difference is None:
        return f"Tied.{_today(recommended)}"
    return (
        f"Tied. {labels(first.budget)}, {first.method} {_percent(first)} and {second.method} {_percent(second)}: "
        f"{points(verdict.primary.difference, verdict.primary.interval)}, too little to matter.{_today(recommended)}"
    )


def _unsure(verdict: Verdict) -> str:
    first, second = _pair(verdict)
    today = _today(find_arm(verdict, verdict.recommended))
    if first is None:
        return f"Cannot tell. No arm that adapts the model has a score.{_unheard(verdict)}{today}"
    baseline = _open_baseline(verdict)
    unheard = _unheard(verdict)
    if second is None or verdict.primary.difference is None or baseline is not None or unheard:
        open_arm = find_arm(verdict, verdict.unsettled[0]) if verdict.unsettled else None
        best = open_arm or best_nominee(verdict) or first
        against = f" and the baseline {baseline.method} {_percent(baseline)}" if baseline else ""
        why = f".{unheard}" if unheard else _more(verdict)
        return f"Cannot tell yet. {best.method} {_percent(best)}{against}{why}{today}"
    difference, bounds = verdict.primary.difference, verdict.primary.interval
    open_pair = verdict.unsettled or ("", "")
    if open_pair[0] == verdict.primary.both_arm and len(nominees(verdict)) > 2:
        first, second = (find_arm(verdict, name) for name in open_pair)
        difference, bounds = verdict.primary.both_gain or 0.0, verdict.primary.both_interval
    gap = abs(round(100 * difference))
    between = f" [{signed(bounds.low)}, {signed(bounds.high)}]" if bounds else ""
    differ = f"differ by {gap} point{'' if gap == 1 else 's'}{between}"
    sides = " and ".join(f"{arm.method} {_percent(arm)}" for arm in (first, second) if arm is not None)
    return f"Cannot tell yet. {sides} {differ}{_more(verdict)}{today}"


def _unheard(verdict: Verdict) -> str:
    """Say which of prompt and weights was tried and has no score, and why; nothing where both were heard."""
    told = []
    for family in ("prompt", "weights"):
        arms = [arm for arm in verdict.arms if arm.family == family]
        if arms and all(arm.score is None for arm in arms):
            told.append(f" {arms[-1].method} has no score: {without_score(arms[-1])}.")
    return "".join(told)


def _open_baseline(verdict: Verdict) -> Arm | None:
    """Return the baseline that the decision is open against; of a verdict that does not say so (an earlier release's)
    the best one, when it is not shown to be worse than what is recommended.
    """
    if verdict.unsettled is not None:
        against = find_arm(verdict, verdict.unsettled[1])
        return against if against is not None and against.family == "baseline" else None
    scored = [arm for arm in verdict.arms if arm.family == "baseline" and arm.score is not None]
    best = max(scored, key=lambda arm: (arm.score or 0.0, arm.arm), default=None)
    if best is None or best.p_vs_recommended is None:
        return best
    return best if best.p_vs_recommended >= 0.05 else None


def _more(verdict: Verdict) -> str:
    if verdict.further_test_examples is not None:
        have = f"{verdict.task.n_test:,}"
        return f": about {about(verdict.further_test_examples)} more test rows would settle it (have {have})."
    named = [find_arm(verdict, name) for name in verdict.unsettled or ()]
    asked = [arm for arm in named if arm is not None and arm.family != "baseline"] or nominees(verdict)
    few = [arm for arm in asked if arm.seeds < ENOUGH_SEEDS and arm.budget > 0]
    for arm in few:
        if arm.failed:
            return (
                f": {arm.failed} of the {arm.failed + arm.seeds} trials of {arm.method} failed, too few seeds are left."
            )
    if any(arm.seeds == 1 for arm in few):
        return ": one seed speaks of this adapter or prompt, not of a method, run at least 3."
    if few:
        return ": too few seeds to speak of a method, run at least 3."
    if verdict.primary.p is not None:
        return ": they differ from seed to seed more than test rows could settle, run more seeds."
    return "."


def _today(recommended: Arm | None) -> str:
    if recommended is None:
        return ""
    why = {"prompt": ", it needs no training", "baseline": ", it is the cheapest"}.get(recommended.family, "")
    return f" Today: {recommended.method}{why}."


def _pair(verdict: Verdict) -> tuple[Arm | None, Arm | None]:
    """Return the two sides of the primary comparison, in its order; None for a side that took no part."""
    both = [*nominees(verdict)]
    sides = (
        [arm for arm in both if arm.family != "both"]
        if len(both) > 2
        else sorted(both, key=lambda arm: arm.family == "prompt")
    )
    return (sides[0] if sides else None), (sides[1] if len(sides) > 1 else None)


def _percent(arm: Arm) -> str:
    return "unknown" if arm.score is None else f"{percent(arm.score)}{interval(arm.interval)}"
