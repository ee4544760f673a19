"""Labels are read out of answers strictly and leniently."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.metrics import read_label, read_label_strictly
from crossover.metrics.labels import label_key
from crossover.records import TaskSpec


def spec(*labels: str, names: Mapping[str, str] | None = None) -> TaskSpec:
    return TaskSpec(
        name="t",
        kind="classification",
        metric="accuracy",
        input_fields=("text",),
        target_field="label",
        labels=labels,
        label_names=names or {},
    )


BANK = spec("card", "card_arrival", "refund", "0", names={"0": "something else"})


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("card", "card"),
        (" Card.\n", "card"),
        ('"CARD_ARRIVAL"', "card_arrival"),
        ("card arrival", "card_arrival"),
        ("Card-arrival!", "card_arrival"),
        ("something else", "0"),
        ("Something else.", "0"),
        ("The answer is: refund", "refund"),
        ("It is about a card arrival, I think.", "card_arrival"),
        ("card or refund", None),
        ("discard", None),
        ("refunds", None),
        ("", None),
        ("...", None),
        ("card, card, card", "card"),
        ("ｃａｒｄ", "card"),
    ],
)
def test_lenient_reading(answer: str, label: str | None) -> None:
    assert read_label(answer, BANK) == label


@pytest.mark.parametrize(
    ("answer", "label"),
    [("card", "card"), ("something else", "0"), ("0", "0"), ("Card", None), ("card ", None), ("", None)],
)
def test_strict_reading(answer: str, label: str | None) -> None:
    assert read_label_strictly(answer, BANK) == label


def test_a_label_goes_before_another_labels_words() -> None:
    swapped = spec("0", "1", names={"0": "1", "1": "0"})
    assert read_label_strictly("0", swapped) == "0"


def test_spellings_that_fall_together_are_read_strictly_only() -> None:
    both = spec("Billing", "billing ")
    assert read_label("Billing", both) == "Billing"
    assert read_label("BILLING", both) is None


def test_labels_of_signs_only() -> None:
    signs = spec("+", "-", "?")
    assert read_label(" + ", signs) == "+"
    assert read_label("!", signs) is None


def test_a_huge_answer_is_read_quickly() -> None:
    many = spec(*(f"label number {n}" for n in range(150)))
    started = time.perf_counter()
    assert read_label("label number 7 " * 1_000_000, many) == "label number 7"
    assert time.perf_counter() - started < 2


@given(st.text())
def test_keys_are_stable(text: str) -> None:
    assert label_key(label_key(text)) == label_key(text)


@given(
    st.lists(st.text(alphabet="ab _C.", min_size=1), min_size=1, max_size=5, unique=True), st.text(alphabet="ab _C.")
)
def test_lenient_agrees_wherever_strict_reads(labels: list[str], answer: str) -> None:
    task = spec(*labels)
    strict = read_label_strictly(answer, task)
    assert strict is None or read_label(answer, task) == strict
