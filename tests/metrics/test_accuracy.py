"""Accuracy and its aggregates, against scikit-learn."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    precision_recall_fscore_support,
)

from crossover.metrics import get_metric, per_class
from tests.metrics.made import example, spec

LABELS = ("a", "b", "c", "d")
SPEC = spec("classification", *LABELS)
METRIC = get_metric("accuracy")
pairs = st.lists(
    st.tuples(st.sampled_from((*LABELS, "no label", "")), st.sampled_from(LABELS)), min_size=1, max_size=60
)
unusual = pytest.mark.filterwarnings("ignore:A single label was found", "ignore:y_pred contains classes not in y_true")


def check_against_scikit_learn(rows: list[tuple[str, str]]) -> None:
    answers, targets = [answer for answer, _ in rows], [target for _, target in rows]
    examples = [example(target) for target in targets]
    mean = sum(map(lambda a, e: METRIC.score(a, e, SPEC), answers, examples)) / len(rows)
    assert mean == pytest.approx(accuracy_score(targets, answers), abs=1e-12)
    aggregate = METRIC.aggregate(answers, examples, SPEC)
    macro = f1_score(targets, answers, labels=sorted(set(targets)), average="macro", zero_division=0)
    assert aggregate["macro_f1"] == pytest.approx(macro, abs=1e-12)
    assert aggregate["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(targets, answers), abs=1e-12)
    numbers = per_class(answers, examples, SPEC)
    assert list(numbers) == sorted(set(targets))
    theirs = precision_recall_fscore_support(targets, answers, labels=list(numbers), zero_division=0)
    for i, label in enumerate(numbers):
        expected = {
            name: float(column[i]) for name, column in zip(("precision", "recall", "f1", "n"), theirs, strict=True)
        }
        assert numbers[label] == pytest.approx(expected, abs=1e-12)


@given(pairs)
@unusual
def test_scores_and_aggregates_equal_scikit_learn(rows: list[tuple[str, str]]) -> None:
    check_against_scikit_learn(rows)


@pytest.mark.parametrize("seed", range(3))
@unusual
def test_a_thousand_rows_equal_scikit_learn(seed: int) -> None:
    draw = random.Random(seed)
    weights = [draw.random() ** 2 for _ in LABELS]
    targets = draw.choices(LABELS, weights, k=1_000)
    answers = [t if draw.random() < 0.6 else draw.choice((*LABELS, "no label", "A")) for t in targets]
    check_against_scikit_learn(list(zip(answers, targets, strict=True)))


def test_missing_answers_are_left_out_of_the_aggregates() -> None:
    targets = [example("a"), example("a"), example("b")]
    assert METRIC.aggregate(["a", None, "b"], targets, SPEC) == {"macro_f1": 1.0, "balanced_accuracy": 1.0}
    assert METRIC.aggregate([None], targets[:1], SPEC) == {}
    assert per_class(["a", None, "c"], targets, SPEC)["a"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "n": 1}


def test_answers_and_targets_of_different_length_are_a_fault() -> None:
    with pytest.raises(ValueError, match="zip"):
        METRIC.aggregate(["a"], [example("a"), example("b")], SPEC)


def test_a_wrong_format_scores_zero_strictly_and_one_leniently() -> None:
    assert METRIC.score("The answer is A.", example("a"), SPEC) == 0.0
    assert METRIC.lenient("The answer: B.", example("b"), SPEC) == 1.0


def test_a_further_reference_is_as_right_as_the_target() -> None:
    either = example("a", "b")
    assert METRIC.score("b", either, SPEC) == 1.0
    assert METRIC.aggregate(["b"], [either], SPEC) == {"macro_f1": 1.0, "balanced_accuracy": 1.0}
