"""Intervals cover; selection is not a result; what more labels buy."""

from __future__ import annotations

__all__ = ["intervals", "more_labels", "selection"]

from collections.abc import Iterator

import numpy as np

from benchmarks.promises.row import Row, at_least, near
from crossover.stats import arm_interval
from crossover.verdict import decide
from crossover.verdict.simulation import study_number
from crossover.verdict.synthetic import SyntheticArm, draw_scores, synthetic_task

COVERAGE = 0.93


def intervals(studies: int) -> Iterator[Row]:
    """An arm's 95% interval and its expected score, over other examples and other seeds."""
    for seeds, seed_sd in ((1, 0.0), (3, 0.0), (3, 0.02), (3, 0.04)):
        for n_test in (30, 100, 400):
            for score in (0.5, 0.8, 0.95):
                generator = np.random.default_rng([7, n_test])
                drawn = draw_scores(score, seed_sd, repeats=studies, seeds=seeds, n_test=n_test, generator=generator)
                found = [arm_interval(scores).interval for scores in drawn.scores]
                share = float(np.mean([one.low <= drawn.expected <= one.high for one in found]))
                case = f"p {score:.2f}, n {n_test}, {seeds} seeds, SD {100 * seed_sd:.0f}"
                yield at_least("intervals cover", case, share, COVERAGE, studies)


def selection(studies: int) -> Iterator[Row]:
    """The best of 20 equal prompts by 100 rows: what it was chosen by reads high, what is reported does not."""
    arms = [SyntheticArm(method=f"prompt-{i}", family="prompt", budget=64, score=0.7, seed_sd=0.0) for i in range(20)]
    chosen, reported = [], []
    for index in range(studies):
        records = study_number(index, arms, n_test=300, seeds=1, start=14, validation_rows=100)
        verdict = decide(records, synthetic_task(300))
        nominee = next(arm for arm in verdict.arms if arm.arm == verdict.primary.prompt_arm)
        chosen.append(100 * ((nominee.validation_score or 0.0) - 0.7))
        reported.append(100 * ((nominee.score or 0.0) - 0.7))
    error = float(np.std(reported)) / studies**0.5
    beside = f" (chosen by {np.mean(chosen):+.1f})"
    yield near("selection is no result", "best of 20 on 100 rows", float(np.mean(reported)), error, 0.3, beside)


def more_labels(studies: int) -> Iterator[Row]:
    """What the next 100 labels buy on power laws of known exponent, through the whole verdict."""
    for budgets in ((16, 64), (8, 32, 128)):
        for exponent in (0.1, 0.25, 0.5, 1.0):

            def score(labels: int, c: float = exponent, first: int = budgets[0]) -> float:
                return float(0.9 - 0.5 * ((labels + 1) / (first + 1)) ** -c)

            arms = [SyntheticArm(method="lora", family="weights", budget=b, score=score(b)) for b in budgets]
            truth = score(budgets[-1] + 100) - score(budgets[-1])
            covered = 0
            for index in range(max(10, studies // 5)):
                records = study_number(index, arms, n_test=300, start=15)
                found = decide(records, synthetic_task(300)).more_labels
                covered += found is not None and found.interval.low <= truth <= found.interval.high
            case = f"next 100 after {budgets}, exponent {exponent:g}"
            yield at_least("more labels", case, covered / max(10, studies // 5), 0.9, max(10, studies // 5))
