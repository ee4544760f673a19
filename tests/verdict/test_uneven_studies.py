"""Studies whose arms ran unevenly: raced, failed, extended. What is claimed and what is said to be open stays true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from crossover.records import Arm, TrialRecord, Verdict
from crossover.verdict import decide, explanation, headline
from crossover.verdict.arms import gather
from crossover.verdict.pairs import Pairs
from crossover.verdict.sides import find_arm
from tests.verdict.studies import answers, arm, task, trial


def rated(records: list[TrialRecord], share: float, *, n: int = 64, seeds: int = 3) -> list[TrialRecord]:
    """Give each trial scores on its seed's validation rows, of which a share is right; without labels on all seeds'."""

    def rows(record: TrialRecord) -> dict[str, float | None]:
        of = [record.key.seed] if record.key.budget else range(seeds)
        return {f"train:{seed}:{i}": float(i < round(share * n)) for seed in of for i in range(n)}

    return [replace(record, validation=rows(record)) for record in records]


def baselines(n: int, *, majority: float = 0.2, linear: float = 0.4) -> list[TrialRecord]:
    return [
        *arm("majority", "baseline", majority, budget=0, n=n, seeds=1, prompt_tokens=0),
        *arm("linear", "baseline", linear, n=n, prompt_tokens=0),
    ]


def told(verdict: Verdict) -> str:
    return "\n".join([headline(verdict), *(f"{q} {a}" for q, a in explanation(verdict)), *verdict.reasons])


def one(verdict: Verdict, name: str) -> Arm:
    found = find_arm(verdict, name)
    assert found is not None
    return found


def sides(n: int, **score: float) -> list[TrialRecord]:
    """Return a prompt and a weights arm that were nominated by validation rows."""
    return [
        *rated(arm("knn-few-shot", "prompt", score["knn"], n=n, dev=0.5, prompt_tokens=171), score["knn"]),
        *rated(arm("lora", "weights", score["lora"], n=n, dev=0.5, fit_seconds=9), score["lora"]),
    ]


# --------------------------------------------------------------------------------------------------------- who is heard


@pytest.mark.parametrize(("knn", "lora", "decision"), [(0.55, 0.78, "weights"), (0.78, 0.55, "prompt")])
def test_a_race_that_stopped_both_leaves_the_others_their_win(knn: float, lora: float, decision: str) -> None:
    both = rated(arm("lora+few-shot", "both", 0.5, n=400, seeds=1, dev=0.4), 0.5)
    verdict = decide([*baselines(400), *sides(400, knn=knn, lora=lora), *both], task(400))
    assert verdict.decision == decision
    alone = [r for r in sides(400, knn=knn, lora=lora) if r.key.seed == 0 or r.key.method == "knn-few-shot"]
    single = decide([*baselines(400), *alone, *both], task(400))
    assert single.decision == "unsure", "the other side ran with one seed"


def test_a_baseline_with_labels_is_an_opponent_of_a_prompt_without() -> None:
    records = [
        *baselines(400, linear=0.9),
        *rated(arm("few-shot", "prompt", 0.6, n=400, dev=0.6), 0.6),
        *rated(arm("prompt:mine", "prompt", 0.7, n=400, budget=0, seeds=1), 0.7),
    ]
    verdict = decide(records, task(400))
    assert verdict.primary.prompt_arm == "prompt:mine@0"
    assert (verdict.decision, verdict.recommended) == ("neither", "linear@64")


@pytest.mark.parametrize("seeds_above", [0, 1])
def test_both_does_not_move_the_comparison_to_fewer_labels(seeds_above: int) -> None:
    few = {"budget": 16, "n": 300, "dev": 0.5}
    records = [
        *baselines(300),
        *arm("knn-few-shot", "prompt", 0.55, **few),  # type: ignore[arg-type]  # one dictionary for all
        *arm("lora", "weights", 0.50, **few),  # type: ignore[arg-type]
        *arm("lora+few-shot", "both", 0.45, **few),  # type: ignore[arg-type]
        *sides(300, knn=0.55, lora=0.80),
    ]
    if seeds_above:
        records += rated(arm("lora+few-shot", "both", 0.5, n=300, seeds=seeds_above, dev=0.3), 0.3)
    verdict = decide(records, task(300))
    assert (verdict.decision, verdict.recommended) == ("weights", "lora@64")
    assert verdict.primary.both_arm == ("lora+few-shot@64" if seeds_above else None)
    said = "No arm of both was measured with 64 labels: none takes part in the comparison there."
    assert (said in verdict.reasons) is (not seeds_above)


def test_only_both_can_be_stopped_for_being_behind() -> None:
    """A race never stops the last of prompt and weights: where one has fewer seeds it was time, or a failure."""
    records = [
        *baselines(300, linear=0.74),
        *rated(arm("knn-few-shot", "prompt", 0.55, n=300), 0.80),
        *rated(arm("lora", "weights", 0.80, n=300, seeds=2), 0.75),
    ]
    verdict = decide(records, task(300))
    assert verdict.decision != "neither"
    assert "stopped early" not in told(verdict)


def test_a_hair_behind_is_not_stopped() -> None:
    records = [*baselines(300, linear=0.70), *sides(300, knn=0.60, lora=0.62)]
    behind, level = (
        decide([*records, *rated(arm("lora+few-shot", "both", 0.745, n=300, seeds=1), share)], task(300))
        for share in (0.3, 0.61)
    )
    assert behind.decision == "neither"
    assert level.decision == "unsure"


@pytest.mark.parametrize(("family", "method"), [("weights", "lora"), ("prompt", "knn-few-shot")])
def test_nobody_wins_because_the_other_sides_machinery_failed(family: str, method: str) -> None:
    records = [*baselines(400), *sides(400, knn=0.7, lora=0.7)]
    failed = [replace(r, measurement=None, error="out of memory") if r.family == family else r for r in records]
    verdict = decide(failed, task(400))
    assert (verdict.decision, verdict.unsettled) == ("unsure", None)
    assert f"{method} has no score: 3 of 3 trials failed (out of memory)." in headline(verdict)
    assert f"The {family} family was tried and has no score: nothing is decided without it." in verdict.reasons
    assert f"What failed {method}@64: 3 of 3 trials failed (out of memory)." in told(verdict)
    arm_of_it = one(verdict, f"{method}@64")
    assert (arm_of_it.failed, arm_of_it.error, arm_of_it.seeds) == (3, "out of memory", 0)


def test_answers_that_are_missing_are_said_to_be() -> None:
    records = [
        *baselines(400),
        *sides(400, knn=0.7, lora=0.7)[:3],
        *(trial("lora", "weights", 64, s, answers(0.7, 400, arm=1, seed=s), missing=400) for s in range(3)),
    ]
    assert "lora has no score: 1,200 of 1,200 answers are missing." in headline(decide(records, task(400)))


# ------------------------------------------------------------------------------------------------ what is said is open


def test_what_is_open_against_a_baseline_is_what_could_not_be_excluded() -> None:
    records = [
        *baselines(300, linear=0.74),
        *rated(arm("knn-few-shot", "prompt", 0.55, n=300), 0.6),
        *rated(arm("lora", "weights", 0.78, n=300, seeds=2), 0.85),
    ]
    verdict = decide(records, task(300))
    assert (verdict.decision, verdict.unsettled) == ("unsure", ("lora@64", "linear@64"))
    assert "lora 78%" in headline(verdict)


def test_a_settled_pair_is_not_called_open() -> None:
    """lora is far ahead of the prompt and level with linear; both together is ahead of linear: is it ahead of lora?"""
    records = [
        *baselines(300, linear=0.70),
        *sides(300, knn=0.50, lora=0.72),
        *rated(arm("lora+few-shot", "both", 0.78, n=300, fit_seconds=9), 0.76),
    ]
    verdict = decide(records, task(300))
    assert verdict.decision in ("unsure", "both")
    if verdict.decision == "unsure":
        assert verdict.unsettled == ("lora+few-shot@64", "lora@64")
        assert headline(verdict).startswith("Cannot tell yet. lora+few-shot 78% [")
        assert "and lora 72% [" in headline(verdict)
        assert "differ by 6 points" in headline(verdict)


def test_one_seed_of_another_arm_is_not_blamed() -> None:
    generator = np.random.default_rng(5)
    records = [*baselines(300)]
    for method, family, score in (("knn-few-shot", "prompt", 0.74), ("lora", "weights", 0.80)):
        for seed in range(3):
            wild = score + float(generator.normal(0, 0.09))
            made = trial(method, family, 64, seed, answers(wild, 300, arm=len(method), seed=seed))  # type: ignore[arg-type]
            records += rated([made], score)
    records += rated(arm("lora+few-shot", "both", 0.5, n=300, seeds=1), 0.3)
    verdict = decide(records, task(300))
    assert verdict.decision == "unsure"
    assert verdict.further_test_examples is None
    assert "one seed" not in headline(verdict)
    assert "run more seeds" in headline(verdict)


def test_seeds_that_failed_are_not_advised_to_be_run() -> None:
    records = [*baselines(300), *sides(300, knn=0.7, lora=0.75)]
    cut = [
        replace(r, measurement=None, error="killed") if r.key.method == "lora" and r.key.seed else r for r in records
    ]
    assert "2 of the 3 trials of lora failed, too few seeds are left." in headline(decide(cut, task(300)))


# ----------------------------------------------------------------------------------------------------- curves and pairs


def curves(n: int, *, missing: int = 0, seeds: int = 3) -> list[TrialRecord]:
    found = []
    for method, family, scores in (("few-shot", "prompt", (0.60, 0.62)), ("lora", "weights", (0.5, 0.75))):
        for budget, score in zip((16, 64), scores, strict=True):
            found += arm(method, family, score, budget=budget, n=n, seeds=seeds, dev=0.5)  # type: ignore[arg-type]
    last = found[-1]
    assert last.measurement is not None
    results = last.measurement.results
    gone = tuple(
        replace(r, answer=None, score=None, lenient_score=None, error="timeout") if i < missing else r
        for i, r in enumerate(results)
    )
    return [*found[:-1], replace(last, measurement=replace(last.measurement, results=gone))]


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_missing_answer_does_not_make_the_crossover_surer(seeds: int) -> None:
    whole, cut = (decide(curves(200, missing=k, seeds=seeds), task(200)).crossover for k in (0, 1))
    assert whole is not None
    assert cut is not None
    assert whole.interval is not None
    assert cut.interval is not None
    wide, other = (found.interval.high - found.interval.low for found in (whole, cut) if found.interval is not None)
    assert 0.8 * wide < other < 1.25 * wide


def test_a_prompt_without_labels_is_as_good_at_every_budget() -> None:
    records = [
        *rated(arm("zero-shot", "prompt", 0.70, budget=0, seeds=1, n=300), 0.7),
        *rated(arm("zero-shot", "prompt", 0.50, n=300, dev=0.5), 0.5),
        *arm("lora", "weights", 0.55, budget=16, n=300, dev=0.5),
        *rated(arm("lora", "weights", 0.80, n=300, dev=0.5), 0.8),
    ]
    found = decide(records, task(300)).crossover
    assert found is not None
    assert found.labels is not None
    assert 30 < found.labels < 45, "where lora's curve reaches .70, not where it passes what labels did to the prompt"


def test_the_order_of_two_arms_changes_no_p_value() -> None:
    generator = np.random.default_rng(1)

    def wild(method: str, family: str, seeds: Sequence[int]) -> list[TrialRecord]:
        return [
            trial(method, family, 64, s, answers(0.6 + float(generator.normal(0, 0.05)), 200, arm=len(method), seed=s))  # type: ignore[arg-type]
            for s in seeds
        ]

    records = [
        *wild("knn-few-shot", "prompt", range(3)),
        *wild("few-shot", "prompt", range(3)),
        *wild("lora", "weights", range(2)),
        *wild("head", "weights", range(3)),
    ]
    arms = {found.name: found for found in gather(records)}
    pairs = Pairs(tuple(arms.values()), level=0.95)
    for a in arms.values():
        for b in arms.values():
            if a is not b:
                forth, back = pairs.compare(a, b), pairs.compare(b, a)
                assert forth.p == pytest.approx(back.p), (a.name, b.name)
                assert pairs.is_pooled(a, b) == pairs.is_pooled(b, a)


def test_scores_never_differ_by_more_than_one() -> None:
    records = [*baselines(300), *sides(300, knn=0.5, lora=0.7)]
    verdict = decide(records, task(300), groups={f"test:{i}": str(i % 2) for i in range(300)})
    assert verdict.primary.interval is not None
    assert verdict.primary.interval.low >= -1
    assert verdict.primary.interval.high <= 1


def test_arms_that_share_no_answered_example_have_no_score() -> None:
    few = [trial("lora", "weights", 64, seed, [True] * 5, dev=0.5) for seed in range(100)]
    gone = []
    for seed, record in enumerate(few):
        assert record.measurement is not None
        results = tuple(
            replace(r, answer=None, score=None, lenient_score=None, error="timeout") if seed == 7 * i else r
            for i, r in enumerate(record.measurement.results)
        )
        gone.append(replace(record, measurement=replace(record.measurement, results=results)))
    verdict = decide([*gone, *[trial("few-shot", "prompt", 64, s, [False] * 5, dev=0.5) for s in range(100)]], task(5))
    assert one(verdict, "lora@64").score is None
    assert verdict.decision == "unsure"
