"""Every method beside every other on public sets: what docs/log.md says of the catalogue, the headline arms and races.

    CROSSOVER_BENCH_DATA=FOLDER python -m benchmarks.methods catalogue --studies FOLDER    all, 64 labels, one seed
    ... headline --studies FOLDER         the strongest of each side, 32 and 128 labels, 3 seeds, 300 test rows
    ... shapes STUDY...                   what the literature says of such arms, in this study's figures
    ... race STUDY...                     the study once more with --race: which trials it would have run

Studies go on where they stopped.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import crossover
from benchmarks.kinds import SETS, task_of
from crossover.api import Study, open_study
from crossover.methods import get_method
from crossover.records import Arm, TrialKey, TrialRecord
from crossover.stats import compare
from crossover.study import Race
from crossover.study.cells import Cell, Validated
from crossover.verdict import decide, headline
from crossover.verdict.arms import ArmData, gather

CATALOGUE = ("trec", "snips_intent")
HEADLINE = ("trec", "sst2", "tweet_emotion")
ARMS = (
    *("majority", "linear", "zero-shot", "few-shot", "knn-few-shot", "prompt-search", "head", "lora"),
    *("lora+few-shot", "prompt-search/lora"),
)
PAIRS = (
    ("prompt-search", "few-shot", "knn-few-shot"),
    ("lora+few-shot", "lora", "few-shot"),
    ("lora+knn-few-shot", "lora", "knn-few-shot"),
    ("prompt-search/lora", "lora", "prompt-search"),
    ("prompt-search/lora/prompt-search", "lora", "prompt-search"),
    ("distill", "few-shot", "knn-few-shot"),
    ("prompt-tuning", "lora", "zero-shot"),
    ("full", "lora"),
    ("head-contrastive", "head", "lora"),
)
"""An arm and what it is held against."""


def run(
    names: Sequence[str], folder: Path, *, methods: Sequence[str], budgets: Sequence[int], seeds: int, rows: int
) -> None:
    """Run a study of each set and print its arms."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            start = time.perf_counter()
            study = crossover.compare(
                task_of(name, rows, Path(scratch)),
                methods=methods,
                budgets=budgets,
                seeds=seeds,
                study=folder / name,
            )
            verdict = study.verdict()
            print(f"{name}: {verdict.task.n_test} test rows, {(time.perf_counter() - start) / 60:.0f} min")
            print(f"  {headline(verdict)}")
            for arm in sorted(verdict.arms, key=lambda arm: (-arm.budget, -(arm.score or 0))):
                print(f"  {_arm(arm)}", flush=True)
            for record in study.records():
                if record.error is not None:
                    print(f"  {record.key.method}@{record.key.budget}: {record.error}")


def _arm(arm: Arm) -> str:
    score = "–   " if arm.score is None else f"{arm.score:.3f}"
    between = f"[{arm.interval.low:.2f}, {arm.interval.high:.2f}]" if arm.interval else ""
    chosen_by = arm.dev_score if arm.validation_score is None else arm.validation_score
    dev = "–  " if chosen_by is None else f"{chosen_by:.2f}"
    call = "" if arm.latency_ms is None else f"{arm.latency_ms.p50:4.0f} ms"
    spent = f"fit {arm.fit_seconds:4.0f} s  {arm.token_passes / 1000:6.0f}k passes"
    return (
        f"{arm.method:32} {arm.budget:4} {score} {between:12} before the test {dev}  {spent}  "
        f"{arm.prompt_tokens:4.0f} tokens {call}  {arm.peak_memory_mb or 0:.0f} MB"
    )


def shapes(study: Study) -> None:
    """Print each pair's difference with its interval, budget by budget."""
    arms = {(arm.summary.method, arm.summary.budget): arm for arm in gather(study.records()) if arm.scored}
    budgets = sorted({budget for _, budget in arms if budget})
    print(study.folder.name)
    for budget in budgets:
        for arm, *others in PAIRS:
            for other in others:
                if (arm, budget) in arms and (other, budget) in arms:
                    print(f"  {budget:4} {_compared(arms[arm, budget], arms[other, budget])}")
    for method in dict.fromkeys(name for name, _ in arms):
        curve = [(b, arms[method, b].summary.score or 0.0) for b in (0, *budgets) if (method, b) in arms]
        if len(curve) > 1:
            print("  " + method + ": " + ", ".join(f"{score:.3f} at {budget}" for budget, score in curve))


def _compared(arm: ArmData, other: ArmData) -> str:
    found = compare(arm.scores, other.scores)
    tokens = arm.summary.prompt_tokens / max(other.summary.prompt_tokens, 1)
    share = (arm.summary.score or 0.0) / max(other.summary.score or 0.0, 1e-9)
    return (
        f"{arm.summary.method} − {other.summary.method}: {100 * found.difference:+.1f} "
        f"[{100 * found.interval.low:+.1f}, {100 * found.interval.high:+.1f}] points, "
        f"{100 * share:.0f}% of its score with {100 * tokens:.0f}% of its prompt tokens"
    )


def race(study: Study) -> None:
    """Print what a race would have run of a finished study, and what it would have said."""
    records = study.records()
    kept = raced(records)
    before, after = study.verdict(), decide(kept, study.verdict().task, precision=study._memo().precision)
    spent = sum(record.token_passes for record in kept) / sum(record.token_passes for record in records)
    print(
        f"{study.folder.name}: {len(kept)} of {len(records)} trials, {100 * spent:.0f}% of the token passes; "
        f"recommended {before.recommended} → {after.recommended}, decision {before.decision} → {after.decision}"
    )


def raced(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that a race would have run."""
    largest = max(record.key.budget for record in records)
    ordered = sorted(records, key=lambda one: (one.key.budget != largest, one.key.budget, one.key.seed))
    cells = [
        Cell(key=r.key, method=get_method(r.key.method), label=r.key.method, validated=_validated(r)) for r in ordered
    ]
    runner, finished = Race(cells), dict[TrialKey, TrialRecord]()
    found: Mapping[TrialKey, TrialRecord] = {record.key: record for record in ordered}
    for cell in cells:
        if runner.reason_against(cell, finished) is None:
            finished[cell.key] = found[cell.key]
    return list(finished.values())


def _validated(record: TrialRecord) -> Validated | None:
    key = record.key
    return Validated(budget=key.budget, seeds=(key.seed,), n=len(record.validation)) if record.validation else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["catalogue", "headline", "shapes", "race"])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--studies", type=Path, default=Path("studies"))
    parser.add_argument("--sets", nargs="+", choices=list(SETS))
    parser.add_argument("--seeds", type=int, help="another number of them: a study goes on with those it lacks")
    given = parser.parse_args()
    if given.what == "catalogue":
        seeds = given.seeds or 1
        run(given.sets or CATALOGUE, given.studies, methods=["all"], budgets=[0, 64], seeds=seeds, rows=200)
    elif given.what == "headline":
        seeds = given.seeds or 3
        run(given.sets or HEADLINE, given.studies, methods=ARMS, budgets=[0, 32, 128], seeds=seeds, rows=300)
    else:
        for folder in given.folders:
            {"shapes": shapes, "race": race}[given.what](open_study(folder))


if __name__ == "__main__":
    main()
