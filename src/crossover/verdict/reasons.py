"""Why a verdict is what it is, in full sentences, from the comparisons themselves."""

from __future__ import annotations

__all__ = ["explain"]

from crossover.records import DEFAULT_MARGIN, Decision
from crossover.verdict.arms import MOST_MISSING, ArmData
from crossover.verdict.figures import (
    about,
    interval,
    other_margin,
    p_value,
    percent,
    plain_points,
    points,
    seeds,
)
from crossover.verdict.nominate import ENOUGH_SEEDS
from crossover.verdict.standing import CONSTANT_METHODS, WORTHWHILE, Standing, bare_prompt

Pair = tuple[ArmData, ArmData]


def explain(
    standing: Standing,
    decision: Decision,
    recommended: ArmData | None,
    unsettled: Pair | None,
    further: int | None,
) -> tuple[str, ...]:
    """Return the reasons: what was nominated, what was compared, what is left open, what is recommended and why."""
    sentences = [*_nominated(standing), *_seeds(standing)]
    if standing.margin != DEFAULT_MARGIN:
        sentences.append(other_margin(standing.margin))
    sentences += [*_compared(standing), *_against_baseline(standing, decision), *_format(standing, decision)]
    sentences += _format_shares(standing)
    if decision == "tied":
        sentences.append(
            f"The difference lies within {plain_points(standing.margin)} either way: the two are equivalent."
        )
    if decision == "unsure":
        sentences += _open(standing, unsettled, further)
    sentences += [*_incomplete(standing), *_recommendation(standing, decision, recommended)]
    return tuple(sentences)


def _nominated(standing: Standing) -> list[str]:
    nomination = standing.nomination
    if not nomination.arms:
        return ["No prompt, weights or both arm has a score, so there is nothing to decide."]
    absent = [family for family in ("prompt", "weights") if family not in nomination.arms]
    missing = [f"No {family} arm with a score took part." for family in absent]
    return [*nomination.reasons, *missing]


def _seeds(standing: Standing) -> list[str]:
    random = [arm for arm in standing.nominees.values() if not arm.fixed]
    single = [arm for arm in random if len(arm.seeds) == 1]
    few = [arm for arm in random if 1 < len(arm.seeds) < ENOUGH_SEEDS]
    sentences = [
        f"{arm.name} ran with one seed: its figures speak of {_this(arm)} only, never of {arm.summary.method}."
        for arm in single
    ]
    sentences += [
        f"{arm.name} ran with {seeds(len(arm.seeds))}, fewer than {ENOUGH_SEEDS}: a wide interval." for arm in few
    ]
    if random and not single and not few:
        least = min(len(arm.seeds) for arm in random)
        sentences.append(f"Every nominated arm that depends on chance ran with at least {seeds(least)}.")
    return sentences


def _this(arm: ArmData) -> str:
    return "this prompt" if arm.family == "prompt" else "this adapter"


def _compared(standing: Standing) -> list[str]:
    sentences = []
    primary = standing.primary()
    if primary:
        sentences.append(f"Primary comparison: {_difference(standing, *primary)}.")
    together = standing.together()
    if together and primary and primary[0] is not together[0]:
        sentences.append(f"Both together against the better of the two: {_difference(standing, *together)}.")
    return sentences


def _difference(standing: Standing, a: ArmData, b: ArmData) -> str:
    found = standing.pairs.compare(a, b)
    within = "" if found.n_clusters is None else f" in {found.n_clusters:,} groups"
    size = f"{found.n_examples:,} test examples{within}, {seeds(found.n_seeds)}"
    return f"{a.name} minus {b.name} is {points(found.difference, found.interval)}, {p_value(found.p)} ({size})"


