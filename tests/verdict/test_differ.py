from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from crossover.records import Example, TrialRecord
from crossover.stats import compare, holm
from crossover.verdict import Differing, decide, diff_to_json
from crossover.verdict.diff import ANOTHER_TEXT, shown_disagreements
from crossover.verdict.differ import confidence
from crossover.verdict.outcomes import outcomes
from crossover.verdict.synthetic import SyntheticArm, synthetic_study, synthetic_task

N = 60
LABELS = ("red", "green", "blue")


def examples(n: int = N) -> list[Example]:
    records = study(n_test=n)
    assert records[0].measurement is not None
    ids = [result.example_id for result in records[0].measurement.results]
    return [
        Example(id=key, inputs={"text": "word " * (place % 7 + 1)}, target=LABELS[place % 3], row=place + 2)
        for place, key in enumerate(ids)
    ]


def study(*, n_test: int = N, seeds: int = 3, scores: Sequence[float] = (0.3, 0.5, 0.7)) -> tuple[TrialRecord, ...]:
    arms = (
        SyntheticArm(method="majority", family="baseline", budget=0, score=scores[0]),
        SyntheticArm(method="few-shot", family="prompt", budget=64, score=scores[1]),
        SyntheticArm(method="lora", family="weights", budget=64, score=scores[2]),
    )
    return tuple(synthetic_study(arms, n_test=n_test, seeds=seeds, generator=np.random.default_rng(3)))


