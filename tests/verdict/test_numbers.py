"""Groups, the margin, what both together gain, and what more labels buy, as they stand in the verdict."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from crossover.records import Interval, TrialRecord, Verdict
from crossover.verdict import decide, explanation, from_json, to_json
from tests.verdict.studies import arm, task, usual


def _answer(verdict: Verdict, question: str) -> str | None:
    return dict(explanation(verdict)).get(question)


# -------------------------------------------------------------------------------------------------------------- groups


def test_rows_that_belong_together_count_together() -> None:
    """The hand-made arms get rows right by one order: rows that lie near each other in it are alike."""
    records = usual(200, lora=0.70)
    order = sorted(range(200), key=lambda row: sum(_score(record, row) for record in records))
    groups = {f"test:{row}": f"customer {place // 20}" for place, row in enumerate(order)}
    alone, together = decide(records, task(200)), decide(records, task(200), groups=groups)
    widths = []
    for verdict in (alone, together):
        found = verdict.primary.interval
        assert found is not None
        widths.append(found.high - found.low)
        scores = next(one.interval for one in verdict.arms if one.arm == "lora@64")
        assert scores is not None
        widths.append(scores.high - scores.low)
    assert widths[3] > 1.5 * widths[1]
    assert together.primary.difference == alone.primary.difference
    assert any("200 test examples in 10 groups" in reason for reason in together.reasons)
    assert together.detectable_difference != alone.detectable_difference


def test_the_crossing_is_less_sure_in_groups() -> None:
    low = [*arm("knn-few-shot", "prompt", 0.5, budget=8, n=200), *arm("lora", "weights", 0.3, budget=8, n=200)]
    records = [*usual(200), *low]
    right = {row: sum(_score(r, row) for r in records) for row in range(200)}
    groups = {
        f"test:{row}": f"customer {place // 20}" for place, row in enumerate(sorted(right, key=right.__getitem__))
    }
    widths = []
    for named in (None, groups):
        found = decide(records, task(200), groups=named).crossover
        assert found is not None
        assert found.interval is not None
        widths.append(found.interval.high - found.interval.low)
    assert widths[1] != widths[0]


def _score(record: TrialRecord, row: int) -> float:
    return 0.0 if record.measurement is None else record.measurement.results[row].score or 0.0


def test_groups_of_one_change_nothing() -> None:
    records = usual(60)
    apart = {f"test:{row}": f"customer {row}" for row in range(60)}
    assert decide(records, task(60), groups=apart) == decide(records, task(60)) == decide(records, task(60), groups={})


def test_the_names_of_groups_and_the_order_of_records_do_not_matter() -> None:
    records = usual(60)
    groups = {f"test:{row}": f"customer {row // 6}" for row in range(60)}
    again = {name: f"other {group}" for name, group in groups.items()}
    assert decide(records[::-1], task(60), groups=again) == decide(records, task(60), groups=groups)


# -------------------------------------------------------------------------------------------------------------- margin


def test_the_margin_is_said_where_it_is_another() -> None:
    records = usual(2000, knn=0.70, lora=0.75, both=0.70)
    found = decide(records, task(2000), margin=0.1)
    assert (found.decision, found.margin) == ("tied", 0.1)
    assert (
        _answer(found, "What does not matter")
        == "Differences up to 10 points count as none (--margin; by default 3 points)."
    )
    assert any("count as none" in reason for reason in found.reasons)
    usually = decide(records, task(2000))
    assert (usually.decision, usually.margin) == ("weights", 0.03)
    assert _answer(usually, "What does not matter") is None


def test_the_margin_is_in_the_json_and_may_be_missing() -> None:
    value = to_json(decide(usual(60), task(60), margin=0.05))
    assert value["margin"] == 0.05
    older = {k: v for k, v in value.items() if k not in ("margin", "more_labels")}
    older["primary"] = {k: v for k, v in dict(value["primary"]).items() if not k.startswith("both_")}  # type: ignore[arg-type]  # JSON is not narrowed
    older["primary"] = {**older["primary"], "both_arm": "lora+few-shot@64"}  # type: ignore[dict-item]
    older["task"] = {k: v for k, v in dict(value["task"]).items() if k != "test_groups"}  # type: ignore[arg-type]  # JSON is not narrowed
    found = from_json(json.loads(json.dumps(older)))
    assert (found.margin, found.more_labels, found.primary.both_gain) == (0.03, None, None)
    assert _answer(found, "Both together?") is not None


# ------------------------------------------------------------------------------------------------------- both together


def test_what_both_together_gain() -> None:
    found = decide(usual(both=0.95), task(200))
    assert found.primary.both_gain == pytest.approx(0.17)
    assert found.primary.both_interval is not None
    assert found.primary.both_interval.low > 0
    assert _answer(found, "Both together?") == "lora+few-shot: +17 points [+13, +21] against lora."
    assert decide([r for r in usual() if r.family != "both"], task(200)).primary.both_gain is None


# --------------------------------------------------------------------------------------------------------- more labels


def test_what_the_next_labels_buy() -> None:
    low = arm("lora", "weights", 0.6, budget=16, n=200, dev=0.5)
    found = decide([*usual(), *low], task(200)).more_labels
    assert found is not None
    assert (found.labels, found.method, found.measured) == (100, "lora", (16, 64))
    assert 0 < found.interval.low < found.gain < found.interval.high <= 0.22 + 1e-9
    again = from_json(json.loads(json.dumps(to_json(decide([*usual(), *low], task(200))))))
    assert again.more_labels is not None
    assert again.more_labels.measured == (16, 64)


def test_from_none_where_only_one_budget_was_measured() -> None:
    start = arm("zero-shot", "prompt", 0.4, budget=0, n=200, seeds=1)
    verdict = decide([*usual(), *start], task(200))
    assert verdict.more_labels is not None
    assert verdict.more_labels.measured == (0, 64)
    told = _answer(verdict, "More labels?")
    assert told is not None
    assert told.endswith("if lora goes on as from none to 64 labels, a long way to read on from.")


def test_it_is_not_told_from_one_point_or_one_seed() -> None:
    assert decide(usual(), task(200)).more_labels is None
    single = [*usual(), *arm("lora", "weights", 0.6, budget=16, n=200, dev=0.5)]
    assert decide([r for r in single if r.key.seed == 0], task(200)).more_labels is None
    assert _answer(decide(usual(), task(200)), "More labels?") is None


def test_of_the_best_that_learns_where_what_is_recommended_uses_none() -> None:
    records = [
        *arm("majority", "baseline", 0.2, budget=0, n=200, seeds=1),
        *arm("zero-shot", "prompt", 0.95, budget=0, n=200, seeds=1),
        *arm("lora", "weights", 0.6, n=200, dev=0.5),
        *arm("lora", "weights", 0.5, n=200, dev=0.5, budget=16),
    ]
    verdict = decide(records, task(200))
    assert verdict.recommended == "zero-shot@0"
    assert verdict.more_labels is not None
    assert verdict.more_labels.method == "lora"


def test_a_gain_is_never_more_than_there_is_to_win() -> None:
    records = [*usual(lora=0.97, both=0.5), *arm("lora", "weights", 0.3, n=200, dev=0.5, budget=16)]
    found = decide(records, task(200)).more_labels
    assert found is not None
    assert found.interval.high <= 0.03 + 1e-9


def test_an_unknown_end_of_an_interval_is_kept() -> None:
    found = decide(usual(60), task(60))
    primary = replace(found.primary, both_interval=Interval(low=-0.1, high=0.2))
    assert from_json(to_json(replace(found, primary=primary))).primary.both_interval == Interval(low=-0.1, high=0.2)


# ------------------------------------------------------------------------------------- what the test alone would choose


def test_an_arm_that_was_not_nominated_and_reads_higher_is_named() -> None:
    """Its score went by while the study ran: whoever saw it must learn why another arm is recommended."""
    records = [*usual(200), *arm("full", "weights", 0.95, n=200, dev=0.66)]
    verdict = decide(records, task(200))
    assert verdict.recommended == "lora@64"
    told = _answer(verdict, "Higher on this test")
    assert told is not None
    assert told.startswith(
        "full@64 reads 95%, lora@64 78%. It was not nominated: before the test lora@64 had 70%, it 66% (dev "
    )
    assert "the highest of 6 arms on one test is partly luck (p < .001, corrected for that)." in told


def test_it_is_named_though_a_baseline_reads_higher_still() -> None:
    records = [*usual(200), *arm("full", "weights", 0.95, n=200, dev=0.66)]
    verdict = decide(records, task(200))
    ahead = [replace(one, score=0.97) if one.method == "linear" else one for one in verdict.arms]
    told = _answer(replace(verdict, arms=tuple(ahead)), "Higher on this test")
    assert told is not None
    assert told.startswith("full@64 reads 95%")


@pytest.mark.parametrize("score", [0.70, 0.80])
def test_an_arm_that_is_hardly_ahead_is_not(score: float) -> None:
    verdict = decide([*usual(200), *arm("full", "weights", score, n=200, dev=0.66)], task(200))
    assert _answer(verdict, "Higher on this test") is None


def test_a_nominee_or_a_baseline_ahead_is_told_elsewhere() -> None:
    for scores in ({"both": 0.99, "lora": 0.78}, {"linear": 0.99}):
        assert _answer(decide(usual(200, **scores), task(200)), "Higher on this test") is None
