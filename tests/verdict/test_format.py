"""How much of a gain is format alone: from free answers beside constrained ones to sentence and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from crossover.records import Family, TrialRecord
from crossover.report import markdown
from crossover.report.arms import arm_table
from crossover.study.codec import record_from_json, record_to_json
from crossover.verdict import decide, explanation, from_json, to_json
from tests.verdict.studies import answers, task, trial, usual

N = 200


def _free(record: TrialRecord, right: Sequence[bool]) -> TrialRecord:
    assert record.measurement is not None
    results = record.measurement.results
    free = tuple(replace(one, score=float(score)) for one, score in zip(results, right, strict=True))
    return replace(record, measurement=replace(record.measurement, free=free))


def _arm(
    method: str, family: Family, budget: int, held: float, free: float, *, seeds: int = 3, precision: str = "fp32"
) -> list[TrialRecord]:
    """Return an arm's trials: the share of right answers when constrained and when free."""
    return [
        _free(
            trial(method, family, budget, seed, answers(held, N, arm=1, seed=seed), dev=held, precision=precision),
            answers(free, N, arm=1, seed=seed),
        )
        for seed in range(seeds)
    ]


def _study(*, held: float = 0.8, free: float = 0.8) -> list[TrialRecord]:
    """Return a bare prompt that mostly misses the form, and weights that keep it."""
    return [
        *(record for record in usual() if record.family == "baseline"),
        *_arm("zero-shot", "prompt", 0, 0.5, 0.2, seeds=1),
        *_arm("few-shot", "prompt", 64, 0.55, 0.5),
        *_arm("lora", "weights", 64, held, free),
    ]


def test_the_sentence_and_the_figures() -> None:
    verdict = decide(_study(), task(N))
    said = [reason for reason in verdict.reasons if "format alone" in reason]
    assert said == snapshot(
        [
            "Of few-shot@64's gain over zero-shot@0 with free answers, +30 points [+25, +35], 83% [71, 94] is format alone: with both constrained it is +5 points [+2, +8].",  # noqa: E501
            "Of lora@64's gain over zero-shot@0 with free answers, +60 points [+54, +66], 50% [41, 59] is format alone: with both constrained it is +30 points [+25, +35].",  # noqa: E501
        ]
    )
    arms = {arm.arm: arm for arm in verdict.arms}
    assert arms["lora@64"].free_score == pytest.approx(0.8)
    assert arms["lora@64"].format_share == pytest.approx(0.5)
    assert arms["zero-shot@0"].free_score == pytest.approx(0.2)
    assert arms["zero-shot@0"].format_share is None
    assert arms["linear@64"].free_score is None
    told = dict(explanation(verdict))["What is format alone?"]
    assert told == snapshot(
        "lora 50% [41, 59]; few-shot 83% [71, 94] of the gain over the bare prompt, gone when answers are held to their form."  # noqa: E501
    )
    assert "format alone" in markdown.render(verdict)


def test_all_or_nothing() -> None:
    """The same gain in both ways is no format; no gain when constrained is format alone."""
    bare = _arm("zero-shot", "prompt", 0, 0.3, 0.3, seeds=1)
    same = decide([*bare, *_arm("lora", "weights", 64, 0.8, 0.8)], task(N))
    assert {arm.arm: arm.format_share for arm in same.arms} == {"zero-shot@0": None, "lora@64": pytest.approx(0)}
    bare = _arm("zero-shot", "prompt", 0, 0.8, 0.3, seeds=1)
    gone = decide([*bare, *_arm("lora", "weights", 64, 0.8, 0.8)], task(N))
    (lora,) = (arm for arm in gone.arms if arm.arm == "lora@64")
    assert lora.format_share == pytest.approx(1, abs=0.02)


def test_no_free_gain_no_share() -> None:
    verdict = decide(_study(free=0.21), task(N))
    (lora,) = (arm for arm in verdict.arms if arm.arm == "lora@64")
    assert lora.free_score == pytest.approx(0.21)
    assert lora.format_share is None
    assert not any("lora@64's gain" in reason for reason in verdict.reasons)


def test_precisions_are_not_mixed() -> None:
    """A gain is taken over the prompt of the same precision; without one there is none to take."""
    records = [
        *_arm("zero-shot", "prompt", 0, 0.5, 0.2, seeds=1),
        *_arm("lora", "weights", 64, 0.8, 0.8, precision="nf4"),
    ]
    shares = {arm.arm: arm.format_share for arm in decide(records, task(N)).arms}
    assert set(shares.values()) == {None}


def test_without_free_answers_nothing_is_said() -> None:
    verdict = decide(usual(), task(N))
    assert all(arm.free_score is None and arm.format_share is None for arm in verdict.arms)
    assert "What is format alone?" not in dict(explanation(verdict))
    columns, _, _ = arm_table(verdict, usual())
    assert "Free" not in [column.heading for column in columns]


def test_json_has_it_and_gives_it_back() -> None:
    verdict = decide(_study(), task(N))
    value = json.loads(json.dumps(to_json(verdict)))
    lora = next(arm for arm in value["arms"] if arm["arm"] == "lora@64")
    assert lora["format_share"] == pytest.approx(0.5)
    assert len(lora["format_interval"]) == 2
    assert to_json(from_json(value)) == to_json(verdict)
    for arm in value["arms"]:
        for name in ("free_score", "format_share", "format_interval"):
            del arm[name]
    older = from_json(value)
    assert all(arm.free_score is None and arm.format_interval is None for arm in older.arms)


def test_the_page_has_two_columns() -> None:
    records = _study()
    columns, rows, _ = arm_table(decide(records, task(N)), records)
    assert [column.heading for column in columns][-2:] == ["Free", "Format"]
    assert all(len(row.cells) == len(columns) for row in rows)
    cells = {row.name: [cell.text for cell in row.cells[-2:]] for row in rows}
    assert cells["lora"] == [".80", ".50 [.41, .59]"]
    assert cells["zero-shot"] == [".20", "–"]


def test_the_store_keeps_free_answers_and_reads_old_studies() -> None:
    (record,) = _arm("zero-shot", "prompt", 0, 0.5, 0.2, seeds=1)
    value = json.loads(json.dumps(record_to_json(record)))
    assert record_from_json(value) == record
    del value["measurement"]["free"]
    old = record_from_json(value)
    assert old.measurement is not None
    assert old.measurement.free == ()
