"""Leaks are found; a known curve is read right; an error is no wrong answer; a format win is called one."""

from __future__ import annotations

__all__ = ["errors", "format_wins", "known_curves", "leaks"]

import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isclose
from pathlib import Path
from statistics import fmean

import numpy as np

from benchmarks.learning_curves import PUBLISHED, advantages
from benchmarks.promises.row import Row, at_least
from crossover.records import ExampleResult, TrialRecord
from crossover.task import Task
from crossover.verdict import decide
from crossover.verdict.simulation import study_number, usual_arms
from crossover.verdict.synthetic import synthetic_task

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def leaks(studies: int) -> Iterator[Row]:
    """Rows of the training file planted in the test file, as they are and with an edit; labels written into inputs."""
    found = {"exact": 0, "near": 0, "label": 0}
    planted = dict.fromkeys(found, 0)
    with tempfile.TemporaryDirectory() as folder:
        for index in range(max(1, studies // 200)):
            draw = random.Random(index)
            rows = [(_text(draw), "refund" if draw.random() < 0.4 else "shipping") for _ in range(300)]
            exact, near = draw.sample(range(150), 40), draw.sample(range(150, 300), 40)
            test = [(_text(draw), draw.choice(["refund", "shipping"])) for _ in range(100)]
            test += [(f"  {rows[i][0].upper()} !", rows[i][1]) for i in exact]
            test += [(_edited(rows[i][0], draw), rows[i][1]) for i in near]
            task = Task.from_file(_write(folder, "train", rows), test=_write(folder, "test", test))
            found["exact"] += len({102 + i for i in range(40)} & set(task.check.rows("leak")))
            found["near"] += len({142 + i for i in range(40)} & {*task.check.rows("near_leak"),
                                                                 *task.check.rows("leak")})  # fmt: skip
            telling = draw.sample(range(300), 30)
            told = [(f"{text} [{label.title()}]" if i in telling else text, label) for i, (text, label) in
                    enumerate(rows)]  # fmt: skip
            labelled = Task.from_file(_write(folder, "told", told))
            found["label"] += len({i + 2 for i in telling} & set(labelled.check.labels_inside))
            planted = {name: planted[name] + n for name, n in (("exact", 40), ("near", 40), ("label", 30))}
    cases = (("exact", "planted exact", 1.0), ("near", "planted near", 0.95), ("label", "labels inside inputs", 1.0))
    for name, case, bound in cases:
        yield at_least("leaks are found", case, found[name] / planted[name], bound, 10**9)


def _text(draw: random.Random) -> str:
    return " ".join("".join(draw.choices(_LETTERS, k=draw.randint(3, 8))) for _ in range(14))


def _edited(text: str, draw: random.Random) -> str:
    """Return the text with one word changed by a letter and one sign added."""
    words = text.split()
    place = draw.randrange(len(words))
    words[place] = words[place][:-1] + draw.choice(_LETTERS)
    return " ".join(words) + "."


def _write(folder: str, name: str, rows: Sequence[tuple[str, str]]) -> Path:
    path = Path(folder) / f"{name}.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows), encoding="utf-8")
    return path


def known_curves(studies: int) -> Iterator[Row]:
    """Le Scao & Rush 2021, from their own learning curves (`benchmarks/learning_curves.py`)."""
    del studies
    found = advantages()
    for task, published in PUBLISHED.items():
        value = found.get(task)
        yield Row(
            promise="a known curve",
            case=f"{task}, labels that the prompt is worth",
            number="CROSSOVER_BENCH_DATA is not set" if value is None else f"{value.labels:.1f}",
            bound=f"{published.labels} ± 1",
            passed=None if value is None or value.labels is None else abs(value.labels - published.labels) <= 1,
        )


def errors(studies: int) -> Iterator[Row]:
    """5% of one arm's answers lost to the machinery: counted, no score and no nomination; 20% unreadable: scored 0."""
    count = max(10, studies // 20)
    exact = decided = unread = 0
    for index in range(count):
        draw = random.Random(index)
        records = study_number(index, usual_arms(0.6, seed_sd=0.02, gain=0.1), n_test=300, start=16)
        lost = [_spoiled(r, draw, 0.05, _lost) if r.key.method == "lora" else r for r in records]
        missing = sum(x.score is None for r in lost if r.measurement for x in r.measurement.results)
        verdict = decide(lost, synthetic_task(300))
        arm = next(arm for arm in verdict.arms if arm.method == "lora")
        exact += arm.missing == missing and arm.score is None
        decided += arm.arm in (verdict.recommended, verdict.primary.weights_arm)
        garbled = [_spoiled(r, draw, 0.2, _garbled) if r.key.method == "lora" else r for r in records]
        seen, plain = (
            next(arm for arm in decide(found, synthetic_task(300)).arms if arm.method == "lora")
            for found in (garbled, records)
        )
        written = [
            fmean(x.score or 0.0 for x in record.measurement.results)
            for record in garbled
            if record.key.method == "lora" and record.measurement
        ]
        unread += (
            seen.missing == 0
            and seen.lenient_score == plain.lenient_score
            and isclose(seen.score or 0.0, fmean(written), abs_tol=1e-9)
        )
    yield at_least("an error is no answer", "5% lost: counted exactly, no score", exact / count, 1.0, 10**9)
    yield at_least("an error is no answer", "5% lost: no verdict on that arm", 1 - decided / count, 1.0, 10**9)
    yield at_least("an error is no answer", "unreadable: 0 strictly, shown leniently", unread / count, 1.0, 10**9)


def format_wins(studies: int) -> Iterator[Row]:
    """Weights win only because prompts write a quarter of their right answers badly; and win in earnest.

    Read leniently the arms are equal, and by chance a few studies still show a difference: these cannot be called.
    """
    count = max(10, studies // 20)
    called = won = earnest = flagged = 0
    for index in range(count):
        draw = random.Random(index)
        records = study_number(index, usual_arms(0.7, seed_sd=0.01), n_test=500, start=17)
        formed = [_spoiled(r, draw, 0.25, _garbled) if r.family == "prompt" else r for r in records]
        verdict = decide(formed, synthetic_task(500))
        if verdict.decision in ("weights", "both"):
            won += 1
            called += any("is one of format" in reason for reason in verdict.reasons)
        real = decide(
            study_number(index, usual_arms(0.6, seed_sd=0.01, gain=0.15), n_test=500, start=18), synthetic_task(500)
        )
        if real.decision == "weights":
            earnest += 1
            flagged += any("is one of format" in reason for reason in real.reasons)
    yield at_least("a format win is called", f"{won} of {count} won by form", called / max(1, won), 0.90, count)
    yield at_least("a format win is called", f"{earnest} won in earnest: not called", 1 - flagged / max(1, earnest),
                   0.95, count)  # fmt: skip


def _lost(result: ExampleResult) -> ExampleResult:
    return replace(result, answer=None, score=None, lenient_score=None, error="timeout")


def _garbled(result: ExampleResult) -> ExampleResult:
    return replace(result, answer=f"It is {result.answer}", score=0.0)


def _spoiled(record: TrialRecord, draw: random.Random, share: float, spoil: object) -> TrialRecord:
    measured = record.measurement
    assert measured is not None
    assert callable(spoil)
    picked = np.array([draw.random() < share for _ in measured.results])
    results = tuple(spoil(one) if taken else one for one, taken in zip(measured.results, picked, strict=True))
    return replace(record, measurement=replace(measured, results=results))
