"""Records -> verdict: what was nominated, what was shown, and what to do today.

The rules, in order:

1. *Beaten.* One arm beats another when their paired difference is significant (`crossover.stats.compare`, both variance
   components) and is not shown to lie within the margin; a difference that is surely too small to matter beats nobody.
2. *Baseline.* A family can win only if its nominee beats the best baseline (the one with the highest test score, which
   is the harder opponent). `neither` when no nominee does, none leads by more than the margin, and a lead of
   `WORTHWHILE` or more is excluded for each (one-sided), but for those that were stopped early for being behind. When
   that cannot be excluded the study was too small for a no: `unsure`.
3. *Families.* The primary comparison is weights against prompt. `both` wins if it beats each of the two alone, at half
   the level where there are two: it is a second look, and together with the primary comparison false wins stay at
   about 5%. Otherwise the winner of the primary comparison wins.
4. `tied` when weights and prompt are equivalent within the margin (two one-sided tests), `unsure` in every other case.
   A method with chance in it that has one seed wins nothing: one seed speaks of one adapter, not of a method. Where
   prompt or weights were tried and no arm of theirs has a score, nothing else is decided either.
5. *Recommended.* The winner where there is one. With `neither`, the cheapest baseline that is not beaten. Otherwise,
   among the nominees and the best baseline: arms that another beats are out; of the rest the cheapest that lies within
   the margin, or within one standard error of the paired difference, of the highest score (the one-standard-error rule,
   Breiman et al. 1984). Cheap goes by family first (baseline, prompt, weights, both: what needs no training comes
   first), then by tokens a call, then by fitting cost. Doing nothing more expensive needs no proof; but with nothing
   proved, an arm that leads by more than its noise is still the better bet today.
"""

from __future__ import annotations

__all__ = ["decide"]

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from crossover.records import DEFAULT_MARGIN, Arm, Decision, Family, Primary, TaskInfo, TrialRecord, Verdict
from crossover.stats import Comparison, holm
from crossover.verdict.arms import ArmData, gather
from crossover.verdict.more_labels import more_labels
from crossover.verdict.nominate import nominate
from crossover.verdict.pairs import Pairs
from crossover.verdict.quantities import break_even, crossover, detectable, further_test_examples
from crossover.verdict.reasons import explain
from crossover.verdict.standing import CONSTANT_METHODS, WORTHWHILE, Standing, best_baseline, cost

_WON: dict[Family, Decision] = {"prompt": "prompt", "weights": "weights", "both": "both"}


def decide(
    records: Sequence[TrialRecord],
    task: TaskInfo,
    *,
    margin: float = DEFAULT_MARGIN,
    level: float = 0.95,
    precision: str | None = None,
    groups: Mapping[str, str] | None = None,
) -> Verdict:
    """Return what follows from `records`, and from them alone; their order does not matter.

    Args:
        records: all finished trials of one study, failed ones too.
        task: the task as the verdict names it.
        margin: differences up to this, a fraction of 1, do not matter to the user.
        level: of all intervals; 1 - level is the allowed share of false wins.
        precision: what the study declared to be about: arms in another one are compared like all others, but are
            neither nominated nor recommended. None, or one in which nothing was measured: no arm is set apart.
        groups: example id -> group, where test rows belong together: these count together in every interval. An example
            that is not named stands alone.
    """
    arms = gather(records, level=level, groups=groups)
    nomination = nominate(arms, precision=precision)
    standing = Standing(
        arms=arms,
        nomination=nomination,
        baseline=best_baseline(arms, nomination),
        pairs=Pairs(arms, level=level),
        margin=margin,
        level=level,
    )
    decision, unsettled = _decision(standing)
    if standing.unheard():  # nobody wins because the other side's machinery failed
        decision, unsettled = "unsure", None
    recommended = _recommended(standing, decision)
    summaries = tuple(
        _with_format(summary, arm, standing)
        for summary, arm in zip(_with_p_values(standing, recommended), arms, strict=True)
    )
    primary = standing.primary()
    compared = standing.pairs.compare(*primary) if primary else None
    further = further_test_examples(standing, unsettled) if decision == "unsure" else None
    return Verdict(
        decision=decision,
        recommended=recommended.name if recommended else None,
        reasons=explain(standing, decision, recommended, unsettled, further),
        task=task,
        primary=_primary(standing, compared),
        crossover=crossover(standing),
        detectable_difference=detectable(standing, task, primary, compared),
        break_even_calls=break_even(nomination),
        arms=summaries,
        further_test_examples=further,
        margin=margin,
        more_labels=more_labels(standing, recommended),
        unsettled=(unsettled[0].name, unsettled[1].name) if decision == "unsure" and unsettled else None,
    )


def _decision(standing: Standing) -> tuple[Decision, tuple[ArmData, ArmData] | None]:
    """Return the decision and, with `unsure`, the pair of arms that is unsettled."""
    nominees, baseline, primary = standing.nominees, standing.baseline, standing.primary()
    if not nominees:
        return "unsure", None
    ahead = set(nominees)
    if baseline is not None:
        ahead = {family for family, arm in nominees.items() if standing.beats(arm, baseline)}
        if not ahead:
            possible = [arm for arm in standing.in_the_running() if not _excluded(standing, arm, baseline)]
            if not possible:
                return "neither", None
            return "unsure", (max(possible, key=lambda arm: _worth_asking(standing, arm, baseline)), baseline)
    winner = _winning_family(standing, primary, baseline)
    if winner is not None and winner in ahead and not _one_seed(standing, winner, primary):
        return _WON[winner], primary
    if primary is None:
        return "unsure", ((next(iter(nominees.values())), baseline) if baseline else None)
    compared = standing.pairs.compare(*primary)
    if not compared.candidate_only and compared.equivalent(standing.margin):
        return "tied", primary
    if winner is not None and winner not in ahead:
        return "unsure", _open_beside(standing, winner, ahead)
    return "unsure", primary


