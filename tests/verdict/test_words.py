"""What people read, word by word."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from crossover.records import Interval, TrialRecord, Verdict
from crossover.verdict import decide, explanation, headline
from crossover.verdict.figures import about, p_value, percent, points, signed
from tests.verdict.studies import arm, task, usual


def _told(records: list[TrialRecord], n: int = 200, metric: str = "accuracy") -> str:
    verdict = decide(records, task(n, metric))
    return "\n".join([headline(verdict), *(f"{question} {answer}" for question, answer in explanation(verdict))])


def test_fine_tune() -> None:
    low = [
        *arm("knn-few-shot", "prompt", 0.5, budget=8, n=200, dev=0.5),
        *arm("lora", "weights", 0.4, budget=8, n=200, dev=0.3),
    ]
    assert _told([*usual(), *low]) == snapshot("""\
Fine-tune. With 64 labels, lora answers 78% right [73, 83]; the best prompt, knn-few-shot, 55% [49, 61]: +23 points [+18, +28], p < .001, 3 seeds.
From how many labels? From about 15 on [10, 23]. Below that, prompt.
Both together? lora+few-shot: +1 point [−3, +5] against lora, not shown to be worth 4.5 times the tokens a call.
More labels? The next 100 would buy about +8 points [+1, +18], if lora goes on as from 8 to 64 labels.
What it costs 58 s of training once; a call reads 38 tokens instead of 171. Pays back after 810 calls.
What it forgets Of a token's probability in the base model's own text lora keeps 98%.
Without a model? A linear model on word counts reaches 40% [34, 46].
What this test can see Differences under about 11 points will mostly not be seen.\
""")  # noqa: E501


def test_keep_to_a_prompt() -> None:
    assert _told(usual(knn=0.9, lora=0.6, both=0.6)) == snapshot("""\
Keep to a prompt. With 64 labels, knn-few-shot answers 90% right [85, 93]; the best fine-tuned arm, lora, 60% [54, 66]: +30 points [+25, +35], p < .001, 3 seeds.
From how many labels? From more than 64 labels, if at all: that was the most measured. Up to there, prompt.
Both together? lora+few-shot: −30 points [−34, −26] against knn-few-shot.
What it costs 58 s of training once; a call reads 38 tokens instead of 171. Pays back after 810 calls.
What it forgets Of a token's probability in the base model's own text lora keeps 98%.
Without a model? A linear model on word counts reaches 40% [34, 46].
What this test can see Differences under about 11 points will mostly not be seen.\
""")  # noqa: E501


def test_do_both() -> None:
    assert _told(usual(both=0.95)) == snapshot("""\
Do both: fine-tune, and prompt it. With 64 labels, lora+few-shot answers 95% right [91, 97]; the best fine-tuned arm, lora, 78% [73, 83]: +17 points, p < .001, 3 seeds.
From how many labels? At 64 labels, the fewest measured, lora is already ahead of knn-few-shot.
Both together? lora+few-shot: +17 points [+13, +21] against lora.
What it costs 58 s of training once; a call reads 38 tokens instead of 171. Pays back after 810 calls.
What it forgets Of a token's probability in the base model's own text lora keeps 98%.
Without a model? A linear model on word counts reaches 40% [34, 46].
What this test can see Differences under about 12 points will mostly not be seen.\
""")  # noqa: E501


def test_cannot_tell() -> None:
    assert _told(usual(lora=0.58, both=0.58)) == snapshot("""\
Cannot tell yet. lora 58% [52, 63] and knn-few-shot 55% [49, 61] differ by 3 points [−3, +9]: about 3,200 more test rows would settle it (have 200). Today: knn-few-shot, it needs no training.
From how many labels? At 64 labels, the fewest measured, lora is already ahead of knn-few-shot, if not surely.
Both together? lora+few-shot: 0 points [−5, +5] against lora, not shown to be worth 4.5 times the tokens a call.
What it costs 58 s of training once; a call reads 38 tokens instead of 171. Pays back after 810 calls.
What it forgets Of a token's probability in the base model's own text lora keeps 98%.
Without a model? A linear model on word counts reaches 40% [34, 46].
What this test can see Differences under about 12 points will mostly not be seen.\
""")  # noqa: E501


def test_cannot_tell_from_one_seed() -> None:
    assert _told([record for record in usual() if record.key.seed == 0]) == snapshot("""\
