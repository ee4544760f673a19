"""Many studies of known truth through the whole decision procedure.

Trial records are drawn (`crossover.verdict.synthetic`) and go through nomination, both variance components, pooling,
correction and the rules: nothing of `decide` is left out or imitated.
"""

from __future__ import annotations

__all__ = [
    "BASE_SCORE",
    "WINS",
    "arms_at",
    "false_wins",
    "run_studies",
    "study_number",
    "two_arms",
    "usual_arms",
]

from collections.abc import Sequence

import numpy as np

from crossover.records import DEFAULT_MARGIN, Decision, TrialRecord, Verdict
from crossover.verdict.decide import decide
from crossover.verdict.synthetic import VALIDATION_ROWS, SyntheticArm, synthetic_study, synthetic_task

WINS: tuple[Decision, ...] = ("prompt", "weights", "both")
BASE_SCORE = 0.7
"""What prompts reach in a simulated study: where most of the first verdicts lie, and scores vary much."""


def usual_arms(score: float = BASE_SCORE, *, seed_sd: float, gain: float = 0.0) -> list[SyntheticArm]:
    """Return a study's usual arms: a weak baseline, three prompts, two weights arms (`gain` better) and, where there is
    no gain, both together.
    """
    rows = arms_at(64, score, seed_sd=seed_sd, gain=gain)
    return rows if gain == 0 else rows[:-1]


def two_arms(score: float = BASE_SCORE, *, seed_sd: float) -> list[SyntheticArm]:
    """Return the smallest study: nothing to pool with."""
    return [arm for arm in usual_arms(score, seed_sd=seed_sd) if arm.method in ("majority", "knn-few-shot", "lora")]


def arms_at(budget: int, score: float, *, seed_sd: float, gain: float) -> list[SyntheticArm]:
    """Return a budget's arms: a weak baseline, three prompts, two weights arms and both together, `gain` better."""
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
    index: int,
    arms: Sequence[SyntheticArm],
    *,
    n_test: int,
    seeds: int = 3,
    start: int = 0,
    validation_rows: int = VALIDATION_ROWS,
) -> list[TrialRecord]:
    """Return one study's records: those of the same number are the same at every call."""
    generator = np.random.default_rng([start, index])
    return synthetic_study(arms, n_test=n_test, seeds=seeds, generator=generator, validation_rows=validation_rows)


def false_wins(verdicts: Sequence[Verdict]) -> float:
    """Return the share that claims a winner."""
    return sum(verdict.decision in WINS for verdict in verdicts) / len(verdicts)
