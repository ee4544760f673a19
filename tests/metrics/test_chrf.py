"""chrF and the corpus numbers beside it, against sacrebleu called as its README calls it."""

from __future__ import annotations

import random

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from crossover.metrics import get_metric
from tests.metrics.made import example, made_answer, made_rows, made_text, spec

METRIC = get_metric("chrf")
SPEC = spec("translation")


@pytest.mark.parametrize("n_references", [0, 2])
def test_a_thousand_rows_equal_sacrebleu(n_references: int) -> None:
    n_partly = 0
    for answer, row in made_rows(1_000, 3, n_references=n_references):
        expected = sacrebleu.sentence_chrf(answer, row.answers).score / 100
        n_partly += 0 < expected < 1
        assert METRIC.score(answer, row, SPEC) == pytest.approx(expected, abs=1e-12)
    assert n_partly > 600


def test_a_corpus_of_a_thousand_rows_equals_sacrebleu() -> None:
    rows = made_rows(1_000, 4)
    answers, targets = [answer for answer, _ in rows], [str(row.target) for _, row in rows]
    found = METRIC.aggregate(answers, [row for _, row in rows], SPEC)
    assert found == {
        "chrf": sacrebleu.corpus_chrf(answers, [targets]).score,
        "bleu": sacrebleu.corpus_bleu(answers, [targets]).score,
    }
    assert 10 < found["bleu"] < found["chrf"] < 90


def test_a_corpus_with_several_references_a_row_equals_sacrebleu() -> None:
    rows = made_rows(200, 5, n_references=2)
    answers = [answer for answer, _ in rows]
    streams = [[row.answers[i] if i < len(row.answers) else None for _, row in rows] for i in range(3)]
    found = METRIC.aggregate([*answers, None], [*(row for _, row in rows), example("left out")], SPEC)
    assert found["bleu"] == sacrebleu.BLEU(force=True).corpus_score(answers, streams).score  # type: ignore[arg-type]  # None: no such reference
    assert found["chrf"] == sacrebleu.CHRF().corpus_score(answers, streams).score  # type: ignore[arg-type]


def test_signatures_are_sacrebleus() -> None:
    one, several, differing = (METRIC.signatures(n) for n in (1, 3, 0))
    version = sacrebleu.__version__
    assert one == {
        "chrf": f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}",
        "bleu": f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{version}",
    }
    assert several["bleu"].startswith("nrefs:3|")
    assert differing["bleu"].startswith("nrefs:var|")


def test_a_text_without_characters_to_count_still_equals_itself() -> None:
    assert sacrebleu.sentence_chrf(" ", [" "]).score == 0
    assert METRIC.score(" ", example(" "), SPEC) == 1.0


@given(st.integers())
def test_lenient_is_never_below_strict(seed: int) -> None:
    draw = random.Random(seed)
    target = made_text(draw, 1, 8)
    answer = made_answer(draw, target)
    assert 0.0 <= METRIC.score(answer, example(target), SPEC) <= METRIC.lenient(answer, example(target), SPEC) <= 1.0


def test_a_wrapping_is_taken_off_leniently() -> None:
    said = 'Translation: "Zwei Hunde spielen."'
    assert METRIC.score(said, example("Zwei Hunde spielen."), SPEC) < 0.9
    assert METRIC.lenient(said, example("Zwei Hunde spielen."), SPEC) == 1.0
