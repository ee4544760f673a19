"""The rules, one by one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.records import TrialRecord
from crossover.verdict import decide, explanation, headline
from tests.verdict.studies import answers, arm, task, trial, usual


def _failed(record: TrialRecord) -> TrialRecord:
    return replace(record, measurement=None, error="out of memory")


def test_a_clear_winner() -> None:
    found = decide(usual(), task(200))
    assert (found.decision, found.recommended) == ("weights", "lora@64")
    assert found.primary.difference == pytest.approx(0.23)
    assert found.primary.p is not None
    assert found.primary.p < 0.001
    assert found.further_test_examples is None


@pytest.mark.parametrize(
    ("scores", "decision", "recommended"),
    [
        ({"knn": 0.9, "lora": 0.6, "both": 0.6}, "prompt", "knn-few-shot@64"),
        ({"both": 0.95}, "both", "lora+few-shot@64"),
        ({"lora": 0.58, "both": 0.58}, "unsure", "knn-few-shot@64"),
        ({"linear": 0.97, "lora": 0.96, "knn": 0.9, "both": 0.96}, "neither", "linear@64"),
        ({"majority": 0.22, "linear": 0.2, "lora": 0.22, "knn": 0.2, "both": 0.21}, "neither", "majority@0"),
    ],
)
def test_every_decision(scores: dict[str, float], decision: str, recommended: str) -> None:
    found = decide(usual(**scores), task(200))
    assert (found.decision, found.recommended) == (decision, recommended)


def test_another_precision_stands_beside_the_verdict_and_does_not_change_it() -> None:
    records = usual(knn=0.75, lora=0.60, both=0.60)
    better = [
        replace(r, key=replace(r.key, precision="nf4"), dev_score=0.99)
        for r in arm("lora", "weights", 0.97, n=200, dev=0.99)
    ]
    alone, found = decide(records, task(200)), decide([*records, *better], task(200), precision="fp32")
    assert (found.decision, found.recommended) == (alone.decision, "knn-few-shot@64:fp32")
    assert found.primary.weights_arm == "lora@64:fp32"
    assert found.primary.difference == alone.primary.difference
    assert len(found.arms) == len(alone.arms) + 1
    beside = next(a for a in found.arms if a.arm == "lora@64:nf4")
    assert beside.p_vs_recommended is not None, "compared and corrected like every other arm"
    assert decide([*records, *better], task(200)).recommended == "lora@64:nf4"
    assert decide([*records, *better], task(200), precision="bf16").recommended == "lora@64:nf4"


def test_the_curve_of_a_prompt_begins_in_its_own_precision() -> None:
    records = [
        *arm("linear", "baseline", 0.3, n=200),
        *arm("few-shot", "prompt", 0.6, n=200, dev=0.5),
        *arm("lora", "weights", 0.8, n=200, dev=0.5),
        *arm("lora", "weights", 0.4, n=200, dev=0.5, budget=16),
    ]
    start = arm("zero-shot", "prompt", 0.5, n=200, budget=0, seeds=1)
    worse = arm("zero-shot", "prompt", 0.05, n=200, budget=0, seeds=1)
    other = [replace(record, key=replace(record.key, precision="nf4")) for record in worse]
    expected = decide([*records, *start], task(200), precision="fp32").crossover
    assert expected is not None
    assert decide([*records, *other, *start], task(200), precision="fp32").crossover == expected


def test_tied_on_a_large_test() -> None:
    found = decide(usual(2000, knn=0.70, lora=0.705, both=0.70), task(2000))
    assert (found.decision, found.recommended) == ("tied", "knn-few-shot@64")


def test_a_difference_within_the_margin_is_no_win() -> None:
    records = usual(4000, knn=0.70, lora=0.72, both=0.70)
    assert decide(records, task(4000)).decision == "tied"
    assert decide(records, task(4000), margin=0.0).decision == "weights"


def test_a_study_too_small_to_say_no() -> None:
    found = decide(usual(30, linear=0.6, lora=0.6, knn=0.6, both=0.6), task(30))
    assert found.decision == "unsure"
    assert found.further_test_examples is not None


def test_a_small_lead_over_the_baseline_is_open() -> None:
    found = decide(usual(linear=0.74, lora=0.78, both=0.76), task(200))
    assert found.decision == "unsure"


def test_the_users_own_system_is_a_baseline() -> None:
    mine = [trial("predictions:mine", "baseline", 0, 0, answers(0.97, 200, arm=5, seed=0), model="")]
    found = decide([*usual(), *mine], task(200))
    assert (found.decision, found.recommended) == ("neither", "predictions:mine@0")


def test_one_answer_for_all_is_cheaper_than_a_look_at_the_examples() -> None:
    baselines = [
        *arm("constant", "baseline", 0.02, n=200, prompt_tokens=0, fit_seconds=9.0),
        *arm("nearest", "baseline", 0.02, n=200, prompt_tokens=0, fit_seconds=0.1),
    ]
    hopeless = [
        *arm("few-shot", "prompt", 0.01, n=200, dev=0.01),
        *arm("lora", "weights", 0.02, n=200, dev=0.01),
    ]
    found = decide([*baselines, *hopeless], task(200))
    assert (found.decision, found.recommended) == ("neither", "constant@64")


def test_one_lucky_seed_decides_nothing() -> None:
    records = [record for record in usual() if record.key.seed == 0]
    found = decide(records, task(200))
    assert found.decision == "unsure"
    assert found.further_test_examples is None
    assert found.detectable_difference is None
    assert any("speak of this adapter only, never of lora." in reason for reason in found.reasons)
    assert any("run at least 3 seeds" in reason for reason in found.reasons)


def test_two_seeds_are_said_to_be_few() -> None:
    found = decide([record for record in usual() if record.key.seed < 2], task(200))
    assert "lora@64 ran with 2 seeds, fewer than 3: a wide interval." in found.reasons


def test_a_prompt_without_chance_needs_no_seeds() -> None:
    prompt = arm("zero-shot", "prompt", 0.5, budget=0, seeds=1, n=200)
    found = decide([r for r in usual() if r.family in ("baseline", "weights")] + prompt, task(200))
    assert (found.decision, found.primary.prompt_arm) == ("weights", "zero-shot@0")
    assert found.crossover is not None
    assert (found.crossover.bound, found.crossover.prompt_method) == ("at_most", "zero-shot")


def test_more_than_one_percent_missing_is_no_score() -> None:
    lost = [trial("lora", "weights", 64, s, answers(0.8, 200, arm=1, seed=s), dev=0.7, missing=3) for s in range(3)]
    found = decide([r for r in usual() if r.family != "weights"] + lost, task(200))
    lora = next(a for a in found.arms if a.method == "lora")
    assert (lora.score, lora.interval, lora.missing, lora.p_vs_recommended) == (None, None, 9, None)
    assert found.primary.weights_arm is None
    assert "lora@64 has no score: 9 answers are missing, more than 1%." in found.reasons


def test_a_few_missing_answers_are_left_out_on_both_sides() -> None:
    lost = [trial("lora", "weights", 64, s, answers(0.8, 200, arm=1, seed=s), dev=0.7, missing=2) for s in range(3)]
    found = decide([r for r in usual() if r.family != "weights"] + lost, task(200))
    lora = next(a for a in found.arms if a.method == "lora")
    assert lora.score is not None
    assert (lora.missing, found.decision) == (6, "weights")


def test_missing_answers_are_no_wrong_answers() -> None:
    """The first two answers are right, and lost: the mean is over the other 198, on both sides of the comparison."""
    n = 200
    right = [True, True, *answers(0.5, n - 2, arm=1, seed=0)]
    lost = [trial("lora", "weights", 64, seed, right, dev=0.7, missing=2) for seed in range(3)]
    whole = [trial("few-shot", "prompt", 64, seed, right, dev=0.7) for seed in range(3)]
    found = decide([*lost, *whole], task(n))
    assert found.primary.difference == 0.0
    assert {a.method: a.score for a in found.arms} == {
        "lora": pytest.approx(99 / 198),
        "few-shot": pytest.approx(0.505),
    }


def test_what_is_recommended_is_not_beaten() -> None:
    """The linear model is cheaper and within the margin of the best, but surely worse."""
    found = decide(usual(1000, linear=0.693, knn=0.715, lora=0.721, both=0.2), task(1000))
    assert (found.decision, found.recommended) == ("tied", "knn-few-shot@64")


def test_failed_cells_are_counted_and_named() -> None:
    records = [_failed(r) if r.key.method == "lora" and r.key.seed == 2 else r for r in usual()]
    found = decide(records, task(200))
    assert next(a for a in found.arms if a.method == "lora").seeds == 2
    assert "1 trial failed and left no measurement: lora@64." in found.reasons


def test_all_failed() -> None:
    found = decide([_failed(record) for record in usual()], task(200))
    assert (found.decision, found.recommended) == ("unsure", None)
    assert headline(found).startswith(
        "Cannot tell. No arm that adapts the model has a score. knn-few-shot has no score: 3 "
    )


def test_a_win_of_format_is_called_one() -> None:
    n = 200
    prompts = [
        trial(
            "few-shot",
            "prompt",
            64,
            seed,
            answers(0.5, n, arm=3, seed=seed),
            dev=0.5,
            lenient=answers(0.78, n, arm=4, seed=seed),
        )
        for seed in range(3)
    ]
    found = decide([r for r in usual() if r.family in ("baseline", "weights")] + prompts, task(n))
    assert found.decision == "weights"
    assert any("is one of format: with answers read leniently" in reason for reason in found.reasons)
    assert not any("one of format" in reason for reason in decide(usual(), task(n)).reasons)


def test_p_values_are_corrected_over_all_arms() -> None:
    """The prompt is the least sure of the arms beside the recommended one, until a less sure one is added."""
    few = decide(usual(lora=0.62, both=0.2), task(200))
    more = decide([*usual(lora=0.62, both=0.2), *arm("head", "weights", 0.62, n=200, dev=0.1)], task(200))
    p_few, p_more = ({a.arm: a.p_vs_recommended for a in v.arms}["knn-few-shot@64"] for v in (few, more))
    assert few.recommended == more.recommended == "lora@64"
    assert few.primary.p is not None
    assert p_few == pytest.approx(few.primary.p)
    assert p_more == pytest.approx(2 * few.primary.p)


def test_a_trial_that_failed_and_was_run_again_counts_once() -> None:
    records = usual()
    again = [*(_failed(record) for record in records), *records]
    assert decide(again, task(200)) == decide(again[::-1], task(200)) == decide(records, task(200))


def test_break_even_in_calls() -> None:
    """54 s more of fitting, 85.5 - 19 ms saved a call."""
    assert decide(usual(), task(200)).break_even_calls == pytest.approx(54_000 / 66.5)
    dear = [replace(r, fit_seconds=0.0) if r.family == "weights" else r for r in usual()]
    assert decide(dear, task(200)).break_even_calls == 0.0


def test_the_crossover_lies_between_two_budgets() -> None:
    low = [
        *arm("knn-few-shot", "prompt", 0.5, budget=8, n=200, dev=0.5),
        *arm("lora", "weights", 0.3, budget=8, n=200, dev=0.3),
    ]
    found = decide([*usual(), *low], task(200)).crossover
    assert found is not None
    assert found.bound == "exact"
    assert found.interval is not None
    assert found.labels is not None
    assert 8 < found.interval.low < found.labels < found.interval.high < 64


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_records_does_not_matter(shuffler: random.Random) -> None:
    records = [*usual(60), *arm("zero-shot", "prompt", 0.5, budget=0, n=60, seeds=1)]
    shuffled = list(records)
    shuffler.shuffle(shuffled)
    assert decide(shuffled, task(60)) == decide(records, task(60))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_was_measured_gives_a_verdict(data: st.DataObject) -> None:
    """Any part of a study, down to nothing; never an exception, never an arm that is not there."""
    n = data.draw(st.sampled_from([1, 2, 10, 40]))
    records = [
        *usual(n),
        *arm("zero-shot", "prompt", 0.5, budget=0, n=n, seeds=1),
        *arm("lora", "weights", 0.5, budget=8, n=n, dev=0.2),
    ]
    kept = data.draw(st.lists(st.sampled_from(records), unique_by=lambda record: record.key, max_size=len(records)))
    broken = data.draw(st.sets(st.integers(0, 30)))
    kept = [_failed(record) if index in broken else record for index, record in enumerate(kept)]
    found = decide(kept, task(n))
    assert headline(found)
    assert all(answer for _, answer in explanation(found))
    scored = {a.arm for a in found.arms if a.score is not None}
    assert found.recommended in scored | {None}
    assert (found.recommended is None) == (not scored)
    if found.decision in ("prompt", "weights", "both"):
        assert {a.arm: a.family for a in found.arms}[found.recommended or ""] == found.decision


def test_measurements_of_different_examples_are_lined_up_by_name() -> None:
    records = usual()
    first = records[-1]
    assert first.measurement is not None
    turned = replace(first.measurement, results=first.measurement.results[::-1])
    again = decide([*records[:-1], replace(first, measurement=turned)], task(200))
    assert again.primary == decide(records, task(200)).primary
    assert [a.score for a in again.arms] == [a.score for a in decide(records, task(200)).arms]
