"""TRUST.md's first table in short form: from simulated trial records through nomination and correction to a decision.

`benchmarks/validity.py` runs the long form. The bounds here allow for two standard errors of the smaller count.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest

from benchmarks.validity import SEED_SDS, SIZES, false_wins, run, two_arms, usual_arms
from crossover.stats import examples_needed
from crossover.verdict import decide
from crossover.verdict.synthetic import SyntheticArm, synthetic_study, synthetic_task

STUDIES = 100


@pytest.mark.parametrize("seed_sd", [0.0, 0.02, 0.04])
@pytest.mark.parametrize("n_test", [100, 500])
def test_no_false_winner(seed_sd: float, n_test: int) -> None:
    bound = 0.06 + 2 * (0.06 * 0.94 / STUDIES) ** 0.5
    assert false_wins(run(usual_arms(seed_sd=seed_sd), n_test=n_test, studies=STUDIES)) <= bound
    assert false_wins(run(two_arms(seed_sd=seed_sd), n_test=n_test, studies=STUDIES)) <= bound


@pytest.mark.trust
@pytest.mark.parametrize("seed_sd", SEED_SDS)
@pytest.mark.parametrize("n_test", SIZES)
def test_no_false_winner_in_2000_studies(seed_sd: float, n_test: int) -> None:
    assert false_wins(run(usual_arms(seed_sd=seed_sd), n_test=n_test, studies=2000)) <= 0.06


@pytest.mark.trust
@pytest.mark.parametrize("seed_sd", [0.0, 0.01, 0.02])
def test_real_gains_are_found_in_2000_studies(seed_sd: float) -> None:
    planned = examples_needed(0.1, 3, seed_sd=seed_sd)
    assert planned is not None
    verdicts = run(usual_arms(0.6, seed_sd=seed_sd, gain=0.1), n_test=planned, studies=2000)
    assert sum(verdict.decision == "weights" for verdict in verdicts) / len(verdicts) >= 0.8


def test_real_gains_are_found() -> None:
    planned = examples_needed(0.1, 3)
    assert planned is not None
    verdicts = run(usual_arms(0.6, seed_sd=0.02, gain=0.1), n_test=planned, studies=STUDIES)
    found = sum(verdict.decision == "weights" for verdict in verdicts) / STUDIES
    assert found >= 0.8 - 2 * (0.8 * 0.2 / STUDIES) ** 0.5


def test_gains_are_found_at_the_usual_size() -> None:
    verdicts = run(usual_arms(0.6, seed_sd=0.02, gain=0.1), n_test=300, studies=STUDIES)
    assert sum(verdict.decision == "weights" for verdict in verdicts) > STUDIES / 2


def test_one_seed_claims_nothing() -> None:
    assert false_wins(run(usual_arms(seed_sd=0.02), n_test=500, studies=30, seeds=1)) == 0


def test_selection_is_not_a_result() -> None:
    """Best of 12 equal arms: the primary difference has mean 0, within three standard errors."""
    arms = [
        SyntheticArm(method=f"{family}-{index}", family=family, budget=64, score=0.7)
        for family in ("prompt", "weights")
        for index in range(6)
    ]
    found = [verdict.primary.difference or 0.0 for verdict in run(arms, n_test=200, studies=STUDIES)]
    assert abs(float(np.mean(found))) <= 3 * float(np.std(found)) / STUDIES**0.5


def test_a_verdict_is_quick() -> None:
    """8 arms x 2 budgets x 3 seeds x 300 examples; 15 ms on an idle machine, ten times that is a defect."""
    arms = [arm for budget in (32, 64) for arm in _at(budget)]
    records = synthetic_study(arms, n_test=300, seeds=3, generator=np.random.default_rng(0))
    seconds = []
    for _ in range(3):  # the least of three: whatever else the machine does only adds
        started = perf_counter()
        decide(records, synthetic_task(300))
        seconds.append(perf_counter() - started)
    assert min(seconds) < 0.15


def _at(budget: int) -> list[SyntheticArm]:
    return [
        SyntheticArm(method=f"{arm.method}-{index}", family=arm.family, budget=budget, score=arm.score)
        for index, arm in enumerate([*usual_arms(seed_sd=0.02), *usual_arms(seed_sd=0.02)[1:2]])
    ]
