"""Linear models answer as scikit-learn does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from crossover.candidate import HeadCandidate, LinearCandidate, predict
from crossover.candidate.head import head_tokens
from crossover.candidate.linear import vectorizer
from crossover.candidate.logistic import Logistic
from crossover.candidate.wording import joined
from crossover.model.local import LocalModel
from crossover.records import Example
from tests.candidate.made import adapter


@pytest.mark.parametrize("n_labels", [2, 3])
def test_a_linear_candidate_answers_as_scikit_learn(rows: Sequence[Example], n_labels: int) -> None:
    kept = [row for row in rows if row.target in sorted({str(r.target) for r in rows})[:n_labels]]
    texts = [row.inputs["text"] for row in kept]
    counts = vectorizer()
    fitted = LogisticRegression(C=10, max_iter=2000).fit(counts.fit_transform(texts), [str(row.target) for row in kept])
    candidate = LinearCandidate(
        fields=("text",),
        vocabulary=tuple(sorted(counts.vocabulary_, key=counts.vocabulary_.__getitem__)),
        idf=np.asarray(counts.idf_),
        model=Logistic.of(fitted),
    )
    queries = [*texts, "never seen", "", "parcel refund password"]
    predictions = predict(candidate, [{"text": text} for text in queries], None)
    assert [p.answer for p in predictions] == fitted.predict(counts.transform(queries)).tolist()
    probabilities = np.sort(fitted.predict_log_proba(counts.transform(queries)), axis=1)
    assert [p.margin for p in predictions] == pytest.approx((probabilities[:, -1] - probabilities[:, -2]).tolist())


def test_a_head_reads_the_models_states(tiny: LocalModel, rows: Sequence[Example]) -> None:
    states = tiny.embed([head_tokens(tiny, row.inputs, ("text",)) for row in rows])
    mean, scale = states.mean(axis=0), states.std(axis=0) + 1e-6
    fitted = LogisticRegression(C=0.1, max_iter=2000).fit((states - mean) / scale, [str(row.target) for row in rows])
    candidate = HeadCandidate(fields=("text",), mean=mean, scale=scale, head=Logistic.of(fitted))
    predictions = predict(candidate, [row.inputs for row in rows], tiny)
    assert [p.answer for p in predictions] == fitted.predict((states - mean) / scale).tolist()
    assert [p.prompt_tokens for p in predictions] == [len(head_tokens(tiny, row.inputs, ("text",))) for row in rows]


def test_a_head_reads_the_states_of_its_adapter_and_takes_it_off(tiny: LocalModel, rows: Sequence[Example]) -> None:
    on = adapter()
    tokens = [head_tokens(tiny, row.inputs, ("text",)) for row in rows]
    before = tiny.embed(tokens)
    with tiny.adapted(on):
        states = tiny.embed(tokens)
    assert abs(states - before).max() > 0.01
    mean, scale = states.mean(axis=0), states.std(axis=0) + 1e-6
    fitted = LogisticRegression(C=0.1, max_iter=2000).fit((states - mean) / scale, [str(row.target) for row in rows])
    candidate = HeadCandidate(fields=("text",), mean=mean, scale=scale, head=Logistic.of(fitted), adapter=on)
    predictions = predict(candidate, [row.inputs for row in rows], tiny)
    assert [p.answer for p in predictions] == fitted.predict((states - mean) / scale).tolist()
    expected = np.sort(fitted.predict_log_proba((states - mean) / scale), axis=1)
    assert [p.margin for p in predictions] == pytest.approx((expected[:, -1] - expected[:, -2]).tolist(), abs=1e-4)
    np.testing.assert_array_equal(tiny.embed(tokens), before)


def test_one_label_alone_is_always_answered() -> None:
    only = Logistic(labels=("a",), weights=np.zeros((1, 2)), bias=np.zeros(1))
    assert [(p.answer, p.margin) for p in only.answers(np.ones((2, 2)))] == [("a", None)] * 2


def test_columns_are_joined_in_the_tasks_order() -> None:
    assert joined({"b": "2", "a": "1", "c": "3"}, ("a", "b")) == "1\n2"