Cannot tell yet. lora 77% [71, 82] and knn-few-shot 54% [47, 61] differ by 23 points [+15, +31]: one seed speaks of this adapter or prompt, not of a method, run at least 3. Today: lora.
From how many labels? At 64 labels, the fewest measured, lora is already ahead of knn-few-shot, if not surely.
Both together? lora+few-shot: +1 point [−7, +9] against lora, not shown to be worth 4.5 times the tokens a call.
What it costs 58 s of training once; a call reads 38 tokens instead of 171. Pays back after 810 calls.
What it forgets Of a token's probability in the base model's own text lora keeps 98%.
Without a model? A linear model on word counts reaches 39% [33, 46].\
""")  # noqa: E501


def test_tied() -> None:
    assert _told(usual(2000, knn=0.70, lora=0.705, both=0.70), 2000) == snapshot("""\
Tied. With 64 labels, lora 70% [68, 73] and knn-few-shot 70% [67, 73]: 0 points [−1, +2], too little to matter. Today: knn-few-shot, it needs no training.
From how many labels? At 64 labels, the fewest measured, lora is already ahead of knn-few-shot, if not surely.
Both together? lora+few-shot: 0 points [−2, +1] against lora.
What it costs 58 s of training once; a call reads 38 tokens instead of 171. Pays back after 810 calls.
What it forgets Of a token's probability in the base model's own text lora keeps 98%.
Without a model? A linear model on word counts reaches 40% [37, 43].
What this test can see Differences under about 4 points will mostly not be seen.\
""")  # noqa: E501


def test_neither() -> None:
    assert _told(usual(linear=0.97, lora=0.96, knn=0.9, both=0.96)) == snapshot("""\
Neither. A linear model on word counts answers 97% right [93, 99] and no arm beats it (best: lora, 96% [92, 98]).
Without a model? A linear model on word counts reaches 97% [93, 99].
What this test can see Differences under about 7 points will mostly not be seen.\
""")


def test_nothing_works() -> None:
    assert _told(usual(majority=0.22, linear=0.2, lora=0.22, knn=0.2, both=0.21)) == snapshot("""\
Nothing works here. No arm is better than always giving the same answer, 22% (best: lora, 22% [17, 27]). Try --model with a larger one or an endpoint.
Without a model? A linear model on word counts reaches 20% [16, 25].
What this test can see Differences under about 10 points will mostly not be seen.\
""")  # noqa: E501


def test_only_one_family() -> None:
    records = [*arm("few-shot", "prompt", 0.8, dev=0.5), *arm("linear", "baseline", 0.3)]
    assert _told(records, 100, "token_f1") == snapshot("""\
Keep to a prompt. With 64 labels, few-shot reaches 80% token F1 [73, 86]; the best baseline, linear, 30%. No other way of adapting took part, so nothing is said about it.
What it costs A call reads 40 tokens.
Without a model? A linear model on word counts reaches 30% [23, 38].
What this test can see Differences under about 17 points will mostly not be seen.\
""")  # noqa: E501


def test_no_exclamation_mark_and_no_empty_answer() -> None:
    studies: list[dict[str, float]] = [{}, {"both": 0.95}, {"linear": 0.97}, {"lora": 0.56}]
    for scores in studies:
        told = _told(usual(**scores))
        assert "!" not in told
        assert "  " not in told


def test_reasons_of_a_winner() -> None:
    assert "\n".join(decide(usual(), task(200)).reasons) == snapshot("""\
