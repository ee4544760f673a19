"""Studies that cannot say much: each ends in a verdict and in words, and claims no winner that is not one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.records import Family, TrialRecord, Verdict
from crossover.verdict import decide, explanation, from_json, headline, to_json
from crossover.verdict.synthetic import SyntheticArm, synthetic_study
from tests.verdict.studies import answers, arm, task, trial, usual

WINS = ("prompt", "weights", "both")


def _told(verdict: Verdict) -> str:
    """Return all that people read of a verdict, and see that its JSON reads again."""
    assert from_json(to_json(verdict)).decision == verdict.decision
    return "\n".join([headline(verdict), *(f"{q} {a}" for q, a in explanation(verdict)), *verdict.reasons])


def _failed(record: TrialRecord) -> TrialRecord:
    return replace(record, measurement=None, error="out of memory")


def _alike(n: int = 200) -> list[TrialRecord]:
    """Return a study in which every arm gives the same answers at every seed."""
    right = answers(0.6, n, arm=1, seed=0)
    families: dict[str, Family] = {"few-shot": "prompt", "lora": "weights", "lora+few-shot": "both"}
    records = [trial("majority", "baseline", 0, 0, answers(0.2, n, arm=2, seed=0))]
    return records + [trial(m, f, 64, s, right, dev=0.5) for m, f in families.items() for s in range(3)]


def _at_chance(n: int = 300) -> list[TrialRecord]:
    return usual(n, majority=0.5, linear=0.5, knn=0.5, lora=0.5, both=0.5)


STUDIES: dict[str, tuple[Callable[[], list[TrialRecord]], int, str]] = {
    "half of the cells failed": (
        lambda: [_failed(r) if r.key.seed else r for r in usual()], 200, "trials failed and left no measurement",
    ),
    "every weights cell failed": (
        lambda: [_failed(r) if r.family == "weights" else r for r in usual()], 200, "No weights arm with a score",
    ),
    "one seed": (lambda: [r for r in usual() if r.key.seed == 0], 200, "never of lora"),
    "a test of 10": (lambda: usual(10, lora=0.8, knn=0.5, both=0.8), 10, "Cannot tell"),
    "all arms at chance": (_at_chance, 300, ""),
    "all arms alike": (_alike, 200, ""),
    "nothing": (list, 200, "Cannot tell"),
    "a baseline alone": (lambda: arm("linear", "baseline", 0.9, n=50), 50, "Cannot tell"),
    "one prompt alone": (lambda: arm("few-shot", "prompt", 0.9, n=50), 50, "No baseline took part"),
}  # fmt: skip


@pytest.mark.parametrize("name", STUDIES)
def test_no_winner_that_is_not_one(name: str) -> None:
    study, n, said = STUDIES[name]
    verdict = decide(study(), task(n))
    told = _told(verdict)
    if name != "every weights cell failed":  # there both together may have won in earnest
        assert verdict.decision not in WINS
        assert not told.startswith(("Fine-tune.", "Keep to a prompt.", "Do both:"))
    assert said in told


def test_two_arms_and_no_baseline_can_be_decided() -> None:
    records = [*arm("few-shot", "prompt", 0.5, n=400, dev=0.5), *arm("lora", "weights", 0.8, n=400, dev=0.5)]
    verdict = decide(records, task(400))
    assert verdict.decision == "weights"
    assert "No baseline took part: what a simple method would reach is not known." in _told(verdict)


def test_two_arms_that_are_close_cannot() -> None:
    records = [*arm("few-shot", "prompt", 0.6, n=100, dev=0.5), *arm("lora", "weights", 0.62, n=100, dev=0.5)]
    assert decide(records, task(100)).decision == "unsure"


def test_arms_that_are_all_alike_are_tied_and_the_cheapest_is_taken() -> None:
    verdict = decide(_alike(2000), task(2000))
    assert (verdict.decision, verdict.recommended) == ("tied", "few-shot@64")
    assert verdict.primary.difference == 0.0
    assert verdict.primary.both_gain == 0.0


def test_a_baseline_that_is_all_there_is_to_it() -> None:
    """Every arm answers what always giving the same answer would."""
    right = answers(0.5, 600, arm=1, seed=0)
    families: dict[str, Family] = {"few-shot": "prompt", "lora": "weights"}
    records = [trial("majority", "baseline", 0, 0, right)]
    records += [trial(m, f, 64, s, right, dev=0.5) for m, f in families.items() for s in range(3)]
    verdict = decide(records, task(600))
    assert (verdict.decision, verdict.recommended) == ("neither", "majority@0")
    assert headline(verdict).startswith("Nothing works here.")


FAMILIES: tuple[Family, ...] = ("baseline", "prompt", "weights", "both")


@settings(max_examples=60, deadline=None)
@given(
    arms=st.lists(
        st.tuples(
            st.sampled_from(FAMILIES),
            st.sampled_from([0, 8, 64]),
            st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]),
            st.sampled_from([0.0, 0.05]),
        ),
        max_size=7,
    ),
    n=st.sampled_from([1, 2, 10, 60]),
    seeds=st.integers(1, 4),
    groups=st.integers(0, 12),
    margin=st.sampled_from([0.0, 0.03, 0.2]),
    draw=st.randoms(use_true_random=False),
)
def test_whatever_happens_there_is_a_verdict_in_words(
    arms: list[tuple[Family, int, float, float]],
    n: int,
    seeds: int,
    groups: int,
    margin: float,
    draw: random.Random,
) -> None:
    """Random studies with failed cells, lost answers, one seed, groups: never an exception, never a hollow winner."""
    planned = [
        SyntheticArm(method=f"{family}-{i}", family=family, budget=budget, score=score, seed_sd=seed_sd)
        for i, (family, budget, score, seed_sd) in enumerate(arms)
    ]
    records = synthetic_study(planned, n_test=n, seeds=seeds, generator=np.random.default_rng(draw.randrange(1000)))
    broken = []
    for record in records:
        fate = draw.random()
        broken.append(_failed(record) if fate < 0.15 else _losing(record, draw) if fate < 0.3 else record)
    named = {f"test:{i}": f"g{draw.randrange(groups)}" for i in range(n)} if groups else None
    verdict = decide(broken, task(n), margin=margin, groups=named)
    told = _told(verdict)
    assert "nan" not in told.lower()
    assert verdict.margin == margin
    by_name = {one.arm: one for one in verdict.arms}
    if verdict.decision in WINS:
        winner = by_name[verdict.recommended or ""]
        assert winner.family == verdict.decision
        assert winner.score is not None
        assert winner.budget == 0 or winner.seeds > 1
        others = [one for one in verdict.arms if one.family != winner.family and one.score is not None]
        assert others, "it won against something"
    for interval in (verdict.primary.interval, verdict.primary.both_interval):
        assert interval is None or interval.low <= interval.high
    more = verdict.more_labels
    assert more is None or more.interval.low <= more.gain <= more.interval.high


def _losing(record: TrialRecord, draw: random.Random) -> TrialRecord:
    measured = record.measurement
    assert measured is not None
    results = tuple(
        replace(one, answer=None, score=None, lenient_score=None, error="timeout") if draw.random() < 0.1 else one
        for one in measured.results
    )
    return replace(record, measurement=replace(measured, results=results))
