"""The user's own probes, scored as lm-evaluation-harness scores them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.measure import score_probe
from crossover.model.base import TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.records import Probe, ProbeRow
from tests.model.plain import plain_logprobs

WORDS = st.text("abc de", min_size=1, max_size=9).filter(str.strip)


def probe(*rows: ProbeRow, kind: str = "choice") -> Probe:
    return Probe(name="p", kind="cloze" if kind == "cloze" else "choice", rows=rows, sha256="ab")


@settings(max_examples=20)
@given(context=WORDS, options=st.lists(WORDS, min_size=2, max_size=4, unique=True))
def test_the_choice_is_the_likeliest_by_length(tiny: LocalModel, context: str, options: list[str]) -> None:
    rows = [ProbeRow(context=context, options=tuple(options), right=place) for place in range(len(options))]
    scores = score_probe(probe(*rows), tiny)
    assert sum(scores) == 1.0, "one of them is the best"
    logprobs = plain_logprobs(
        tiny._network, [tiny.plain_prompt(context)], [tiny.encode(f" {option}") for option in options]
    )[0]
    normed = logprobs / np.array([len(option) for option in options])
    best = np.sort(normed)
    if best[-1] - best[-2] > 1e-4:
        assert scores[int(np.argmax(normed))] == 1.0


def test_length_counts(tiny: LocalModel) -> None:
    """A long option has the lower likelihood as a whole and is chosen where it is likelier by the character."""
    found = []
    for letter in "abcdefgh":
        options = (letter, "zzzzzzzzzzzz")
        logprobs = plain_logprobs(tiny._network, [tiny.plain_prompt("q")], [tiny.encode(f" {o}") for o in options])[0]
        if logprobs[0] > logprobs[1] and logprobs[0] < logprobs[1] / 12:
            found.append(score_probe(probe(ProbeRow(context="q", options=options, right=1)), tiny))
    assert found
    assert set(found) == {(1.0,)}


def test_a_cloze_is_what_the_model_would_write(tiny: LocalModel, quick: TrainSettings) -> None:
    known, other = ProbeRow(context="once upon", options=("a time",)), ProbeRow(context="once upon", options=("a tin",))
    row = TrainRow(prompt=tiny.plain_prompt("once upon"), completion=tiny.encode(" a time"))
    assert score_probe(probe(known, kind="cloze"), tiny) == (0.0,)
    with tiny.training(replace(quick, rank=8, total_steps=60)) as trainer:
        for _ in range(60):
            trainer.step([row])
        assert score_probe(probe(known, other, kind="cloze"), tiny) == (1.0, 0.0)


@pytest.mark.parametrize("kind", ["choice", "cloze"])
def test_one_row_alone_scores_as_among_others(tiny: LocalModel, kind: str) -> None:
    rows = [ProbeRow(context=f"row {i} says", options=("aa", "bcd"), right=i % 2) for i in range(6)]
    assert score_probe(probe(*rows, kind=kind), tiny) == tuple(
        score_probe(probe(row, kind=kind), tiny)[0] for row in rows
    )