knn-few-shot@64 was nominated by its dev score .50.
lora@64 was nominated by its dev score .70.
lora+few-shot@64 was nominated by its dev score .70.
Every nominated arm that depends on chance ran with at least 3 seeds.
Primary comparison: lora@64 minus knn-few-shot@64 is +23 points [+18, +28], p < .001 (200 test examples, 3 seeds).
Both together against the better of the two: lora+few-shot@64 minus lora@64 is +1 point [−3, +5], p = .66 (200 test examples, 3 seeds).
Against the best baseline, lora@64 minus linear@64 is +38 points [+32, +44], p < .001 (200 test examples, 3 seeds): better.
Recommended: lora@64, the winner.\
""")  # noqa: E501


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.784, "78%"), (0.0, "0%"), (1.0, "100%"), (0.002, "0.2%"), (0.997, "99.7%")]
)
def test_percent(fraction: float, text: str) -> None:
    assert percent(fraction) == text


def test_figures() -> None:
    assert [signed(value) for value in (0.17, -0.021, 0.001)] == ["+17", "−2", "0"]
    assert points(0.01, Interval(low=-0.03, high=0.05)) == "+1 point [−3, +5]"
    assert [p_value(p) for p in (0.0001, 0.0042, 0.031, 0.999)] == ["p < .001", "p = .004", "p = .03", "p = 1"]
    assert [about(count) for count in (14.2, 1234, 99_900)] == ["14", "1,200", "100,000"]


def test_what_is_open_is_what_the_number_of_rows_is_for() -> None:
    """A race stopped `both` after a seed, ahead of all others: the headline is not about that arm."""
    records = [r for r in usual(200, lora=0.6, knn=0.57, both=0.66, linear=0.4) if r.key.method != "lora+few-shot"]
    records += arm("lora+few-shot", "both", 0.66, n=200, seeds=1, dev=0.4)
    verdict = decide(records, task(200))
    assert (verdict.decision, verdict.unsettled) == ("unsure", ("lora@64", "knn-few-shot@64"))
    assert headline(verdict).startswith("Cannot tell yet. lora 60% ")
    assert " and knn-few-shot 57% " in headline(verdict)
    assert any("would settle lora@64 and knn-few-shot@64" in reason for reason in verdict.reasons)


def test_an_arm_that_was_stopped_is_not_what_is_open_against_a_baseline() -> None:
    records = [r for r in usual(200, lora=0.44, knn=0.41, linear=0.4) if r.key.method != "lora+few-shot"]
    records += arm("lora+few-shot", "both", 0.45, n=200, seeds=1, dev=0.4)
    verdict = decide(records, task(200))
    assert (verdict.decision, verdict.unsettled) == ("unsure", ("lora@64", "linear@64"))
    assert headline(verdict).startswith("Cannot tell yet. lora 44% ")
    assert " and the baseline linear 40% " in headline(verdict)


def test_what_reads_higher_than_a_recommended_baseline_is_named_once() -> None:
    found = decide(usual(200, lora=0.44, knn=0.41, both=0.38, linear=0.4), task(200))
    assert (found.decision, found.unsettled) == ("unsure", ("lora@64", "linear@64"))
    verdict = replace(found, recommended="linear@64")

    def told(verdict: Verdict) -> str:
        return dict(explanation(verdict))["Without a model?"]

    assert "lora" not in told(verdict), "the headline speaks of it"
    other = replace(verdict, unsettled=("lora+few-shot@64", "linear@64"))
    assert re.search(r" lora reads 44% \[\d\d, \d\d\], not shown to be better\.$", told(other))
    assert "lora" not in told(replace(other, recommended="lora@64"))


@pytest.mark.parametrize(("dev", "decision"), [(0.4, "neither"), (0.8, "unsure")])
def test_a_family_that_was_stopped_for_being_behind_need_not_be_excluded_again(dev: float, decision: str) -> None:
    records = [r for r in usual(200, lora=0.42, knn=0.41, linear=0.4) if r.key.method != "lora+few-shot"]
    verdict = decide([*records, *arm("lora+few-shot", "both", 0.43, n=200, seeds=1, dev=dev)], task(200))
    assert verdict.decision == decision
    said = "but lora+few-shot@64, which was stopped early for being behind, a lead of 10 points or more over it is excl"
    assert any(said in reason for reason in verdict.reasons) is (decision == "neither")


def test_a_decision_leaves_nothing_open() -> None:
    assert decide(usual(), task(200)).unsettled is None
