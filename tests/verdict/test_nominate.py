"""Who speaks for a family."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crossover.records import TrialRecord
from crossover.verdict.arms import gather
from crossover.verdict.nominate import nominate
from tests.verdict.studies import arm, trial


def _names(records: list[TrialRecord]) -> dict[str, str]:
    return {family: nominee.name for family, nominee in nominate(gather(records)).arms.items()}


def test_by_dev_score_and_never_by_test_score() -> None:
    records = [
        *arm("few-shot", "prompt", 0.9, dev=0.5),
        *arm("prompt-search", "prompt", 0.4, dev=0.6),
        *arm("lora", "weights", 0.5, dev=0.5),
    ]
    assert _names(records) == {"prompt": "prompt-search@64", "weights": "lora@64"}


def test_ties_go_to_the_cheaper_fit_then_by_name() -> None:
    records = [
        *arm("a", "prompt", 0.5, dev=0.5, fit_seconds=9),
        *arm("c", "prompt", 0.5, dev=0.5, fit_seconds=3),
        *arm("b", "prompt", 0.5, dev=0.5, fit_seconds=3),
    ]
    assert _names(records) == {"prompt": "b@64"}


def test_at_the_largest_budget_that_both_have_with_enough_seeds() -> None:
    records = [
        *arm("few-shot", "prompt", 0.5, dev=0.5, budget=32),
        *arm("few-shot", "prompt", 0.5, dev=0.5, budget=128),
        *arm("lora", "weights", 0.5, dev=0.5, budget=32),
        *arm("lora", "weights", 0.5, dev=0.9, budget=128, seeds=2),
        *arm("lora", "weights", 0.5, dev=0.9, budget=512),
    ]
    assert _names(records) == {"prompt": "few-shot@32", "weights": "lora@32"}


def test_without_a_dev_score_the_arm_without_labels_speaks() -> None:
    records = [
        *arm("zero-shot", "prompt", 0.5, budget=0, seeds=1),
        *arm("few-shot", "prompt", 0.6, budget=64),
        *arm("lora", "weights", 0.5, dev=0.5),
    ]
    assert _names(records) == {"prompt": "zero-shot@0", "weights": "lora@64"}


def _on_rows(records: list[TrialRecord], share: float, *, n: int = 40) -> list[TrialRecord]:
    """Give each trial its scores on its seed's validation rows, of which a share is right; without labels on all."""
    seeds = range(3)

    def rows(record: TrialRecord) -> dict[str, float | None]:
        of = [record.key.seed] if record.key.budget else seeds
        return {f"train:{seed}:{i}": float(i < share * n) for seed in of for i in range(n)}

    return [replace(record, validation=rows(record)) for record in records]


def test_by_validation_score_where_all_of_the_family_have_one() -> None:
    records = [
        *_on_rows(arm("head", "weights", 0.5, dev=0.9), 0.6),
        *_on_rows(arm("lora", "weights", 0.5, dev=0.4), 0.8),
        *arm("few-shot", "prompt", 0.5, dev=0.5),
    ]
    nomination = nominate(gather(records))
    assert {f: a.name for f, a in nomination.arms.items()} == {"prompt": "few-shot@64", "weights": "lora@64"}
    assert "lora@64 was nominated by its validation score .80, the best of 2 weights arms there." in nomination.reasons
    assert "few-shot@64 was nominated by its dev score .50." in nomination.reasons


def test_by_dev_score_where_one_of_the_family_has_no_validation_score() -> None:
    records = [
        *_on_rows(arm("head", "weights", 0.5, dev=0.9), 0.6),
        *_on_rows(arm("lora", "weights", 0.5, dev=0.4), 0.8),
        *arm("ia3", "weights", 0.5, dev=0.5),
    ]
    assert _names(records) == {"weights": "head@64"}


def test_a_prompt_that_needs_no_labels_can_be_the_best_of_its_family() -> None:
    records = [
        *_on_rows(arm("prompt:mine", "prompt", 0.5, budget=0, seeds=1), 0.7),
        *_on_rows(arm("zero-shot", "prompt", 0.9, budget=0, seeds=1), 0.4),
        *_on_rows(arm("few-shot", "prompt", 0.5, dev=0.9), 0.6),
        *_on_rows(arm("lora", "weights", 0.5, dev=0.4), 0.8),
    ]
    nomination = nominate(gather(records))
    assert {f: a.name for f, a in nomination.arms.items()} == {"prompt": "prompt:mine@0", "weights": "lora@64"}
    assert nomination.budget == 64
    without = [r for r in records if r.key.method != "few-shot"]
    assert _names(without)["prompt"] == "prompt:mine@0", "the best of two without labels, not the cheapest"


