"""A study by hand: eight methods, budgets 0, 16 and 64, three seeds, 120 test rows, all figures invented."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean

from crossover.records import (
    Arm,
    Configuration,
    Crossover,
    Example,
    ExampleResult,
    Family,
    Interval,
    Latency,
    Measurement,
    Primary,
    TaskInfo,
    TrialKey,
    TrialRecord,
    Verdict,
)
from crossover.report.provenance import Provenance

N_TEST = 120
LABELS = (
    "refund_status",
    "cancel_order",
    "change_address",
    "track_parcel",
    "invoice_copy",
    "login_problem",
    "damaged_item",
    "talk_to_person",
)
MODEL = "smollm2-135m"

# method -> family, score by budget, fit seconds by budget, milliseconds a call, tokens a call
METHODS: Mapping[str, tuple[Family, Mapping[int, float], Mapping[int, float], float, int]] = {
    "majority": ("baseline", {0: 0.21}, {0: 0.0}, 0.0, 0),
    "linear": ("baseline", {16: 0.37, 64: 0.58}, {16: 0.1, 64: 0.12}, 0.12, 0),
    "zero-shot": ("prompt", {0: 0.44}, {0: 0.0}, 31.0, 38),
    "few-shot": ("prompt", {16: 0.5, 64: 0.53}, {16: 3.1, 64: 9.4}, 48.0, 160),
    "knn-few-shot": ("prompt", {16: 0.54, 64: 0.61}, {16: 0.4, 64: 0.9}, 160.0, 171),
    "head": ("weights", {16: 0.49, 64: 0.69}, {16: 1.1, 64: 2.2}, 24.0, 22),
    "lora": ("weights", {16: 0.47, 64: 0.78}, {16: 21.0, 64: 58.0}, 31.0, 38),
    "lora+few-shot": ("both", {16: 0.50, 64: 0.79}, {16: 64.0, 64: 171.0}, 164.0, 173),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a report is made of."""

    verdict: Verdict
    records: tuple[TrialRecord, ...]
    provenance: Provenance
    examples: Mapping[str, Example]


def make_examples(
    text: Callable[[int], str] = lambda n: f"Where is my parcel number {n}, it was due on Monday?",
) -> dict[str, Example]:
    return {
        f"test:{n}": Example(id=f"test:{n}", inputs={"text": text(n)}, target=LABELS[n % len(LABELS)], row=n + 2)
        for n in range(N_TEST)
    }


def make_record(method: str, budget: int, seed: int) -> TrialRecord:
    family, scores, fits, latency, tokens = METHODS[method]
    dice = random.Random(f"{method} {budget} {seed}")
    rate = scores[budget] + (dice.uniform(-0.03, 0.03) if budget else 0.0)
    results = []
    for n in range(N_TEST):
        right = dice.random() < rate
        wanted = LABELS[n % len(LABELS)]
        answer = wanted if right else LABELS[(n + 1 + dice.randrange(6)) % len(LABELS)]
        results.append(
            ExampleResult(
                example_id=f"test:{n}",
                answer=answer,
                score=float(right),
                lenient_score=float(right),
                margin=dice.uniform(0, 3),
                prompt_tokens=tokens,
                output_tokens=2 if tokens else 0,
            )
        )
    return TrialRecord(
        key=TrialKey(
            method=method, budget=budget, seed=seed, model=MODEL if tokens else "", precision="bf16" if tokens else ""
        ),
        family=family,
        source_precision="q4_1" if tokens else None,
        dev_score=rate + 0.02 if budget else None,
        tried=(Configuration(settings={"rank": 16}, dev_score=rate if budget else None, token_passes=900),)
        * (3 if budget else 1),
        labels_used=budget,
        token_passes=1000 * budget,
        fit_seconds=fits[budget],
        measurement=Measurement(
            results=tuple(results),
            latency=Latency(p50=latency, p95=latency * 1.4),
            seconds=4.0,
            peak_memory_mb=812.0 if tokens else 190.0,
        ),
        candidate="9f" * 32,
    )


