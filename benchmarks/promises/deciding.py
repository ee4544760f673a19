"""No false winner, with and without groups; real gains found; one lucky seed; no peeking; the best of many."""

from __future__ import annotations

__all__ = ["SEED_SDS", "SIZES", "best_of_many", "clusters", "gains", "null", "one_seed", "peeking"]

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.stats import binomtest, ttest_1samp

from benchmarks.promises.row import Row, at_least, at_most, near
from crossover.stats import examples_needed
from crossover.verdict import decide
from crossover.verdict.simulation import WINS, false_wins, run_studies, study_number, two_arms, usual_arms
from crossover.verdict.synthetic import SyntheticArm, draw_scores, synthetic_study, synthetic_task

SEED_SDS = (0.0, 0.01, 0.02, 0.04)
SIZES = (100, 500, 2000)
FALSE_WINS = 0.06


def null(studies: int) -> Iterator[Row]:
    """All arms equal: whoever wins, wins falsely. Also with two arms only (nothing to pool with), and with one arm
    whose seeds vary by 4 points.
    """
    for seed_sd in SEED_SDS:
        usual = usual_arms(seed_sd=seed_sd)
        wild = [replace(arm, seed_sd=0.04 if arm.method == "lora" else arm.seed_sd) for arm in usual]
        sets = (("usual arms", usual), ("two arms", two_arms(seed_sd=seed_sd)), ("one arm varies by 4", wild))
        for n_test in SIZES:
            for start, (name, arms) in enumerate(sets, start=1):
                share = false_wins(run_studies(arms, n_test=n_test, studies=studies, start=start))
                case = f"{name}, seed SD {100 * seed_sd:.0f}, n {n_test}"
                yield at_most("no false winner", case, share, FALSE_WINS, studies)


def clusters(studies: int) -> Iterator[Row]:
    """All arms equal, test rows in groups of 1 to 12 that are alike: counted together, and as if each stood alone."""
    for groups in (30, 100):
        known = ignored = 0
        for index in range(studies):
            generator = np.random.default_rng([8, groups, index])
            belongs = np.repeat(np.arange(groups), generator.integers(1, 13, groups))
            records = synthetic_study(
                usual_arms(seed_sd=0.01), n_test=belongs.size, seeds=3, generator=generator, clusters=belongs
            )
            task = synthetic_task(belongs.size)
            named = {f"test:{row}": f"group {group}" for row, group in enumerate(belongs.tolist())}
            known += decide(records, task, groups=named).decision in WINS
            ignored += decide(records, task).decision in WINS
        beside = f" (without --group {ignored / studies:.1%})"
        yield at_most("no false winner", f"{groups} groups of alike rows", known / studies, FALSE_WINS, studies, beside)


def gains(studies: int) -> Iterator[Row]:
    """+10 points planted in the weights arms, at the number of test rows that the planner names."""
    for seed_sd in SEED_SDS:
        planned = examples_needed(0.10, 3, seed_sd=seed_sd)
        if planned is None or planned > 3000:
            case = f"+10 points, seed SD {100 * seed_sd:.0f}"
            asks = "more seeds" if planned is None else f"{planned:,} rows"
            yield Row(promise="real gains are found", case=case, number=f"the planner asks for {asks}", bound="",
                      passed=None)  # fmt: skip
            continue
        verdicts = run_studies(usual_arms(0.6, seed_sd=seed_sd, gain=0.1), n_test=planned, studies=studies, start=4)
        found = sum(verdict.decision == "weights" for verdict in verdicts) / studies
        wrong = sum(verdict.decision == "prompt" for verdict in verdicts) / studies
        case = f"+10 points, seed SD {100 * seed_sd:.0f}, n {planned}"
        yield at_least("real gains are found", case, found, 0.8, studies, f" (wrong way {wrong:.1%})")


def one_seed(studies: int) -> Iterator[Row]:
    """One seed on each side, all equal: nothing may be claimed of a method; McNemar's test would claim much."""
    wins = mcnemar = 0
    for index in range(studies):
        records = study_number(index, two_arms(seed_sd=0.02), n_test=500, seeds=1, start=5)
        wins += decide(records, synthetic_task(500)).decision in WINS
        sides = [[r.score for r in record.measurement.results] for record in records[1:] if record.measurement]
        first, second = (np.array(side, dtype=np.float64) for side in sides)
        apart = int((first != second).sum())
        mcnemar += apart > 0 and binomtest(int((first > second).sum()), apart).pvalue < 0.05
    yield at_most("one lucky seed", "seed SD 2, n 500", wins / studies, 0.0, studies,
                  f" (McNemar {mcnemar / studies:.1%})")  # fmt: skip


def peeking(studies: int) -> Iterator[Row]:
    """A test read every 20 rows up to 400, stopped at p < .05, and the study's one look at all 400 of them."""
    generator = np.random.default_rng(12)
    arms = [draw_scores(0.7, 0.0, repeats=studies, seeds=1, n_test=400, generator=generator).scores for _ in range(2)]
    differences = (arms[0] - arms[1])[:, 0]
    stops = np.array([
        [ttest_1samp(row[:n], 0).pvalue < 0.05 if np.ptp(row[:n]) else False for n in range(20, 401, 20)]
        for row in differences
    ])  # fmt: skip
    verdicts = run_studies(usual_arms(seed_sd=0.0), n_test=400, studies=studies, start=13)
    share, peeked = false_wins(verdicts), float(stops.any(axis=1).mean())
    yield at_most("no peeking", "one look at 400 rows", share, FALSE_WINS, studies, f" (20 looks {peeked:.1%})")


def best_of_many(studies: int) -> Iterator[Row]:
    """Six equal arms a family, nominated by dev score: the primary pair's difference has mean 0."""
    arms = [
        SyntheticArm(method=f"{family}-{index}", family=family, budget=64, score=0.7)
        for family in ("prompt", "weights")
        for index in range(6)
    ]
    verdicts = run_studies(arms, n_test=300, studies=studies, start=6)
    found = [100 * (verdict.primary.difference or 0.0) for verdict in verdicts]
    error = float(np.std(found)) / len(found) ** 0.5
    yield near("the best of many", "12 equal arms, primary difference", float(np.mean(found)), error, 0.3)