def _against_baseline(standing: Standing, decision: Decision) -> list[str]:
    baseline = standing.baseline
    if not standing.nominees:
        return []
    if baseline is None:
        return ["No baseline took part: what a simple method would reach is not known."]
    named = standing.nominees.get(decision) if decision in ("prompt", "weights", "both") else None
    best = named or max(standing.nominees.values(), key=lambda arm: (arm.score, arm.name))
    outcome = "better" if standing.beats(best, baseline) else "not shown to be better"
    sentences = [f"Against the best baseline, {_difference(standing, best, baseline)}: {outcome}."]
    if decision == "neither":
        bound = round(100 * max(WORTHWHILE, standing.margin))
        running = {arm.name for arm in standing.in_the_running()}
        stopped = [arm.name for arm in standing.nominees.values() if arm.name not in running]
        but = f" but {', '.join(stopped)}, which was stopped early for being behind," if stopped else ""
        sentences.append(f"For every nominated arm{but} a lead of {bound} points or more over it is excluded.")
    return sentences


def _format(standing: Standing, decision: Decision) -> list[str]:
    """Flag a win that is gone once badly formed answers are read leniently."""
    primary = standing.primary()
    if decision not in ("prompt", "weights", "both") or primary is None:
        return []
    winner = standing.nominees[decision]
    sentences = []
    for arm in standing.nominees.values():
        if arm is winner:
            continue
        found = standing.pairs.compare_lenient(winner, arm)
        if (
            found is not None
            and standing.beats(winner, arm)
            and (found.p >= 1 - standing.level or found.difference <= 0)
        ):
            sentences.append(
                f"The win over {arm.name} is one of format: with answers read leniently the difference is "
                f"{points(found.difference, found.interval)}, {p_value(found.p)}."
            )
    return sentences


def _format_shares(standing: Standing) -> list[str]:
    """Say for each nominee how much of its gain over the bare prompt is gone when both are held to the form."""
    sentences = []
    for arm in standing.nominees.values():
        found, bare = standing.format_share(arm), bare_prompt(arm, standing.arms)
        if found is not None and bare is not None:
            sentences.append(
                f"Of {arm.name}'s gain over {bare.name} with free answers, "
                f"{points(found.gain.difference, found.gain.interval)}, "
                f"{percent(found.share)}{interval(found.interval)} is format alone: with both constrained it is "
                f"{points(found.rest.difference, found.rest.interval)}."
            )
    return sentences


def _open(standing: Standing, unsettled: Pair | None, further: int | None) -> list[str]:
    if unsettled is None:
        return []
    a, b = unsettled
    found = standing.pairs.compare(a, b)
    between = f"{a.name} and {b.name}"
    if found.candidate_only:
        return [f"One seed cannot decide between {between}: run at least {ENOUGH_SEEDS} seeds."]
    if further is None:
        return [f"{between} differ from seed to seed more than test examples could settle: run more seeds."]
    return [f"About {about(further)} further test examples would settle {between} (have {found.n_examples:,})."]


def _incomplete(standing: Standing) -> list[str]:
    sentences = [
        f"{arm.name} has no score: {arm.summary.missing} answers are missing, more than {percent(MOST_MISSING)}."
        for arm in standing.arms
        if not arm.scored and arm.seeds
    ]
    failed = [arm for arm in standing.arms if arm.summary.failed]
    if failed:
        count = sum(arm.summary.failed for arm in failed)
        cells = "1 trial" if count == 1 else f"{count} trials"
        sentences.append(f"{cells} failed and left no measurement: {', '.join(arm.name for arm in failed)}.")
    sentences += [
        f"The {family} family was tried and has no score: nothing is decided without it."
        for family in standing.unheard()
    ]
    return sentences


def _recommendation(standing: Standing, decision: Decision, recommended: ArmData | None) -> list[str]:
    if recommended is None:
        return ["Nothing is recommended: no arm has a score."]
    name = recommended.name
    if decision in ("prompt", "weights", "both"):
        alone = " It is the only family that was compared with a baseline." if len(standing.nominees) == 1 else ""
        return [f"Recommended: {name}, the winner.{alone}"]
    if decision == "neither":
        what = (
            "nothing is shown to beat always giving the same answer"
            if recommended.summary.method in CONSTANT_METHODS
            else ("no arm beats it")
        )
        return [f"Recommended: {name}: {what}."]
    return [
        f"Recommended for today: {name}, the cheapest arm that is neither beaten nor clearly behind the highest score."
    ]
