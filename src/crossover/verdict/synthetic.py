"""Studies whose truth is known: trial records drawn from a model, to test the rules that read records."""

from __future__ import annotations

__all__ = ["DEV_ROWS", "VALIDATION_ROWS", "Drawn", "SyntheticArm", "draw_scores", "synthetic_study", "synthetic_task"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from crossover.records import (
    ExampleResult,
    Family,
    Latency,
    Measurement,
    TaskInfo,
    TrialKey,
    TrialRecord,
)

HARDNESS = 0.45
"""Share of what decides an answer that is the example's own hardness, the same for all arms."""
HABIT = 0.25
"""Share that belongs to example and arm: what this method always gets right. The rest is drawn anew for every seed."""
DEV_ROWS = 16
"""Rows that a dev score is read from."""
VALIDATION_ROWS = 128
"""Rows outside a seed's draw that its trials are compared on before the test, as a study has them."""
LOWEST = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticArm:
    """An arm's truth.

    Attributes:
        score: expected score over all examples and seeds, 0..1.
        seed_sd: standard deviation of the score between seeds, a fraction of 1; 0 at budget 0.
        prompt_tokens: a call reads.
        fit_tokens: token passes of its fit.
    """

    method: str
    family: Family
    budget: int
    score: float
    seed_sd: float = 0.02
    prompt_tokens: int = 40
    fit_tokens: int = 0


def synthetic_task(n_test: int) -> TaskInfo:
    """Return the task of a synthetic study: right or wrong, two labels."""
    return TaskInfo(
        name="synthetic",
        kind="classification",
        metric="accuracy",
        n_train=1000,
        n_test=n_test,
        labels=("no", "yes"),
        data_sha256="0" * 64,
    )


def synthetic_study(
    arms: Sequence[SyntheticArm],
    *,
    n_test: int,
    seeds: int,
    generator: np.random.Generator,
    clusters: NDArray[np.intp] | None = None,
    validation_rows: int = VALIDATION_ROWS,
) -> list[TrialRecord]:
    """Return one record for each arm and seed.

    An answer is right when a normal score, part hardness of the example, part habit of the arm, part chance, lies below
    the quantile of the arm's expected score plus its seed's effect (a Gaussian copula). Dev scores come from rows of
    their own, and so do scores on validation rows, which are the same for all arms of a seed. With `clusters`
    [examples], hardness and habits belong to the cluster of an example: its rows are alike.
    """

    def lasting() -> NDArray[np.float32]:
        if clusters is None:
            return generator.standard_normal(n_test, dtype=np.float32)
        return generator.standard_normal(int(clusters.max()) + 1, dtype=np.float32)[clusters]

    hardness = lasting()
    # A stream of its own: with other validation rows the test's answers stay as they were.
    validated = _Validated(generator.spawn(1)[0], seeds, validation_rows)
    records = []
    for arm in arms:
        habit = np.sqrt(HARDNESS) * hardness + np.sqrt(HABIT) * lasting()
        effects = generator.normal(0.0, arm.seed_sd if arm.budget else 0.0, seeds)
        chance = generator.standard_normal((seeds, n_test), dtype=np.float32) if arm.budget else np.zeros((1, n_test))
        spread = np.sqrt(1 - HARDNESS - HABIT) if arm.budget else 0.0
        scale = 1.0 if arm.budget else np.sqrt(HARDNESS + HABIT)
        expected = np.clip(arm.score + effects, LOWEST, 1 - LOWEST)
        bounds = scale * ndtri(expected)
        validation = validated.scores(arm, bounds)
        for seed in range(seeds):
            right = habit + spread * chance[seed % len(chance)] < bounds[seed]
            dev = float(generator.binomial(DEV_ROWS, expected[seed])) / DEV_ROWS if arm.budget else None
            records.append(_record(arm, seed, right, dev, validation[seed]))
    return records


class _Validated:
    """Draws what arms answer on the validation rows: those of a seed have one hardness for all arms."""

    def __init__(self, generator: np.random.Generator, seeds: int, rows: int) -> None:
        self._generator, self._shape = generator, (seeds, rows)
        self._hardness = generator.standard_normal(self._shape, dtype=np.float32)
        self._names = _validation_names(seeds, rows)

    def scores(self, arm: SyntheticArm, bounds: NDArray[np.float64]) -> list[dict[str, float]]:
        """Return each seed's scores by row; an arm without labels answers the rows of all seeds each time."""
        if arm.family == "baseline":
            return [{} for _ in bounds]
        own = np.sqrt(1 - HARDNESS if arm.budget else HABIT)
        drawn = self._generator.standard_normal(self._shape, dtype=np.float32)
        right = np.sqrt(HARDNESS) * self._hardness + own * drawn < bounds[:, None]
        found = [dict(zip(*one, strict=True)) for one in zip(self._names, right.astype(float).tolist(), strict=True)]
        if arm.budget:
            return found
        everywhere = {name: score for scores in found for name, score in scores.items()}
        return [everywhere for _ in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Scores [repeats, seeds, examples] of 0 and 1, and the score that they are expected to have."""

    scores: NDArray[np.float64]
    expected: float


def draw_scores(
    score: float, seed_sd: float, *, repeats: int, seeds: int, n_test: int, generator: np.random.Generator
) -> Drawn:
    """Return many single arms at once, drawn from the same model as a study's."""
    stable = generator.standard_normal((repeats, 1, n_test), dtype=np.float32) * np.sqrt(HARDNESS + HABIT)
    chance = generator.standard_normal((repeats, seeds, n_test), dtype=np.float32) * np.sqrt(1 - HARDNESS - HABIT)
    effects = generator.normal(0.0, seed_sd, (repeats, seeds, 1))
    bounds = ndtri(np.clip(score + effects, LOWEST, 1 - LOWEST))
    many = np.clip(score + generator.normal(0.0, seed_sd, 200_000), LOWEST, 1 - LOWEST)
    return Drawn(scores=(stable + chance < bounds).astype(np.float64), expected=float(many.mean()))


def _record(
    arm: SyntheticArm, seed: int, right: NDArray[np.bool_], dev: float | None, validation: Mapping[str, float]
) -> TrialRecord:
    baseline = arm.family == "baseline"
    outcomes = _outcomes(len(right), arm.prompt_tokens)[right.astype(np.intp), np.arange(len(right))]
    return TrialRecord(
        key=TrialKey(
            method=arm.method,
            budget=arm.budget,
            seed=seed,
            model="" if baseline else "synthetic",
            precision="" if baseline else "fp32",
        ),
        family=arm.family,
        source_precision=None if baseline else "fp32",
        dev_score=dev,
        labels_used=arm.budget,
        token_passes=arm.fit_tokens,
        fit_seconds=arm.fit_tokens / 400,
        measurement=Measurement(
            results=tuple(outcomes.tolist()),
            latency=Latency(p50=10 + 0.5 * arm.prompt_tokens, p95=20 + 0.5 * arm.prompt_tokens),
            seconds=1.0,
        ),
        validation=validation,
    )


@lru_cache(maxsize=32)
def _validation_names(seeds: int, rows: int) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(f"train:{seed}:{row}" for row in range(rows)) for seed in range(seeds))


@lru_cache(maxsize=32)
def _outcomes(n_test: int, prompt_tokens: int) -> NDArray[np.object_]:
    """Return the two possible results of each example [wrong or right, example]: shared, as studies hold very many."""
    found = np.empty((2, n_test), dtype=object)
    for score in (0, 1):
        for index in range(n_test):
            found[score, index] = ExampleResult(
                example_id=f"test:{index}",
                answer="yes" if score else "no",
                score=float(score),
                lenient_score=float(score),
                prompt_tokens=prompt_tokens,
                output_tokens=1,
            )
    return found
