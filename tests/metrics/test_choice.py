"""Multiple choice: letters and texts of options."""

from __future__ import annotations

import pytest

from crossover.metrics import get_metric
from tests.metrics.made import example, spec

METRIC = get_metric("choice_accuracy")
SPEC = spec("qa")
BOTH = example("B", "Paris")


@pytest.mark.parametrize(
    "answer", ["B", "b", "(b)", "B.", "**B**", "Paris", "paris.", "B) Paris", "(B) Paris", "b: Paris"]
)
def test_the_letter_the_text_and_both_are_right(answer: str) -> None:
    assert METRIC.score(answer, BOTH, SPEC) == METRIC.lenient(answer, BOTH, SPEC) == 1.0


@pytest.mark.parametrize(
    ("answer", "lenient"),
    [
        ("The answer is (B).", 1.0),
        ("Answer: B", 1.0),
        ("Option B", 1.0),
        ("I choose option A. No, the answer is B", 1.0),
        ("The answer is A, not B.", 0.0),
        ("A", 0.0),
        ("A) Paris", 0.0),
        ("B) London", 1.0),
        ("Because", 0.0),
        ("Parisian", 0.0),
        ("", 0.0),
    ],
)
def test_what_is_wrong_strictly(answer: str, lenient: float) -> None:
    assert METRIC.score(answer, BOTH, SPEC) == 0.0
    assert METRIC.lenient(answer, BOTH, SPEC) == lenient


def test_without_the_text_a_letter_with_text_is_right_leniently() -> None:
    assert METRIC.score("B) Paris", example("B"), SPEC) == 0.0
    assert METRIC.lenient("B) Paris", example("B"), SPEC) == 1.0


def test_yes_and_no_are_choices() -> None:
    assert METRIC.score("Yes.", example("yes"), SPEC) == 1.0
    assert METRIC.score("Yes", example("no"), SPEC) == METRIC.lenient("Yes", example("no"), SPEC) == 0.0


def test_signs_inside_a_choice_count() -> None:
    assert METRIC.lenient("3", example("-3"), SPEC) == 0.0
    assert METRIC.score("-3", example("-3"), SPEC) == 1.0