def matrix(records: Sequence[TrialRecord], method: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rows = []
    for record in sorted((r for r in records if r.key.method == method), key=lambda r: r.key.seed):
        assert record.measurement is not None
        rows.append([math.nan if r.score is None else r.score for r in record.measurement.results])
    return np.array(rows)


def test_the_headline_is_the_verdict_s_primary_comparison() -> None:
    records = study()
    primary = decide(records, synthetic_task(N)).primary
    found = Differing(records, examples(), labels=LABELS).diff("lora@64", "few-shot@64")
    assert (found.difference, found.interval, found.p) == (primary.difference, primary.interval, primary.p)
    turned = Differing(records, examples(), labels=LABELS).diff("few-shot@64", "lora@64")
    assert turned.difference == pytest.approx(-(found.difference or 0))
    assert (turned.only_a, turned.only_b) == (found.only_b, found.only_a)


def test_who_gets_what_is_counted_over_the_majority_of_seeds() -> None:
    records = study()
    found = Differing(records, examples()).diff("lora@64", "few-shot@64")
    lora, few = (matrix(records, method).mean(axis=0) >= 0.5 for method in ("lora", "few-shot"))
    assert found.only_a == int((lora & ~few).sum()) > 0
    assert found.only_b == int((few & ~lora).sum()) > 0
    assert (found.both, found.neither) == (int((lora & few).sum()), int((~lora & ~few).sum()))
    assert found.only_a + found.only_b + found.both + found.neither == N
    assert len(found.disagreements) == found.only_a + found.only_b
    assert {one.winner for one in found.disagreements} == {"a", "b"}
    leads = [abs(one.outcome_a.score - one.outcome_b.score) for one in found.disagreements]
    assert leads == sorted(leads, reverse=True), "the clearest first"


def test_rows_that_belong_together_count_together_on_a_slice_too() -> None:
    records = tuple(r for r in study() if r.key.method != "majority")
    rows = [replace(row, group=f"customer {place // 5}") for place, row in enumerate(examples())]
    found = Differing(records, rows, labels=LABELS).diff("lora@64", "few-shot@64")
    lora, few = matrix(records, "lora"), matrix(records, "few-shot")
    clusters = np.arange(N) // 5
    for label in LABELS:
        here = np.array([row.target == label for row in rows])
        expected = compare(lora[:, here], few[:, here], clusters=clusters[here])
        one = next(part for part in found.slices if (part.group, part.name) == ("label", label))
        assert one.interval is not None
        assert one.interval.high == pytest.approx(min(1.0, expected.interval.high))
    assert found.interval == compare(lora, few, clusters=clusters).interval
    assert found.interval != compare(lora, few).interval


def test_a_slice_is_the_same_comparison_on_its_rows() -> None:
    records = tuple(r for r in study() if r.key.method != "majority")
    rows = examples()
    found = Differing(records, rows, labels=LABELS).diff("lora@64", "few-shot@64")
    lora, few = matrix(records, "lora"), matrix(records, "few-shot")
    for label in LABELS:
        here = np.array([row.target == label for row in rows])
        expected = compare(lora[:, here], few[:, here])
        one = next(part for part in found.slices if (part.group, part.name) == ("label", label))
        assert one.n == int(here.sum())
        assert one.difference == pytest.approx(expected.difference)
        assert one.interval is not None
        assert one.interval.low == pytest.approx(max(-1.0, expected.interval.low))
        assert [one.score_a, one.score_b] == pytest.approx([lora[:, here].mean(), few[:, here].mean()])
    by_label = [part for part in found.slices if part.group == "label"]
    plain = [
        compare(lora[:, here], few[:, here]).p
        for here in (np.array([row.target == label for row in rows]) for label in LABELS)
    ]
    assert [part.p for part in by_label] == pytest.approx(list(holm(plain)))
    assert sum(part.n for part in by_label) == N


def test_confusions_are_counted_over_all_seeds_and_other_texts_are_not_repeated() -> None:
    records = list(study())
    record = next(r for r in records if r.key.method == "lora")
    assert record.measurement is not None
    rows = examples()
    wrong = {rows[0].id: "green", rows[3].id: "green", rows[1].id: "the secret text of a user"}
    results = tuple(
        replace(result, answer=wrong.get(result.example_id, row.target), score=float(result.example_id not in wrong))
        for result, row in zip(record.measurement.results, rows, strict=True)
    )
    alone = [replace(record, measurement=replace(record.measurement, results=results))]
    side = Differing(alone, rows, labels=LABELS).side("lora@64")
    assert [(one.wanted, one.answered, one.n, one.share) for one in side.confusions] == [
        ("red", "green", 2, 2 / 20),
        ("green", ANOTHER_TEXT, 1, 1 / 20),
    ]
    assert Differing(alone, rows).side("lora@64").confusions == (), "written answers are no labels"


def with_margins(record: TrialRecord, margin: float) -> TrialRecord:
    assert record.measurement is not None
    results = tuple(replace(result, margin=margin) for result in record.measurement.results)
    return replace(record, measurement=replace(record.measurement, results=results))


def test_the_confidence_is_the_margin_as_the_share_of_the_two_best() -> None:
    assert confidence(math.log(3)) == pytest.approx(0.75)
    assert confidence(0.0) == 0.5
    assert confidence(1e9) == 1.0
    records = [with_margins(r, math.log(3)) for r in study()]
    side = Differing(records, examples()).side("lora@64")
    assert side.calibration is not None
    assert side.score is not None
    assert [one.confidence for one in side.calibration.bins] == pytest.approx([0.75])
    assert side.calibration.error == pytest.approx(abs(0.75 - side.score))
    bare = [replace(r, measurement=replace(m, results=tuple(replace(x, margin=None) for x in m.results)))
            for r in study() if (m := r.measurement) is not None]  # fmt: skip
    assert Differing(bare, examples()).side("lora@64").calibration is None


def test_graded_scores_differ_by_a_clear_lead() -> None:
    records = []
    for record in study():
        assert record.measurement is not None
        score = {"lora": 0.7, "few-shot": 0.5, "majority": 0.6}[record.key.method]
        results = tuple(replace(result, score=score) for result in record.measurement.results)
        records.append(replace(record, measurement=replace(record.measurement, results=results)))
    differing = Differing(records, examples())
    assert (found := differing.diff("lora@64", "majority@0")).graded
    assert (found.only_a, found.only_b, found.both, found.neither) == (0, 0, N, 0)
    ahead = differing.diff("lora@64", "few-shot@64")
    assert (ahead.only_a, ahead.only_b, ahead.both) == (N, 0, 0)


def test_missing_answers_leave_no_comparison_and_are_counted() -> None:
    records = []
    for record in study():
        assert record.measurement is not None
        gone = record.key.method == "lora"
        results = tuple(
            replace(result, score=None, lenient_score=None, answer=None, error="timeout") if gone and n < 6 else result
            for n, result in enumerate(record.measurement.results)
        )
        records.append(replace(record, measurement=replace(record.measurement, results=results)))
    found = Differing(records, examples(), labels=LABELS).diff("lora@64", "few-shot@64")
    assert (found.difference, found.interval, found.p) == (None, None, None)
    assert found.unanswered == 6
    assert found.only_a + found.only_b + found.both + found.neither == N - 6
    assert all(part.interval is None for part in found.slices)


@pytest.mark.parametrize(
    ("n", "seeds", "scores"),
    [(10, 1, (0.5, 0.5, 0.5)), (3, 3, (0.0, 0.0, 0.0)), (1, 3, (1.0, 1.0, 1.0)), (40, 2, (0.3, 0.3, 1.0))],
)
def test_small_and_odd_studies_have_a_diff(n: int, seeds: int, scores: Sequence[float]) -> None:
    differing = Differing(study(n_test=n, seeds=seeds, scores=scores), examples(n), labels=LABELS)
    for a in differing.arms:
        for b in differing.arms:
            found = differing.diff(a, b)
            for part in found.slices:
                assert part.interval is None or -1 <= part.interval.low <= part.interval.high <= 1
            text = json.dumps(diff_to_json(found), allow_nan=False)
            assert json.loads(text)["schema"] == "crossover.diff/1"


def test_failed_trials_alone_are_an_arm_without_anything() -> None:
    records = [replace(r, measurement=None, error="out of memory") if r.key.method == "lora" else r for r in study()]
    found = Differing(records, examples(), labels=LABELS).diff("lora@64", "few-shot@64")
    assert found.difference is None
    assert found.unanswered == N
    assert found.a.calibration is None


def test_json_without_examples_holds_no_text_of_the_rows() -> None:
    rows = [
        replace(row, inputs={"text": "SENTINEL one", "kind": f"SENTINEL {n % 2}"}) for n, row in enumerate(examples())
    ]
    found = Differing(study(), rows, labels=LABELS).diff("lora@64", "few-shot@64")
    assert "SENTINEL" in json.dumps(diff_to_json(found))
    assert "SENTINEL" not in json.dumps(diff_to_json(found, examples=False))
    assert len(diff_to_json(found, limit=2)["disagreements"]) == 4
    assert [one.winner for one in shown_disagreements(found, 1)] == ["a", "b"]


def test_the_most_frequent_answer_stands_for_the_seeds() -> None:
    records = [r for r in study() if r.key.method == "lora"]
    answers = iter(("red", "blue", "blue"))
    changed = []
    for record in records:
        assert record.measurement is not None
        answer = next(answers)
        results = tuple(replace(result, answer=answer) for result in record.measurement.results)
        changed.append(replace(record, measurement=replace(record.measurement, results=results)))
    one = next(iter(outcomes(changed).values()))
    assert (one.answer, one.times, one.seeds) == ("blue", 2, 3)


@pytest.mark.parametrize(("scores", "shown"), [((1, 0, 0), "wrong"), ((1, 1, 0), "right"), ((0, 1, 0), "wrong")])
def test_of_equals_the_answer_fits_the_mark(scores: tuple[int, ...], shown: str) -> None:
    """Three seeds, three answers: beside a mark that says wrong, the wanted one would be a riddle."""
    words = {1: iter(("right", "right, too")), 0: iter(("wrong", "wrong, too"))}
    changed = []
    for record, score in zip([r for r in study() if r.key.method == "lora"], scores, strict=True):
        assert record.measurement is not None
        answer = next(words[score])
        results = tuple(replace(r, answer=answer, score=float(score)) for r in record.measurement.results)
        changed.append(replace(record, measurement=replace(record.measurement, results=results)))
    one = next(iter(outcomes(changed).values()))
    assert (one.answer or "").startswith(shown)
    assert one.times == 1