def make_arm(method: str, budget: int, records: tuple[TrialRecord, ...]) -> Arm:
    own = [r for r in records if (r.key.method, r.key.budget) == (method, budget)]
    family, scores, fits, latency, tokens = METHODS[method]
    score = scores[budget]
    half = 1.96 * (score * (1 - score) / N_TEST) ** 0.5
    devs = [r.dev_score for r in own if r.dev_score is not None]
    return Arm(
        arm=f"{method}@{budget}",
        method=method,
        family=family,
        budget=budget,
        seeds=len(own),
        model=own[0].key.model,
        source_precision=own[0].source_precision,
        precision=own[0].key.precision,
        score=score,
        interval=Interval(low=score - half, high=score + half),
        lenient_score=score,
        missing=0,
        n_test=N_TEST,
        configurations_tried=len(own[0].tried),
        token_passes=1000.0 * budget,
        fit_seconds=fits[budget],
        latency_ms=Latency(p50=latency, p95=latency * 1.4),
        prompt_tokens=tokens,
        output_tokens=2.0 if tokens else 0.0,
        peak_memory_mb=812.0 if tokens else 190.0,
        retention=None,
        p_vs_recommended=None,
        dev_score=fmean(devs) if devs else None,
    )


def make_study() -> Study:
    cells = [(method, budget) for method, (_, scores, *_) in METHODS.items() for budget in scores]
    records = tuple(make_record(method, budget, seed) for method, budget in cells for seed in range(3 if budget else 1))
    verdict = Verdict(
        decision="weights",
        recommended="lora@64",
        reasons=(
            "lora@64 and knn-few-shot@64 were nominated by dev score.",
            "The interval of their difference excludes 0.",
        ),
        task=TaskInfo(
            name="tickets",
            kind="classification",
            metric="accuracy",
            n_train=366,
            n_test=N_TEST,
            labels=LABELS,
            data_sha256="4f0c" * 16,
        ),
        primary=Primary(
            prompt_arm="knn-few-shot@64",
            weights_arm="lora@64",
            both_arm="lora+few-shot@64",
            difference=0.17,
            interval=Interval(low=0.1, high=0.24),
            p=0.0004,
        ),
        crossover=Crossover(
            labels=25.6,
            bound="exact",
            interval=Interval(low=17.1, high=41.4),
            prompt_method="knn-few-shot",
            weights_method="lora",
        ),
        detectable_difference=0.11,
        break_even_calls=420.0,
        arms=tuple(make_arm(method, budget, records) for method, budget in cells),
        further_test_examples=None,
    )
    provenance = Provenance(
        study="tickets-study",
        created="23 November 2026, 14:05 UTC",
        command="crossover run tickets.csv --budgets 0,16,64 --seeds 3",
        versions={"crossover-lm": "0.1.0", "torch": "2.12.0", "transformers": "5.23.0"},
        checks=(
            "486 rows, text → intent, 8 labels (smallest: refund_status, 21 rows)",
            "3 rows without a label set aside",
        ),
        prompts={"zero-shot": "Which intent has this message?\n\nMessage: {text}\nIntent:"},
        model=("smollm2-135m, 4-bit at its source (Q4_1)", "run in bf16 on 2 cores"),
        hashes={"model (sha256)": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
    )
    return Study(verdict=verdict, records=records, provenance=provenance, examples=make_examples())


def with_arms(study: Study, keep: Callable[[Arm], bool]) -> Study:
    """Return the study with only some arms and their records, and without nominations that are gone."""
    arms = tuple(arm for arm in study.verdict.arms if keep(arm))
    names = {arm.arm for arm in arms}
    primary = study.verdict.primary
    kept = replace(
        primary,
        prompt_arm=primary.prompt_arm if primary.prompt_arm in names else None,
        weights_arm=primary.weights_arm if primary.weights_arm in names else None,
        both_arm=primary.both_arm if primary.both_arm in names else None,
    )
    cells = {(arm.method, arm.budget) for arm in arms}
    return replace(
        study,
        verdict=replace(
            study.verdict,
            arms=arms,
            primary=kept,
            recommended=study.verdict.recommended if study.verdict.recommended in names else None,
        ),
        records=tuple(r for r in study.records if (r.key.method, r.key.budget) in cells),
    )
