"""How much of an answer is read, and what a forgiving reader takes off it."""

from __future__ import annotations

import pytest

from crossover.metrics import get_metric
from crossover.metrics.readings import MAX_ANSWER_CHARACTERS, bounded, readings
from tests.metrics.made import example, spec


def test_an_answer_is_read_up_to_a_bound_that_its_references_raise() -> None:
    assert len(bounded("x" * 100_000, ())) == MAX_ANSWER_CHARACTERS
    assert len(bounded("x" * 100_000, ("ab", "abc"))) == MAX_ANSWER_CHARACTERS + 6
    assert bounded("short", ("ab",)) == "short"


@pytest.mark.parametrize("name", ["token_f1", "exact_match", "rouge_1", "rouge_2", "rouge_l", "chrf"])
def test_what_follows_the_bound_changes_no_score(name: str) -> None:
    metric = get_metric(name)
    row, task = example('{"a": "two dogs play"}'), spec(metric.kinds[0])
    whole = row.answers[0] + " " * (MAX_ANSWER_CHARACTERS + 100)
    for score in (metric.score, metric.lenient):
        assert score(whole + " " * 100, row, task) == score(whole + " more" * 20, row, task)
    assert metric.score(whole + " more" * 20, row, task) > 0.9


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Paris", ("Paris",)),
        (" Paris\n", (" Paris\n", "Paris")),
        ("Answer: Paris", ("Answer: Paris", "Paris")),
        ("\u201eParis\u201c", ("\u201eParis\u201c", "Paris")),
        ("\u201dParis\u201c", ("\u201dParis\u201c",)),
        ("\u201cParis\u201d", ("\u201cParis\u201d", "Paris")),
        ("So:\n```text\nParis\n```\nGood?", ("So:\n```text\nParis\n```\nGood?", "Paris")),
        ("```\nParis", ("```\nParis", "Paris")),
        ("", ("",)),
    ],
)
def test_readings_take_off_one_wrapping_after_the_other(answer: str, found: tuple[str, ...]) -> None:
    assert readings(answer) == found
