"""An honest page, an honest terminal and an honest diff of every odd study: no exception, no winner that is not one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from crossover.records import Example, TrialRecord, Verdict
from crossover.report.differing import diff_text
from crossover.report.markdown import render as markdown
from crossover.report.page import Provenance, render
from crossover.report.terminal import report_text
from crossover.verdict import Differing, decide, diff_to_json, headline
from crossover.verdict.sides import compared_arms
from crossover.verdict.synthetic import SyntheticArm, synthetic_study, synthetic_task
from tests.report.test_page import MAX_BYTES, Reader
from tests.report.test_terminal import printed

ARMS = (
    SyntheticArm(method="majority", family="baseline", budget=0, score=0.5),
    SyntheticArm(method="zero-shot", family="prompt", budget=0, score=0.5),
    SyntheticArm(method="few-shot", family="prompt", budget=64, score=0.5),
    SyntheticArm(method="lora", family="weights", budget=64, score=0.5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """Trials as they could come, with their verdict."""

    records: tuple[TrialRecord, ...]
    verdict: Verdict
    examples: Mapping[str, Example]


def odd(
    arms: Sequence[SyntheticArm] = ARMS,
    *,
    n: int = 60,
    seeds: int = 3,
    labels: Sequence[str] = ("a", "b"),
    text: Callable[[int], str] = lambda n: f"question {n}",
    change: Callable[[TrialRecord], TrialRecord] = lambda record: record,
) -> Odd:
    records = tuple(
        change(record) for record in synthetic_study(arms, n_test=n, seeds=seeds, generator=np.random.default_rng(7))
    )
    ids = [f"test:{place}" for place in range(n)]
    for record in records:
        if record.measurement is not None:
            ids = [result.example_id for result in record.measurement.results]
    task = replace(synthetic_task(n), labels=tuple(labels))
    examples = {
        key: Example(id=key, inputs={"text": text(place)}, target=labels[place % len(labels)], row=place + 2)
        for place, key in enumerate(ids)
    }
    return Odd(records=records, verdict=decide(records, task), examples=examples)


def failing(method: str) -> Callable[[TrialRecord], TrialRecord]:
    def fail(record: TrialRecord) -> TrialRecord:
        gone = record.key.method == method and record.key.seed < 2
        return replace(record, measurement=None, error="out of memory") if gone else record

    return fail


def unanswered(record: TrialRecord) -> TrialRecord:
    if record.key.method != "lora" or record.measurement is None:
        return record
    results = tuple(
        replace(result, answer=None, score=None, lenient_score=None, error="timeout")
        for result in record.measurement.results
    )
    return replace(record, measurement=replace(record.measurement, results=results))


def answered_by_label(record: TrialRecord) -> TrialRecord:
    assert record.measurement is not None
    results = tuple(
        replace(result, answer=f"label {(place if result.score else place + 1) % 151}", margin=0.4 + place % 5)
        for place, result in enumerate(record.measurement.results)
    )
    return replace(record, measurement=replace(record.measurement, results=results))


def all_failed(record: TrialRecord) -> TrialRecord:
    return replace(record, measurement=None, error="out of memory")


ODD: dict[str, Callable[[], Odd]] = {
    "failed cells": lambda: odd(change=failing("lora")),
    "every cell failed": lambda: odd(change=all_failed),
    "an arm without an answer": lambda: odd(change=unanswered),
    "one seed": lambda: odd(seeds=1),
    "a test of 10": lambda: odd(n=10),
    "a test of 1": lambda: odd(n=1),
    "two arms": lambda: odd(ARMS[1:4:2]),
    "one arm": lambda: odd(ARMS[3:]),
    "all at chance": odd,
    "all wrong": lambda: odd([replace(arm, score=0.0) for arm in ARMS]),
    "all right": lambda: odd([replace(arm, score=1.0) for arm in ARMS]),
    "151 labels": lambda: odd(n=453, labels=[f"label {n}" for n in range(151)], change=answered_by_label),
    "long examples": lambda: odd(n=300, text=lambda n: f'{n} "<&' * 2000),
    "long examples in three bytes": lambda: odd(n=300, text=lambda n: f"{n}" + "語" * 10_000),
    "written answers": lambda: odd(labels=("x" * 5000, "y")),
    "no examples": lambda: replace(odd(), examples={}),
}


@pytest.mark.parametrize("name", ODD)
def test_the_page_is_honest(name: str) -> None:
    study = ODD[name]()
    provenance = Provenance(study="odd", created="today", command="crossover run odd.csv")
    page = render(study.verdict, study.records, provenance=provenance, examples=study.examples)
    found = Reader(page)
    assert " ".join(headline(study.verdict).split()) in found.text
    assert len(page.encode()) < MAX_BYTES
    assert "NaN" not in found.scripts[0]
    assert "nan" not in found.text.split()
    hidden = render(study.verdict, study.records, provenance=provenance, examples=study.examples, texts=False)
    assert "question 7" not in hidden
    assert "row-table" not in Reader(hidden).text


@pytest.mark.parametrize("name", [name for name in ODD if name not in {"two arms", "long examples"}])
def test_no_winner_that_is_not_one(name: str) -> None:
    verdict = ODD[name]().verdict
    assert verdict.decision not in {"prompt", "weights", "both"}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("width", [80, 40])
def test_the_terminal_is_honest(name: str, width: int) -> None:
    study = ODD[name]()
    differing = Differing(study.records, tuple(study.examples.values()), labels=study.verdict.task.labels)
    arms = [arm.arm for arm in compared_arms(study.verdict)]
    diff = differing.diff(arms[0], arms[1]) if len(arms) > 1 else None
    text = printed(report_text(study.verdict, study="odd", diff=diff, checks=("60 rows",)), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "nan" not in text.split()
    assert "60 rows" in text
    if diff is not None:
        shown = printed(diff_text(diff), width=width)
        assert max(map(len, shown.splitlines())) <= width
        json.dumps(diff_to_json(diff), allow_nan=False)
        assert "| method |" in markdown(study.verdict, diff=diff)


def test_the_order_is_the_page_s() -> None:
    study = odd()
    arms = [arm.arm for arm in compared_arms(study.verdict)]
    diff = Differing(study.records, tuple(study.examples.values())).diff(arms[0], arms[1])
    text = printed(report_text(study.verdict, study="odd", diff=diff, checks=("60 rows",)), width=80)
    places = [text.index(part) for part in ("Cannot tell", "method ", "Where they differ", "60 rows", "crossover pack")]
    assert places == sorted(places)


def test_without_texts_no_page_holds_a_word_of_the_rows() -> None:
    def said(record: TrialRecord) -> TrialRecord:
        assert record.measurement is not None
        results = tuple(replace(result, answer="SENTINEL answer") for result in record.measurement.results)
        return replace(record, measurement=replace(record.measurement, results=results))

    study = odd(text=lambda n: f"SENTINEL {n}", change=said)
    rows = {
        key: replace(row, inputs={**row.inputs, "kind": f"SENTINEL {row.row % 2}"})
        for key, row in study.examples.items()
    }
    provenance = Provenance(study="odd", created="today", command="crossover run odd.csv")
    assert "SENTINEL" in render(study.verdict, study.records, provenance=provenance, examples=rows)
    page = render(study.verdict, study.records, provenance=provenance, examples=rows, texts=False)
    assert "SENTINEL" not in page
    assert "Where they differ" in page


def test_a_wide_terminal_gives_the_bars_their_whole_length_and_a_narrow_one_what_is_left() -> None:
    verdict = odd().verdict
    bars = [
        printed(report_text(verdict, study="odd", diff=None, checks=()), width=width).count("━") for width in (120, 60)
    ]
    assert bars[0] > bars[1] > 0