def _worth_asking(standing: Standing, arm: ArmData, baseline: ArmData) -> tuple[int, float, str]:
    """Order arms by how much one wants to know what would settle them: the surest known, then the furthest ahead."""
    seeds = max(len(one.seeds) for one in standing.nominees.values()) if arm.fixed else len(arm.seeds)
    return seeds, standing.pairs.compare(arm, baseline).difference, arm.name


def _open_beside(standing: Standing, winner: Family, ahead: Container[Family]) -> tuple[ArmData, ArmData] | None:
    """Return what is open where prompt and weights are settled, and the winner does not beat the baseline.

    Where both together beat it, that is whether they beat the winner, too.
    """
    together = standing.together()
    if together is not None and "both" in ahead:
        return together
    return (standing.nominees[winner], standing.baseline) if standing.baseline is not None else None


def _excluded(standing: Standing, arm: ArmData, baseline: ArmData) -> bool:
    """Return whether a nominee does not lead the baseline by anything that matters (rule 2)."""
    found = standing.pairs.compare(arm, baseline)
    if found.interval.high < 0:
        return True
    bound = max(WORTHWHILE, standing.margin)
    return found.difference <= standing.margin and found.p_at_most(bound) < 1 - standing.level


def _winning_family(
    standing: Standing, primary: tuple[ArmData, ArmData] | None, baseline: ArmData | None
) -> Family | None:
    nominees = standing.nominees
    if primary is None:
        return next(iter(nominees)) if baseline is not None else None
    together = nominees.get("both")
    if together is not None:
        alone = [arm for family, arm in nominees.items() if family != "both"]
        if all(standing.beats(together, arm, looks=len(alone)) for arm in alone):
            return "both"
    for first, second in (primary, primary[::-1]):
        if first.family != "both" and standing.beats(first, second):
            return first.family
    return None


def _one_seed(standing: Standing, winner: Family, primary: tuple[ArmData, ArmData] | None) -> bool:
    """Return whether what the winner won was won by, or from, a single seed of a method with chance in it.

    Both together had to beat each alone; another winner the other side of the primary comparison.
    """
    arm = standing.nominees[winner]
    beaten = standing.nominees.values() if winner == "both" else primary or ()
    against = [*beaten, *([standing.baseline] if standing.baseline else [])]
    return any(standing.pairs.compare(arm, other).candidate_only for other in against if other.name != arm.name)


def _recommended(standing: Standing, decision: Decision) -> ArmData | None:
    if decision in ("prompt", "weights", "both"):
        return standing.nominees[decision]
    nominees, baseline = list(standing.nominees.values()), standing.baseline
    if decision == "neither":
        constant = [arm for arm in standing.arms if arm.scored and arm.summary.method in CONSTANT_METHODS]
        candidates = [*constant, *([baseline] if baseline and baseline not in constant else [])]
        rivals = [*candidates, *nominees]
    else:
        candidates = [*nominees, *([baseline] if baseline else [])]
        rivals = candidates
    unbeaten = [
        arm for arm in candidates if not any(standing.beats(o, arm) for o in rivals if o.name != arm.name)
    ] or candidates
    if not unbeaten:
        return None
    best = max(unbeaten, key=lambda arm: (arm.score, arm.name))
    return min((arm for arm in unbeaten if arm is best or _near(standing, best, arm)), key=cost)


def _near(standing: Standing, best: ArmData, arm: ArmData) -> bool:
    found = standing.pairs.compare(best, arm)
    return found.difference <= max(standing.margin, found.standard_error)


def _with_p_values(standing: Standing, recommended: ArmData | None) -> tuple[Arm, ...]:
    """Return all arms with their p-value against the recommended one, Holm-corrected over all arms of the study."""
    if recommended is None:
        return tuple(arm.summary for arm in standing.arms)
    others = [arm for arm in standing.arms if arm.scored and arm.name != recommended.name]
    corrected = holm([standing.pairs.compare(arm, recommended).p for arm in others])
    p_of = {arm.name: p for arm, p in zip(others, corrected, strict=True)}
    return tuple(replace(arm.summary, p_vs_recommended=p_of.get(arm.name)) for arm in standing.arms)


def _with_format(summary: Arm, arm: ArmData, standing: Standing) -> Arm:
    """Return an arm's summary with the share of its gain that is format alone."""
    found = standing.format_share(arm)
    return summary if found is None else replace(summary, format_share=found.share, format_interval=found.interval)


def _primary(standing: Standing, compared: Comparison | None) -> Primary:
    names = {family: arm.name for family, arm in standing.nominees.items()}
    declared = compared is not None and "prompt" in names
    pair = standing.together()
    together = None if pair is None else standing.pairs.compare(*pair)
    return Primary(
        prompt_arm=names.get("prompt"),
        weights_arm=names.get("weights"),
        both_arm=names.get("both"),
        difference=compared.difference if compared and declared else None,
        interval=compared.interval if compared and declared else None,
        p=compared.p if compared and declared else None,
        both_gain=None if together is None else together.difference,
        both_interval=None if together is None else together.interval,
    )
