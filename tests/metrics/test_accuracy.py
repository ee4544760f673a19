"""Accuracy and its aggregates, against scikit-learn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from crossover.metrics import get_metric
from crossover.records import TaskSpec

LABELS = ("a", "b", "c", "d")
SPEC = TaskSpec(
    name="t", kind="classification", metric="accuracy", input_fields=("text",), target_field="label", labels=LABELS
)
METRIC = get_metric("accuracy")
pairs = st.lists(
    st.tuples(st.sampled_from((*LABELS, "no label", "")), st.sampled_from(LABELS)), min_size=1, max_size=60
)


@given(pairs)
@pytest.mark.filterwarnings("ignore:A single label was found", "ignore:y_pred contains classes not in y_true")
def test_scores_and_aggregates_equal_scikit_learn(rows: list[tuple[str, str]]) -> None:
    answers, targets = [answer for answer, _ in rows], [target for _, target in rows]
    mean = sum(METRIC.score(answer, target, SPEC) for answer, target in rows) / len(rows)
    assert mean == pytest.approx(accuracy_score(targets, answers))
    aggregate = METRIC.aggregate(answers, targets, SPEC)
    macro = f1_score(targets, answers, labels=sorted(set(targets)), average="macro", zero_division=0)
    assert aggregate["macro_f1"] == pytest.approx(macro, abs=1e-12)
    assert aggregate["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(targets, answers), abs=1e-12)


def test_missing_answers_are_left_out_of_the_aggregates() -> None:
    assert METRIC.aggregate(["a", None, "b"], ["a", "a", "b"], SPEC) == {"macro_f1": 1.0, "balanced_accuracy": 1.0}
    assert METRIC.aggregate([None], ["a"], SPEC) == {}


def test_answers_and_targets_of_different_length_are_a_fault() -> None:
    with pytest.raises(ValueError, match="zip"):
        METRIC.aggregate(["a"], ["a", "b"], SPEC)


def test_a_wrong_format_scores_zero_strictly_and_one_leniently() -> None:
    assert METRIC.score("The answer is A.", "a", SPEC) == 0.0
    assert METRIC.lenient("The answer: B.", "b", SPEC) == 1.0