def test_only_rows_that_every_arm_has_answered_are_compared() -> None:
    late = _on_rows(arm("lora", "weights", 0.5, dev=0.5), 0.5)
    full = _on_rows(arm("head", "weights", 0.5, dev=0.5), 0.5)
    # What head alone has answered is all right, and what it lacks is all right, too.
    more = [replace(r, validation={**r.validation, **{f"only:{i}": 1.0 for i in range(99)}}) for r in full]
    fewer = [
        replace(r, validation={k: None if i < 5 else v for i, (k, v) in enumerate(r.validation.items())}) for r in more
    ]
    assert _names([*late, *more]) == {"weights": "head@64"}, "equal on what they share: by name"
    assert _names([*late, *fewer]) == {"weights": "head@64"}
    reasons = nominate(gather([*late, *fewer])).reasons
    assert reasons == ("head@64 was nominated by its validation score .43, the best of 2 weights arms there.",)


def test_a_handful_of_validation_rows_decides_nothing() -> None:
    records = [
        *_on_rows(arm("head", "weights", 0.5, dev=0.9), 0.0, n=5),
        *_on_rows(arm("lora", "weights", 0.5, dev=0.4), 1.0, n=5),
    ]
    assert _names(records) == {"weights": "head@64"}


def test_the_only_arm_speaks() -> None:
    assert _names([*arm("few-shot", "prompt", 0.5), *arm("majority", "baseline", 0.3)]) == {"prompt": "few-shot@64"}


def _in(precision: str, records: list[TrialRecord]) -> list[TrialRecord]:
    return [replace(r, key=replace(r.key, precision=precision)) for r in records]


def test_in_the_declared_precision_only() -> None:
    records = [
        *_in("nf4", arm("few-shot", "prompt", 0.5, dev=0.9)),
        *_in("bf16", arm("few-shot", "prompt", 0.5, dev=0.5)),
        *_in("nf4", arm("lora", "weights", 0.5, dev=0.9)),
        *_in("bf16", arm("lora", "weights", 0.5, dev=0.5)),
        *_in("nf4", arm("lora+few-shot", "both", 0.9, dev=0.9)),
        *arm("majority", "baseline", 0.3),
    ]

    def nominated(precision: str | None) -> dict[str, str]:
        return {f: a.name for f, a in nominate(gather(records), precision=precision).arms.items()}

    assert nominated("bf16") == {"prompt": "few-shot@64:bf16", "weights": "lora@64:bf16"}
    assert nominated("nf4") == {
        "prompt": "few-shot@64:nf4",
        "weights": "lora@64:nf4",
        "both": "lora+few-shot@64:nf4",
    }
    assert nominated(None) == nominated("nf4"), "nothing declared: by dev score, whatever the precision"
    assert nominated("fp32") == nominated(None), "nothing was measured in it"
    reasons = nominate(gather(records), precision="bf16").reasons
    assert reasons[0] == "The verdict is about bf16, which was named first."
    assert not any("named first" in reason for reason in nominate(gather(records)).reasons)


def test_nobody() -> None:
    assert nominate(gather([])).arms == {}


@pytest.mark.parametrize(
    ("other", "names"),
    [
        ({"budget": 8}, ["lora@8", "lora@64"]),
        ({"precision": "bf16"}, ["lora@64:bf16", "lora@64:fp32"]),
        ({"model": "large"}, ["lora@64:large", "lora@64:tiny"]),
        ({"wording": "0123456789"}, ["lora@64#01234567", "lora@64#default"]),
    ],
)
def test_arms_are_told_apart_by_name(other: dict[str, object], names: list[str]) -> None:
    right = [True, False] * 10
    keys = {"budget": 64, "precision": "fp32", "model": "tiny", "wording": ""}
    records = []
    for changes in ({}, other):
        key = keys | changes
        records.append(
            trial(
                "lora",
                "weights",
                int(str(key["budget"])),
                0,
                right,
                precision=str(key["precision"]),
                model=str(key["model"]),
                wording=str(key["wording"]),
            )
        )
    assert [found.name for found in gather(records)] == names
