"""Choosing: folds, priors, ties."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax

from crossover.candidate import PromptedCandidate, PromptProgram
from crossover.methods.choosing import (
    Choice,
    chosen_score,
    folds,
    label_frequencies,
    out_of_bag_score,
    prior_of,
)
from crossover.methods.frozen import Option, best_of
from crossover.metrics import get_metric
from crossover.records import Example, TaskSpec

targets = st.lists(st.sampled_from("aaaabbc"), min_size=1, max_size=60)


def examples(labels: list[str]) -> list[Example]:
    return [Example(id=f"train:{i}", inputs={"text": str(i)}, target=label, row=i) for i, label in enumerate(labels)]


def choice(scores: list[float], log_likelihoods: list[float] | None = None, first: int = 0) -> Choice:
    return Choice(
        rows=tuple(f"train:{first + i}" for i in range(len(scores))),
        scores=np.array(scores),
        log_likelihoods=np.array(log_likelihoods or [np.nan] * len(scores)),
    )


@given(targets, st.integers(1, 12), st.integers(0, 5))
def test_folds_cover_every_row_once_and_evenly(labels: list[str], n: int, seed: int) -> None:
    parts = folds(examples(labels), n, seed)
    assert len(parts) == min(n, len(labels))
    assert sorted(i for part in parts for i in part) == list(range(len(labels)))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    for label in set(labels):
        counts = [Counter(labels[i] for i in part)[label] for part in parts]
        assert max(counts) - min(counts) <= 1, "labels are spread evenly"
    assert all(part == sorted(part) for part in parts)
    assert folds(examples(labels), n, seed) == parts


def test_another_seed_gives_other_folds() -> None:
    rows = examples(list("ab" * 20))
    assert len({str(folds(rows, 4, seed)) for seed in range(8)}) == 8


def test_no_rows_make_no_folds() -> None:
    assert folds([], 3, 0) == []


logprobs = arrays(np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=st.floats(-50, 0))


@given(logprobs)
def test_the_prior_is_the_log_of_the_mean_distribution(
    scores: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    prior = prior_of(scores, "abc")
    assert list(prior) == ["a", "b", "c"]
    np.testing.assert_allclose(
        [np.exp(prior[label]) for label in "abc"], softmax(scores, axis=1).mean(axis=0), atol=1e-12
    )
    assert sum(np.exp(value) for value in prior.values()) == pytest.approx(1.0)


@given(logprobs, st.floats(-30, 30))
def test_the_prior_does_not_see_what_all_labels_share(
    scores: np.ndarray[tuple[int, int], np.dtype[np.float64]], shift: float
) -> None:
    assert dict(prior_of(scores + shift, "abc")) == pytest.approx(dict(prior_of(scores, "abc")), abs=1e-9)


def test_a_prior_stays_finite_where_a_label_is_never_likely() -> None:
    prior = prior_of(np.array([[0.0, -2000.0], [0.0, -3000.0]]), "ab")
    assert all(np.isfinite(value) for value in prior.values())


def test_frequencies_put_a_rare_label_back_in_its_place() -> None:
    scores = np.log(np.array([[0.90, 0.09, 0.01]] * 4))  # the model hardly knows c; c is rare indeed
    equal = prior_of(scores, "abc")
    matched = prior_of(scores, "abc", {"a": 0.5, "b": 0.45, "c": 0.05})
    shifted = scores[0] - np.array([matched[label] for label in "abc"])
    np.testing.assert_allclose(scores[0] - np.array([equal[label] for label in "abc"]), 0, atol=1e-9)
    np.testing.assert_allclose(np.exp(shifted), [0.5, 0.45, 0.05], atol=1e-9)


@given(st.lists(st.sampled_from("abd"), max_size=12))
def test_label_frequencies_are_a_distribution_without_zeros(targets: list[str]) -> None:
    frequencies = label_frequencies(examples(targets), "abc")
    assert set(frequencies) == set("abc")
    assert all(share > 0 for share in frequencies.values())
    if "d" not in targets:
        assert sum(frequencies.values()) == pytest.approx(1.0)


def test_a_choice_counts_right_answers_and_likelihood(spec: TaskSpec) -> None:
    metric = get_metric("accuracy")
    rows = examples(["delivery", "refund"])
    sure = np.log(np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1]]))
    unsure = np.log(np.array([[0.6, 0.3, 0.1], [0.7, 0.2, 0.1]]))
    choices = [Choice.of(scores, rows, spec.labels, spec, metric) for scores in (unsure, sure)]
    assert [choice.score for choice in choices] == [0.5, 0.5]
    assert choices[1].log_likelihood == pytest.approx((np.log(0.8) + np.log(0.2)) / 2)
    assert choices[1].key() == pytest.approx(0.5 + np.sqrt(0.8 * 0.2))
    assert choices[0].key() < choices[1].key() < choice([1.0], [-9.0]).key()


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([-2.0, -1.0])), min_size=1, max_size=8))
def test_the_best_is_the_first_of_the_best(drawn: list[tuple[float, float]]) -> None:
    choices = [choice([score], [likelihood]) for score, likelihood in drawn]
    candidate = PromptedCandidate(program=PromptProgram(instruction="", template="{t}", fields=("t",), label_words={}))
    tried = [Option(candidate=candidate, correction=str(i), choice=choice) for i, choice in enumerate(choices)]
    assert best_of(tried).correction == str(max(range(len(choices)), key=lambda i: choices[i].key()))


def test_a_target_that_is_no_label_has_no_likelihood(spec: TaskSpec) -> None:
    choice = Choice.of(np.zeros((1, 3)), examples(["unknown"]), spec.labels, spec, get_metric("accuracy"))
    assert (choice.score, choice.log_likelihood) == (0.0, -np.inf)


def test_a_clear_winner_has_its_own_score() -> None:
    better, worse = choice([1.0, 1.0, 1.0, 0.0] * 6), choice([0.0, 0.0, 0.0, 1.0] * 6)
    assert chosen_score([better, worse]) == pytest.approx(0.75, abs=0.02)


def test_what_is_best_by_one_row_alone_is_not_scored_by_it() -> None:
    one_row_decides = [choice([1.0, 0.0, 0.0]), choice([0.0, 1.0, 0.0])]
    assert chosen_score(one_row_decides) < 0.34, "each is the best only because of the row that it answers right"


def test_the_likelier_of_equals_is_chosen() -> None:
    likely, unlikely = choice([1.0, 0.0] * 8, [-0.1] * 16), choice([0.0, 1.0] * 8, [-9.0] * 16)
    of_both = out_of_bag_score(
        np.stack([likely.scores, unlikely.scores]), np.stack([likely.log_likelihoods, unlikely.log_likelihoods])
    )
    assert chosen_score([likely, unlikely]) == of_both
    assert of_both != out_of_bag_score(np.stack([likely.scores, unlikely.scores]))


def test_one_configuration_has_its_own_score() -> None:
    assert chosen_score([choice([1.0, 0.0, 1.0])]) == pytest.approx(2 / 3)


def test_a_row_that_the_chosen_one_was_not_scored_on_is_passed_over() -> None:
    assert chosen_score([choice([1.0, 1.0]), choice([0.0, 0.0], first=2)]) == 1.0
    assert chosen_score([choice([1.0])]) == 1.0, "one row alone: nothing is left to choose by, its score stands"


def test_choosing_among_equals_does_not_flatter_itself() -> None:
    generator = np.random.default_rng(0)
    studies = [[choice(list(row)) for row in generator.integers(0, 2, (12, 24)).astype(float)] for _ in range(150)]
    assert np.mean([max(c.score for c in tried) for tried in studies]) > 0.65
    found = np.array([chosen_score(tried) for tried in studies])
    assert found.mean() == pytest.approx(0.5, abs=0.03)
    # Leaving out one row at a time: .22 (benchmarks/dev_scores.py). One configuration, nothing to choose: .10.
    assert np.sqrt(np.square(found - 0.5).mean()) < 0.1


@given(st.integers(1, 5), st.integers(1, 9), st.randoms(use_true_random=False))
def test_a_score_lies_between_the_lowest_and_the_highest(configurations: int, rows: int, draw: random.Random) -> None:
    scores = np.array([[draw.choice([0.0, 1.0, np.nan]) for _ in range(rows)] for _ in range(configurations)])
    found = out_of_bag_score(scores)
    if found is None:
        assert rows == 1 or np.isnan(scores).any(), "on whole tables some row is left out of some draw"
    else:
        assert np.nanmin(scores) <= found <= np.nanmax(scores)
    assert out_of_bag_score(scores[:, :0]) is None


def test_rows_whose_targets_all_differ_are_dealt_out_at_random() -> None:
    rows = examples([f"answer {n}" for n in range(24)])
    assert folds(rows, 3, 0) != folds(rows, 3, 1)
