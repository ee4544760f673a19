"""TRUST.md's first table in short form: from simulated trial records through nomination and correction to a decision.

`python -m benchmarks.validity` runs the long form. The bounds here allow for two standard errors of the smaller count.
"""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest

from benchmarks.promises.deciding import SEED_SDS, SIZES
from benchmarks.validity import PARTS
from crossover.stats import examples_needed
from crossover.verdict import decide
from crossover.verdict.simulation import false_wins, run_studies, two_arms, usual_arms
from crossover.verdict.synthetic import SyntheticArm, synthetic_study, synthetic_task

STUDIES = 100


@pytest.mark.parametrize("seed_sd", [0.0, 0.02, 0.04])
@pytest.mark.parametrize("n_test", [100, 500])
def test_no_false_winner(seed_sd: float, n_test: int) -> None:
    bound = 0.06 + 2 * (0.06 * 0.94 / STUDIES) ** 0.5
    assert false_wins(run_studies(usual_arms(seed_sd=seed_sd), n_test=n_test, studies=STUDIES)) <= bound
    assert false_wins(run_studies(two_arms(seed_sd=seed_sd), n_test=n_test, studies=STUDIES)) <= bound


@pytest.mark.trust
@pytest.mark.parametrize("seed_sd", SEED_SDS)
@pytest.mark.parametrize("n_test", SIZES)
def test_no_false_winner_in_2000_studies(seed_sd: float, n_test: int) -> None:
    assert false_wins(run_studies(usual_arms(seed_sd=seed_sd), n_test=n_test, studies=2000)) <= 0.06


@pytest.mark.trust
@pytest.mark.parametrize("seed_sd", [0.0, 0.01, 0.02])
def test_real_gains_are_found_in_2000_studies(seed_sd: float) -> None:
    planned = examples_needed(0.1, 3, seed_sd=seed_sd)
    assert planned is not None
    verdicts = run_studies(usual_arms(0.6, seed_sd=seed_sd, gain=0.1), n_test=planned, studies=2000)
    assert sum(verdict.decision == "weights" for verdict in verdicts) / len(verdicts) >= 0.8


def test_real_gains_are_found() -> None:
    planned = examples_needed(0.1, 3)
    assert planned is not None
    verdicts = run_studies(usual_arms(0.6, seed_sd=0.02, gain=0.1), n_test=planned, studies=STUDIES)
    found = sum(verdict.decision == "weights" for verdict in verdicts) / STUDIES
    assert found >= 0.8 - 2 * (0.8 * 0.2 / STUDIES) ** 0.5


def test_gains_are_found_at_the_usual_size() -> None:
    verdicts = run_studies(usual_arms(0.6, seed_sd=0.02, gain=0.1), n_test=300, studies=STUDIES)
    assert sum(verdict.decision == "weights" for verdict in verdicts) > STUDIES / 2


SHORT = {
    "clusters": 60,
    "one-seed": 60,
    "selection": 60,
    "peeking": 60,
    "leaks": 200,
    "curves": 1,
    "errors": 200,
    "best-of-many": 60,
    "format": 200,
    "more-labels": 100,
}
"""Studies a cell; what is not here has tests of its own above, or in `tests/stats`."""


@pytest.mark.parametrize("part", SHORT)
def test_what_is_promised(part: str) -> None:
    rows = list(PARTS[part](SHORT[part]))
    assert rows
    assert [str(row) for row in rows if row.passed is False] == []


def test_every_promise_has_a_test() -> None:
    assert PARTS.keys() == {*SHORT, "null", "gains", "intervals"}


@pytest.mark.trust
@pytest.mark.parametrize("part", [*SHORT, "intervals"])
def test_what_is_promised_in_long_form(part: str) -> None:
    assert [str(row) for row in PARTS[part](2000) if row.passed is False] == []


def test_groups_that_are_ignored_give_false_wins() -> None:
    """The guard is needed: without it the same studies claim winners that are none."""
    first = next(PARTS["clusters"](60))
    ignored = float(first.number.split("--group ")[1].rstrip("%)"))
    assert first.passed
    assert ignored > 12


def test_a_verdict_is_quick() -> None:
    """8 arms x 2 budgets x 3 seeds x 300 examples; 15 ms on an idle machine, ten times that is a defect."""
    arms = [arm for budget in (32, 64) for arm in _at(budget)]
    records = synthetic_study(arms, n_test=300, seeds=3, generator=np.random.default_rng(0))
    seconds = []
    for _ in range(3):  # the least of three: whatever else the machine does only adds
        started = process_time()
        decide(records, synthetic_task(300))
        seconds.append(process_time() - started)
    assert min(seconds) < 0.15


def _at(budget: int) -> list[SyntheticArm]:
    return [
        SyntheticArm(method=f"{arm.method}-{index}", family=arm.family, budget=budget, score=arm.score)
        for index, arm in enumerate([*usual_arms(seed_sd=0.02), *usual_arms(seed_sd=0.02)[1:2]])
    ]
