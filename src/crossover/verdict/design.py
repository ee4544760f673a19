"""What a study's design can tell before it is run: how often it would be wrong, how often right, how often unsure."""

from __future__ import annotations

__all__ = ["DEFAULT_GAINS", "Outcome", "Simulation", "advice", "simulate"]

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, log2
from typing import get_args

from crossover.errors import OptionError
from crossover.records import DEFAULT_MARGIN, Decision
from crossover.stats import examples_needed
from crossover.verdict.figures import about, percent, plain_points
from crossover.verdict.simulation import BASE_SCORE, WINS, arms_at, run_studies
from crossover.verdict.synthetic import SyntheticArm

DEFAULT_GAINS = (0.0, 0.05, 0.10)
"""Planted differences: none, one that many tests miss, one that should be found."""

POWER = 0.8
"""Share of studies in which a gain is to be found."""

RISE = 0.02
"""What doubling the labels is worth to the arms below the largest budget; it decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of many studies whose truth is known.

    Attributes:
        gain: by which weights, alone and with a prompt, are better than prompts; 0: all are equally good.
        decisions: share of each decision.
        right: share that says what is true: weights with a gain beyond the margin, tied within it.
        wrong: share that claims what is not: another winner than weights, a win where there is none, a tie or a
            "neither" beside a gain that matters.
        undecided: the rest: unsure, or not saying that there is a difference too small to matter.
        test_rows_needed: test rows at which such a gain is found in four studies of five, by the planner; None where
            there is no gain beyond the margin, or where only more seeds could do it.
    """

    gain: float
    decisions: Mapping[Decision, float]
    right: float
    wrong: float
    undecided: float
    test_rows_needed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A design and its outcomes, one for each planted gain.

    Attributes:
        test_size: test rows.
        seeds: on all sides.
        budgets: label budgets; the decision is made at the largest.
        seed_sd: standard deviation of an arm's score between seeds, a fraction of 1.
        margin: differences up to it count as none.
        studies: simulated for each gain.
        outcomes: by rising gain.
    """

    test_size: int
    seeds: int
    budgets: tuple[int, ...]
    seed_sd: float
    margin: float
    studies: int
    outcomes: tuple[Outcome, ...]


def simulate(
    *,
    test_size: int = 500,
    seeds: int = 3,
    budgets: Sequence[int] = (64,),
    gains: Sequence[float] = DEFAULT_GAINS,
    seed_sd: float = 0.02,
    margin: float = DEFAULT_MARGIN,
    studies: int = 500,
) -> Simulation:
    """Put the whole decision procedure to many studies of known truth: no model, no data, the same at every call.

    At each budget above 0 there are a baseline, three prompts, two weights arms and both together, at budget 0 a
    prompt. At the largest budget weights are `gain` better than prompts; both together are as good as weights alone. At
    the others all fall off alike, and the gain shrinks with the labels' logarithm.

    Args:
        test_size: test rows; 500 is what a study takes at most where nobody says otherwise.
        seeds: on all sides.
        budgets: label budgets. The decision is made at the largest; others take time and change little.
        gains: by which weights are better than prompts there, fractions of 1.
        seed_sd: standard deviation of an arm's score between seeds, a fraction of 1.
        margin: differences up to it count as none.
        studies: to simulate for each gain.

    Raises:
        OptionError: a value is not allowed.
    """
    _check(test_size, seeds, budgets, gains, seed_sd, margin, studies)
    budgets = tuple(sorted(set(budgets)))
    outcomes = []
    for place, gain in enumerate(sorted(set(gains))):
        arms = [arm for budget in budgets for arm in _at(budget, budgets[-1], seed_sd=seed_sd, gain=gain)]
        verdicts = run_studies(arms, n_test=test_size, studies=studies, seeds=seeds, start=100 + place, margin=margin)
        counts = Counter(verdict.decision for verdict in verdicts)
        # One seed wins nothing, whatever the test.
        asked = gain > margin and seeds > 1
        needed = examples_needed(gain, seeds, seed_sd=seed_sd, power=POWER) if asked else None
        outcomes.append(_outcome(gain, counts, margin, needed))
    return Simulation(
        test_size=test_size,
        seeds=seeds,
        budgets=budgets,
        seed_sd=seed_sd,
        margin=margin,
        studies=studies,
        outcomes=tuple(outcomes),
    )


def advice(simulation: Simulation) -> str:
    """Return one sentence: what to change so that the smallest of the gains that matter is found, or that it is."""
    if simulation.seeds == 1:
        return "With one seed nothing is claimed of a method, whatever the test: run at least 3 seeds."
    missed = [one for one in simulation.outcomes if one.gain > simulation.margin and one.right < POWER]
    if not missed:
        return f"Each gain beyond the margin is found in at least {percent(POWER)} of such studies."
    least = missed[0]
    found = f"A gain of {plain_points(least.gain)} is found in {percent(least.right)} of such studies"
    if least.test_rows_needed is None:
        return f"{found}; seeds vary too much for any test to find it in {percent(POWER)}: run more seeds."
    if least.test_rows_needed <= simulation.test_size:
        return f"{found}: more test rows or more seeds would find it more often."
    have = f"{simulation.test_size:,}"
    return f"{found}: about {about(least.test_rows_needed)} test rows would find it in {percent(POWER)} (have {have})."


def _at(budget: int, largest: int, *, seed_sd: float, gain: float) -> list[SyntheticArm]:
    """Return the arms at one budget: prompts rise by `RISE` with each doubling, weights from behind them."""
    highest = BASE_SCORE - max(0.0, gain - 0.2)
    missing = log2((largest + 1) / (budget + 1))
    score = max(0.3, highest - RISE * missing)
    if budget == 0:
        return [SyntheticArm(method="zero-shot", family="prompt", budget=0, score=score, seed_sd=0.0)]
    share = log(budget + 1) / log(largest + 1)
    return arms_at(budget, score, seed_sd=seed_sd, gain=gain * share if gain else 0.0)


def _outcome(gain: float, counts: Counter[Decision], margin: float, needed: int | None) -> Outcome:
    studies = sum(counts.values())
    shares = {decision: counts[decision] / studies for decision in get_args(Decision)}
    if gain == 0:
        right = shares["tied"]
        wrong = sum(shares[win] for win in WINS) + shares["neither"]
    elif gain <= margin:  # a difference that is there, and does not matter: to find it or not is both true
        right = shares["tied"] + shares["weights"]
        wrong = shares["prompt"] + shares["both"] + shares["neither"]
    else:
        right = shares["weights"]
        wrong = shares["prompt"] + shares["both"] + shares["tied"] + shares["neither"]
    return Outcome(
        gain=gain,
        decisions=shares,
        right=right,
        wrong=wrong,
        undecided=shares["unsure"],
        test_rows_needed=needed,
    )


def _check(
    test_size: int,
    seeds: int,
    budgets: Sequence[int],
    gains: Sequence[float],
    seed_sd: float,
    margin: float,
    studies: int,
) -> None:
    _within("--test-size", test_size, 5, 100_000)
    _within("--seeds", seeds, 1, 100)
    _within("--studies", studies, 10, 100_000)
    _within("--seed-sd", 100 * seed_sd, 0, 20, "points")
    _within("--margin", 100 * margin, 0, 50, "points")
    if not budgets or max(budgets) < 1 or min(budgets) < 0:
        raise OptionError(
            f"--budgets {','.join(map(str, budgets))} has no budget at which there is something to compare.",
            "allowed: 0 and more, one of them at least 1",
        )
    for gain in gains:
        _within("--gain", 100 * gain, 0, 60, "points")
    if not gains:
        raise OptionError("--gain names none.", "write points with commas between: --gain 0,5,10")


def _within(option: str, value: float, least: float, most: float, unit: str = "") -> None:
    if not least <= value <= most:
        raise OptionError(f"{option} {value:g} is not possible.", f"allowed: {least:,g} to {most:,g} {unit}".rstrip())
