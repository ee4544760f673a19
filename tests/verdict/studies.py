"""Hand-made studies: exact counts of right answers, so that every figure in a sentence can be checked by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crossover.records import (
    ExampleResult,
    Family,
    Latency,
    Measurement,
    TaskInfo,
    TrialKey,
    TrialRecord,
)


def task(n_test: int = 100, metric: str = "accuracy") -> TaskInfo:
    return TaskInfo(
        name="tickets",
        kind="classification",
        metric=metric,
        n_train=366,
        n_test=n_test,
        labels=("billing", "refund"),
        data_sha256="ab" * 32,
    )


def trial(
    method: str,
    family: Family,
    budget: int,
    seed: int,
    right: Sequence[bool],
    *,
    dev: float | None = None,
    lenient: Sequence[bool] | None = None,
    missing: int = 0,
    precision: str = "fp32",
    model: str = "tiny",
    prompt_tokens: int = 40,
    fit_seconds: float = 0.0,
    retention: float | None = None,
    wording: str = "",
) -> TrialRecord:
    """Return one trial; the first `missing` answers are lost to the machinery."""
    read = right if lenient is None else lenient
    results = tuple(
        ExampleResult(
            example_id=f"test:{index}",
            answer=None if index < missing else "refund",
            score=None if index < missing else float(score),
            lenient_score=None if index < missing else float(read[index]),
            prompt_tokens=prompt_tokens,
            output_tokens=1,
            error="timeout" if index < missing else None,
        )
        for index, score in enumerate(right)
    )
    baseline = family == "baseline"
    return TrialRecord(
        key=TrialKey(
            method=method,
            budget=budget,
            seed=seed,
            model="" if baseline else model,
            precision="" if baseline else precision,
            wording=wording,
        ),
        family=family,
        dev_score=dev,
        labels_used=budget,
        token_passes=round(400 * fit_seconds),
        fit_seconds=fit_seconds,
        measurement=Measurement(
            results=results,
            latency=Latency(p50=prompt_tokens / 2, p95=prompt_tokens),
            seconds=1.0,
            retention=retention,
        ),
    )


def answers(score: float, n: int, *, arm: int, seed: int) -> list[bool]:
    """Return `n` answers of which a share of `score` is right: the easier ones rather than the harder, not always."""
    hardness = np.random.default_rng(n).normal(size=n) + 0.7 * np.random.default_rng([n, arm]).normal(size=n)
    order = np.argsort(hardness + 0.8 * np.random.default_rng([n, arm, seed]).normal(size=n))
    right = set(order[: round(score * n)].tolist())
    return [index in right for index in range(n)]


def arm(
    method: str,
    family: Family,
    score: float,
    *,
    budget: int = 64,
    n: int = 100,
    seeds: int = 3,
    dev: float | None = None,
    prompt_tokens: int = 40,
    fit_seconds: float = 0.0,
    retention: float | None = None,
) -> list[TrialRecord]:
    """Return an arm's trials; its seeds lie a point apart and have the mean `score`."""
    return [
        trial(
            method,
            family,
            budget,
            seed,
            answers(score + 0.01 * (seed - (seeds - 1) / 2), n, arm=sum(map(ord, method)), seed=seed),
            dev=dev,
            prompt_tokens=prompt_tokens,
            fit_seconds=fit_seconds,
            retention=retention,
        )
        for seed in range(seeds)
    ]


def usual(n: int = 200, /, **scores: float) -> list[TrialRecord]:
    """Return the study of the sketches: baselines, a prompt, weights, both; `scores` by name with _ for -."""
    score = {"majority": 0.2, "linear": 0.4, "knn": 0.55, "lora": 0.78, "both": 0.79} | scores
    return [
        *arm("majority", "baseline", score["majority"], budget=0, n=n, seeds=1, prompt_tokens=0),
        *arm("linear", "baseline", score["linear"], n=n, prompt_tokens=0),
        *arm("knn-few-shot", "prompt", score["knn"], n=n, dev=0.5, prompt_tokens=171, fit_seconds=4),
        *arm("lora", "weights", score["lora"], n=n, dev=0.7, prompt_tokens=38, fit_seconds=58, retention=0.982),
        *arm("lora+few-shot", "both", score["both"], n=n, dev=0.7, prompt_tokens=171, fit_seconds=80),
    ]
