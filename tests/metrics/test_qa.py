"""Short answers, against SQuAD's official script."""

from __future__ import annotations

import collections
import random
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.metrics import get_metric
from crossover.metrics.qa import normalise
from tests.metrics.made import WORDS, example, made_answer, made_rows, made_text, spec

SPEC = spec("qa")
F1, EXACT = get_metric("token_f1"), get_metric("exact_match")


# What evaluate-v2.0.py (Rajpurkar et al. 2018) computes, under its own names.
def normalize_answer(s: str) -> str:
    lowered = "".join(ch for ch in s.lower() if ch not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", lowered).split())


def compute_exact(a_gold: str, a_pred: str) -> float:
    return float(normalize_answer(a_gold) == normalize_answer(a_pred))


def compute_f1(a_gold: str, a_pred: str) -> float:
    gold_toks, pred_toks = normalize_answer(a_gold).split(), normalize_answer(a_pred).split()
    common = collections.Counter(gold_toks) & collections.Counter(pred_toks)
    num_same = sum(common.values())
    if len(gold_toks) == 0 or len(pred_toks) == 0:
        return float(gold_toks == pred_toks)
    if num_same == 0:
        return 0.0
    precision, recall = 1.0 * num_same / len(pred_toks), 1.0 * num_same / len(gold_toks)
    return (2 * precision * recall) / (precision + recall)


@pytest.mark.parametrize("seed", range(2))
def test_a_thousand_rows_equal_the_official_script(seed: int) -> None:
    n_partly = 0
    for answer, made in made_rows(1_000, seed, n_references=3):
        golds = [gold for gold in made.answers if normalize_answer(gold)]
        if not golds or not normalize_answer(answer):
            continue  # see the test below
        row = example(*golds)
        f1 = max(compute_f1(gold, answer) for gold in golds)
        n_partly += 0 < f1 < 1
        assert F1.score(answer, row, SPEC) == f1
        assert EXACT.score(answer, row, SPEC) == max(compute_exact(gold, answer) for gold in golds)
    assert n_partly > 400


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.lists(st.sampled_from(WORDS), max_size=8))
def test_any_words_equal_the_official_script(gold: list[str], said: list[str]) -> None:
    target, answer = " ".join(gold), " ".join(said)
    if normalize_answer(target):
        assert normalise(target) == normalize_answer(target)
        if normalize_answer(answer):
            assert F1.score(answer, example(target), SPEC) == compute_f1(target, answer)


@pytest.mark.parametrize("target", ["the", "A", "?", " . "])
def test_an_answer_of_articles_or_signs_is_not_like_no_answer(target: str) -> None:
    """The official script normalises all of these to nothing, and so do an empty answer and any of the others."""
    assert compute_f1(target, "") == compute_f1(target, "an!") == 1.0
    assert F1.score("", example(target), SPEC) == F1.score("an!", example(target), SPEC) == 0.0
    assert F1.score(target, example(target), SPEC) == EXACT.score(target, example(target), SPEC) == 1.0


def test_exact_match_stands_beside_the_mean() -> None:
    rows = [("Paris", example("paris.")), ("in Paris", example("Paris")), (None, example("Paris"))]
    found = F1.aggregate([answer for answer, _ in rows], [row for _, row in rows], SPEC)
    assert found == {"exact_match": 0.5}


@pytest.mark.parametrize(
    ("answer", "strict", "lenient"),
    [
        ("Paris", 1.0, 1.0),
        ("The answer is Paris.", 0.5, 1.0),
        ("Answer: Paris", 2 / 3, 1.0),
        ("It is not far from Parisian suburbs.", 0.0, 0.0),
        ("London", 0.0, 0.0),
        ("one two three four five six seven eight nine ten eleven Paris", 2 / 13, 2 / 13),
    ],
)
def test_a_forgiving_reader_finds_the_answer_in_a_sentence(answer: str, strict: float, lenient: float) -> None:
    assert F1.score(answer, example("Paris"), SPEC) == pytest.approx(strict)
    assert F1.lenient(answer, example("Paris"), SPEC) == pytest.approx(lenient)


@given(st.integers())
def test_lenient_is_never_below_strict(seed: int) -> None:
    draw = random.Random(seed)
    target = made_text(draw, 1, 6)
    answer = made_answer(draw, target)
    for metric in (F1, EXACT):
        strict, lenient = (read(answer, example(target), SPEC) for read in (metric.score, metric.lenient))
        assert 0.0 <= strict <= lenient <= 1.0
