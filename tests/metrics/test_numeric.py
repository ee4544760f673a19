"""Numbers are read out of answers, strictly and leniently."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.metrics import get_metric
from crossover.metrics.numeric import read_number
from tests.metrics.made import example, spec

METRIC = get_metric("numeric_match")
SPEC = spec("math")
GSM = example("She sells 16 - 3 - 4 = 9 eggs.\n9 * 2 = $18\n#### 18")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", 42),
        (" -3.50 ", Fraction(-7, 2)),
        ("−3", -3),
        ("1,250", 1250),
        ("1'250'000", 1250000),
        ("$1,250.50", Fraction(2501, 2)),
        ("-$5", -5),
        ("5 €", 5),
        ("50%", 50),
        ("3/4", Fraction(3, 4)),
        (r"\frac{3}{4}", Fraction(3, 4)),
        (r"-\dfrac{1}{2}", Fraction(-1, 2)),
        (".5", Fraction(1, 2)),
        ("1e-3", Fraction(1, 1000)),
        ("7.", 7),
        ("$18$", 18),
        ("1,25", None),
        ("3/0", None),
        ("--3", None),
        ("1e999", None),
        ("9" * 301, None),
        ("seven", None),
        ("7 eggs", None),
        ("nan", None),
        ("", None),
        ("٣", None),
    ],
)
def test_numbers(text: str, number: Fraction | int | None) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    ("answer", "strict", "lenient"),
    [
        ("#### 18", 1, 1),
        ("16 - 3 - 4 = 9\n#### $18.00", 1, 1),
        ("#### 5\nNo:\n#### 18", 1, 1),
        ("#### 18\n#### 5", 0, 0),
        ("18", 0, 1),
        ("#### 18 dollars for 7 days", 0, 1),
        ("The answer is 18.", 0, 1),
        ("The answer is 9 * 2 = 18 dollars a day, 7 days a week.", 0, 1),
        ("So she makes 9 * 2 = 18 dollars.", 0, 1),
        ("The final answer: **18**", 0, 1),
        (r"Thus \boxed{18} of 20", 0, 1),
        ("18 dollars a day, 7 days a week", 0, 0),
        ("#### eighteen, that is 18", 0, 1),
        ("H18", 0, 0),
        ("", 0, 0),
    ],
)
def test_the_last_marker_tells_the_number(answer: str, strict: int, lenient: int) -> None:
    assert (METRIC.score(answer, GSM, SPEC), METRIC.lenient(answer, GSM, SPEC)) == (strict, lenient)


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("42", "42"),
        ("42.0", "42"),
        ("The answer is 42.", "I think the answer is 42"),
        (r"Hence \boxed{\frac{3}{4}}.", r"\boxed{3/4}"),
        (r"\boxed{\frac{3}{4}}", r"We get \boxed{0.75}"),
        ("#### 1,000", "#### 1000"),
        ("72 clips", "72"),
        ("0.3333333", "1/3"),
    ],
)
def test_an_answer_like_its_reference_is_right_strictly(target: str, answer: str) -> None:
    assert METRIC.score(answer, example(target), SPEC) == 1.0


@pytest.mark.parametrize(
    ("target", "answer"),
    [("42", "42.5"), ("1000000", "1000001"), ("3", "-3"), ("0.333", "1/3"), (r"\boxed{7}", "7"), ("no number", "7")],
)
def test_another_number_or_form_is_wrong_strictly(target: str, answer: str) -> None:
    assert METRIC.score(answer, example(target), SPEC) == 0.0


@pytest.mark.parametrize(
    ("answer", "number"),
    [("5-3", 3), ("(a)-3", 3), ("2 - 5", 5), ("is -3", -3), ("x = -3", -3), ("it is - 3", -3), ("from 2 to -3", -3)],
)
def test_a_minus_behind_an_operand_is_an_operator(answer: str, number: int) -> None:
    assert METRIC.lenient(answer, example(str(number)), SPEC) == 1.0


@given(st.integers(-(10**9), 10**9), st.integers(0, 99))
def test_any_number_is_read_however_it_is_written(whole: int, cents: int) -> None:
    exact = Fraction(whole) + (Fraction(cents, 100) if whole >= 0 else -Fraction(cents, 100))
    for written in (f"{whole}.{cents:02d}", f"{whole:,}.{cents:02d}", f"{whole:_}.{cents:02d}".replace("_", "'")):
        assert read_number(written) == exact
        assert METRIC.lenient(f"That makes {written} in all.", example(written), SPEC) == 1.0


def test_gsm8k_answers_are_read_as_lm_evaluation_harness_reads_them() -> None:
    """Its task gsm8k: strict-match is the first of this pattern; ours takes the last, which models give once."""
    pattern = re.compile(r"#### (\-?[0-9\.\,]+)")
    for number in (0, 7, -12, 1250, 3_000_000):
        for written in (f"{number}", f"{number:,}"):
            answer = f"First 3 + 4 = 7.\n#### {written}"
            found = pattern.search(answer)
            assert found is not None
            assert read_number(found[1]) == number
            assert METRIC.score(answer, example(f"So.\n#### {number}"), SPEC) == 1.0
