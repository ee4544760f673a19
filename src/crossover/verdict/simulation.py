"""The whole decision procedure on studies of known truth: how often a design would be wrong, and how often unsure.

Trial records are drawn (`crossover.verdict.synthetic`) and go through nomination, both variance components, pooling,
correction and the rules: nothing of `decide` is left out or imitated.
"""

from __future__ import annotations

__all__ = [
    "DEFAULT_GAINS",
    "WINS",
    "Outcome",
    "Simulation",
    "advice",
    "false_wins",
    "run_studies",
    "simulate_studies",
    "study_number",
    "two_arms",
    "usual_arms",
]

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, log2
from typing import get_args

import numpy as np

from crossover.records import DEFAULT_MARGIN, Decision, TrialRecord, Verdict
from crossover.stats import examples_needed
from crossover.verdict.decide import decide
from crossover.verdict.figures import about, percent, plain_points
from crossover.verdict.synthetic import DEV_ROWS, SyntheticArm, synthetic_study, synthetic_task

WINS: tuple[Decision, ...] = ("prompt", "weights", "both")
DEFAULT_GAINS = (0.0, 0.05, 0.10)
"""Planted differences: none, one that many tests miss, one that should be found."""

BASE_SCORE = 0.7
"""What prompts reach in a simulated study: where most of the first verdicts lie, and scores vary much."""

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


def usual_arms(score: float = BASE_SCORE, *, seed_sd: float, gain: float = 0.0) -> list[SyntheticArm]:
    """Return a study's usual arms: a weak baseline, three prompts, two weights arms (`gain` better) and, where there is
    no gain, both together.
    """
    rows = _arms(score, 64, seed_sd=seed_sd, gain=gain)
    return rows if gain == 0 else rows[:-1]


def two_arms(score: float = BASE_SCORE, *, seed_sd: float) -> list[SyntheticArm]:
    """Return the smallest study: nothing to pool with."""
    return [arm for arm in usual_arms(score, seed_sd=seed_sd) if arm.method in ("majority", "knn-few-shot", "lora")]


def _arms(score: float, budget: int, *, seed_sd: float, gain: float) -> list[SyntheticArm]:
    weights = score + gain

    def prompt(method: str, tokens: int) -> SyntheticArm:
        return SyntheticArm(
            method=method, family="prompt", budget=budget, score=score, seed_sd=seed_sd, prompt_tokens=tokens
        )

    return [
        SyntheticArm(method="majority", family="baseline", budget=budget, score=max(0.05, score - 0.4), seed_sd=0.0),
        prompt("knn-few-shot", 170),
        prompt("few-shot", 150),
        prompt("zero-shot", 40),
        SyntheticArm(method="head", family="weights", budget=budget, score=weights, seed_sd=seed_sd),
        SyntheticArm(method="lora", family="weights", budget=budget, score=weights, seed_sd=seed_sd, fit_tokens=24_000),
        SyntheticArm(
            method="lora+few-shot", family="both", budget=budget, score=weights, seed_sd=seed_sd, fit_tokens=40_000
        ),
    ]


def run_studies(
    arms: Sequence[SyntheticArm],
    *,
    n_test: int,
    studies: int,
    seeds: int = 3,
    start: int = 0,
    margin: float = DEFAULT_MARGIN,
) -> list[Verdict]:
    """Return the verdicts of `studies` independent studies; the same at every call."""
    task = synthetic_task(n_test)
    return [
        decide(study_number(index, arms, n_test=n_test, seeds=seeds, start=start), task, margin=margin)
        for index in range(studies)
    ]


def study_number(
    index: int, arms: Sequence[SyntheticArm], *, n_test: int, seeds: int = 3, start: int = 0, dev_rows: int = DEV_ROWS
) -> list[TrialRecord]:
    """Return one study's records: those of the same number are the same at every call."""
    generator = np.random.default_rng([start, index])
    return synthetic_study(arms, n_test=n_test, seeds=seeds, generator=generator, dev_rows=dev_rows)


def false_wins(verdicts: Sequence[Verdict]) -> float:
    """Return the share that claims a winner."""
    return sum(verdict.decision in WINS for verdict in verdicts) / len(verdicts)


def simulate_studies(
    *,
    test_size: int = 500,
    seeds: int = 3,
    budgets: Sequence[int] = (64,),
    gains: Sequence[float] = DEFAULT_GAINS,
    seed_sd: float = 0.02,
    margin: float = DEFAULT_MARGIN,
    studies: int = 500,
) -> Simulation:
    """Simulate a design; the arguments are those of `Simulation`, and its result is the same at every call.

    At each budget above 0 there are a baseline, three prompts, two weights arms and both together, at budget 0 a
    prompt. At the largest budget weights are `gain` better than prompts; both together are as good as weights alone. At
    the others all fall off alike, and the gain shrinks with the labels' logarithm.
    """
    budgets = tuple(sorted(set(budgets)))
    outcomes = []
    for place, gain in enumerate(sorted(set(gains))):
        arms = [arm for budget in budgets for arm in _at(budget, budgets[-1], seed_sd=seed_sd, gain=gain)]
        verdicts = run_studies(arms, n_test=test_size, studies=studies, seeds=seeds, start=100 + place, margin=margin)
        counts = Counter(verdict.decision for verdict in verdicts)
        needed = examples_needed(gain, seeds, seed_sd=seed_sd, power=POWER) if gain > margin else None
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
    return _arms(score, budget, seed_sd=seed_sd, gain=gain * share if gain else 0.0)


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
