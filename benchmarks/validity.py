"""How often the verdict is wrong, on studies whose truth is known: TRUST.md's first table, from trial records to
decision.

    python benchmarks/validity.py --studies 2000        the acceptance (most of an hour on one core)
    python benchmarks/validity.py --studies 200 --only null gains

Every study goes through `crossover.verdict.decide`: nomination by dev score, both variance components, pooling,
correction. A false win is a decision for prompt, weights or both when all of these are equally good (a much weaker
baseline takes part, so that only the choice between the families can go wrong).
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from crossover.records import Verdict
from crossover.stats import arm_interval, examples_needed
from crossover.verdict import decide
from crossover.verdict.synthetic import SyntheticArm, draw_scores, synthetic_study, synthetic_task

WINS = ("prompt", "weights", "both")
SEED_SDS = (0.0, 0.01, 0.02, 0.04)
SIZES = (100, 500, 2000)


def usual_arms(score: float = 0.7, *, seed_sd: float, gain: float = 0.0) -> list[SyntheticArm]:
    """Return a study's usual arms: a weak baseline, three prompts, two weights arms (`gain` better) and both
    together.
    """
    weights = score + gain
    rows = [
        SyntheticArm(method="majority", family="baseline", budget=64, score=score - 0.4, seed_sd=0.0),
        SyntheticArm(
            method="knn-few-shot", family="prompt", budget=64, score=score, seed_sd=seed_sd, prompt_tokens=170
        ),
        SyntheticArm(method="few-shot", family="prompt", budget=64, score=score, seed_sd=seed_sd, prompt_tokens=150),
        SyntheticArm(method="zero-shot", family="prompt", budget=64, score=score, seed_sd=seed_sd),
        SyntheticArm(method="head", family="weights", budget=64, score=weights, seed_sd=seed_sd),
        SyntheticArm(method="lora", family="weights", budget=64, score=weights, seed_sd=seed_sd, fit_tokens=24_000),
        SyntheticArm(
            method="lora+few-shot", family="both", budget=64, score=weights, seed_sd=seed_sd, fit_tokens=40_000
        ),
    ]
    return rows if gain == 0 else rows[:-1]


def two_arms(score: float = 0.7, *, seed_sd: float) -> list[SyntheticArm]:
    """Return the smallest study: nothing to pool with."""
    return [arm for arm in usual_arms(score, seed_sd=seed_sd) if arm.method in ("majority", "knn-few-shot", "lora")]


def run(arms: Sequence[SyntheticArm], *, n_test: int, studies: int, seeds: int = 3, start: int = 0) -> list[Verdict]:
    """Return the verdicts of `studies` independent studies; the same at every call."""
    task = synthetic_task(n_test)
    return [
        decide(synthetic_study(arms, n_test=n_test, seeds=seeds, generator=np.random.default_rng([start, index])), task)
        for index in range(studies)
    ]


def false_wins(verdicts: Sequence[Verdict]) -> float:
    return sum(verdict.decision in WINS for verdict in verdicts) / len(verdicts)


def null(studies: int) -> None:
    print("\nfalse wins, all arms equal (at most 6%)")
    print(f"  {'seed SD':>8} {'n':>5}  {'usual':>6} {'2 arms':>7}  {'one wild arm':>12}   decisions of the usual study")
    for seed_sd in SEED_SDS:
        for n_test in SIZES:
            usual = run(usual_arms(seed_sd=seed_sd), n_test=n_test, studies=studies, start=1)
            pair = run(two_arms(seed_sd=seed_sd), n_test=n_test, studies=studies, start=2)
            wild = [
                replace(arm, seed_sd=0.04 if arm.method == "lora" else arm.seed_sd)
                for arm in usual_arms(seed_sd=seed_sd)
            ]
            uneven = run(wild, n_test=n_test, studies=studies, start=3)
            decisions = Counter(verdict.decision for verdict in usual)
            print(
                f"  {100 * seed_sd:>6.0f}pt {n_test:>5}  {false_wins(usual):>6.1%} {false_wins(pair):>7.1%}"
                f"  {false_wins(uneven):>12.1%}   {dict(decisions.most_common())}",
                flush=True,
            )


def gains(studies: int) -> None:
    print("\n+10 points planted in the weights arms: found (at least 80% at the planner's n)")
    for seed_sd in SEED_SDS:
        planned = examples_needed(0.10, 3, seed_sd=seed_sd)
        for n_test in [300, *([planned] if planned is not None and planned <= 3000 else [])]:
            verdicts = run(usual_arms(0.6, seed_sd=seed_sd, gain=0.1), n_test=n_test, studies=studies, start=4)
            found = sum(verdict.decision == "weights" for verdict in verdicts) / len(verdicts)
            wrong = sum(verdict.decision == "prompt" for verdict in verdicts) / len(verdicts)
            print(
                f"  seed SD {100 * seed_sd:.0f}pt, n {n_test:>5}: found {found:.1%}, wrong way {wrong:.1%}", flush=True
            )
        if planned is None or planned > 3000:
            print(f"  seed SD {100 * seed_sd:.0f}pt: the planner asks for {planned or 'more seeds'}")


def one_seed(studies: int) -> None:
    verdicts = run(usual_arms(seed_sd=0.02), n_test=500, studies=studies, seeds=1, start=5)
    print(f"\none seed, seed SD 2pt, n 500: wins claimed {false_wins(verdicts):.1%} (none)")


def selection(studies: int) -> None:
    arms = [
        SyntheticArm(method=f"{family}-{index}", family=family, budget=64, score=0.7)
        for family in ("prompt", "weights")
        for index in range(6)
    ]
    verdicts = run(arms, n_test=300, studies=studies, start=6)
    found = [verdict.primary.difference or 0.0 for verdict in verdicts]
    error = float(np.std(found)) / len(found) ** 0.5
    mean = f"{100 * np.mean(found):+.2f} ± {100 * error:.2f} points"
    print(f"\nbest of 12 equal arms: mean primary difference {mean} (0 ± .3)")


def intervals(studies: int) -> None:
    print("\nan arm's 95% interval covers its expected score (at least 93%)")
    for seeds, seed_sd in ((1, 0.0), (3, 0.0), (3, 0.02), (3, 0.04)):
        cells = []
        for n_test in (30, 100, 400):
            for score in (0.5, 0.8, 0.95):
                generator = np.random.default_rng([7, n_test])
                drawn = draw_scores(score, seed_sd, repeats=studies, seeds=seeds, n_test=n_test, generator=generator)
                covered = [arm_interval(scores).interval for scores in drawn.scores]
                hit = np.mean([found.low <= drawn.expected <= found.high for found in covered])
                cells.append(f"{n_test}/{score:.2f} {hit:.1%}")
        print(f"  {seeds} seeds, SD {100 * seed_sd:.0f}pt:  " + "  ".join(cells), flush=True)


PARTS: dict[str, Callable[[int], None]] = {
    "null": null,
    "gains": gains,
    "one-seed": one_seed,
    "selection": selection,
    "intervals": intervals,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies a cell")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args()
    started = time.monotonic()
    for part in options.only:
        PARTS[part](options.studies)
    print(f"\n{options.studies} studies a cell, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
