"""`head-contrastive`: what is compared with what, what the dev score is made of, and what needs no training."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossover.candidate import HeadCandidate, PromptProgram, predict
from crossover.candidate.head import head_tokens
from crossover.errors import TrialError
from crossover.methods import Fitted, get_method
from crossover.methods.effort import allowance
from crossover.methods.regression import choose_strength
from crossover.methods.weights import head_contrastive
from crossover.methods.weights.head import STRENGTHS, rows_of, standardised
from crossover.methods.weights.together import Together
from crossover.metrics import get_metric
from crossover.model.base import FloatArray, LanguageModel
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from crossover.records import Example, TaskSpec
from tests.methods.recording import RecordingModel

METRIC = get_metric("accuracy")
Rows = tuple[Example, ...]


def fit(spec: TaskSpec, rows: Rows, model: LanguageModel, *, effort: float = 0.5) -> Fitted:
    method = get_method("head-contrastive")
    return method.fit(spec, rows, [], model=model, metric=METRIC, effort=effort, seed=2)


def relabelled(rows: Rows, labels: list[str]) -> Rows:
    return tuple(replace(row, target=label) for row, label in zip(rows, labels, strict=True))


def wide(spec: TaskSpec, labels: list[str]) -> TaskSpec:
    return replace(spec, labels=tuple(dict.fromkeys(labels)), label_names={})


# -------------------------------------------------------------------------------------------------------------- batches


@given(
    labels=st.lists(st.integers(0, 9), min_size=8, max_size=24),
    size=st.integers(2, 20),
    seed=st.integers(0, 5),
    data=st.data(),
)
def test_every_batch_has_pairs_and_keeps_to_its_rows(
    spec: TaskSpec, rows: Rows, tiny: LocalModel, labels: list[int], size: int, seed: int, data: st.DataObject
) -> None:
    targets = [f"label {label}" for label in labels]
    budget = relabelled(rows[: len(labels)], targets)
    together = Together(wide(spec, targets), budget, tiny)
    among = data.draw(st.lists(st.sampled_from(range(len(labels))), min_size=1, unique=True))
    allowed = {*among, *(len(labels) + together.groups[i] for i in among)}
    found = list(islice(together.batches(among, size, seed), 12))
    for batch in found:
        assert len(set(batch)) == len(batch), "no sequence is its own pair"
        assert set(batch) <= allowed
        times = Counter(together.groups[i] for i in batch)
        assert min(times.values()) >= 2
        assert len(batch) <= max(size, 2)
    assert found == list(islice(together.batches(among, size, seed), 12))


def test_rows_take_turns(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    together = Together(spec, rows, tiny)
    seen = Counter(i for batch in islice(together.batches(range(24), 9, 1), 9) for i in batch)
    assert set(seen) == set(range(27)), "in nine batches of nine every row and every label's words come up"
    assert set(seen.values()) == {3}
    assert together.tokens[24:] == [
        tiny.render([{"role": "user", "content": words}]) for words in ("delivery", "access", "refund")
    ]
    assert together.rows == [head_tokens(tiny, row.inputs, spec.input_fields) for row in rows]
    assert [sorted(spec.labels)[g] for g in together.groups[:24]] == [row.target for row in rows]


# ------------------------------------------------------------------------------------------------------------ dev score


def test_dev_rows_are_not_trained_on_before_they_are_scored(spec: TaskSpec, rows: Rows) -> None:
    model = RecordingModel()
    fitted = fit(spec, rows, model, effort=1.0)
    assert [e.what for e in model.events if e.what != "train"] == ["begin", "embed", "embed"]
    half_way = [e.what for e in model.events].index("embed")
    first, last = model.events[:half_way], model.events[half_way:]
    every = {head_tokens(model, row.inputs, spec.input_fields) for row in rows}
    seen = set().union(*(e.prompts for e in first if e.what == "train")) & every
    dev = every - seen
    assert len(dev) == 6, "a quarter"
    assert dev <= set().union(*(e.prompts for e in last if e.what == "train")), "in the end no label is lost"
    assert fitted.dev_score is not None
    assert fitted.labels_used == 24


def test_the_dev_score_is_that_of_heads_on_the_other_rows(
    spec: TaskSpec, rows: Rows, tiny: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heads that are scored are fitted on the rows that the adapter has seen, and scored on those it has not."""
    found = []

    def look(*args: object, parts: list[list[int]], **kwargs: object) -> object:
        found.append(parts)
        return choose_strength(*args, parts=parts, **kwargs)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(head_contrastive, "choose_strength", look)
    fitted = fit(spec, rows, tiny)
    ((dev,),) = found
    assert len(dev) == 6
    scores = [one.dev_score for one in fitted.tried]
    assert len(scores) == len(STRENGTHS)
    assert all(score is not None and score * 6 == pytest.approx(round(score * 6)) for score in scores)


def test_strengths_are_chosen_on_the_parts_alone(spec: TaskSpec, rows: Rows) -> None:
    """Rows outside every part are fitted on and never scored: their labels, all wrong, cost nothing."""
    states = np.eye(3)[[spec.labels.index(str(row.target)) for row in rows]]
    features = rows_of(standardised(states)[0])
    (first, *_), _, dev = choose_strength(features, rows, (10.0,), spec, METRIC, name="C", parts=[[0, 1, 2, 3, 4, 5]])
    assert (first.dev_score, dev) == (1.0, 1.0)
    wrong = (*relabelled(rows[:6], ["refund", "log_in", "delivery"] * 2), *rows[6:])
    (first, *_), _, dev = choose_strength(features, wrong, (10.0,), spec, METRIC, name="C", parts=[[0, 1, 2, 3, 4, 5]])
    assert (first.dev_score, dev) == (0.0, 0.0)


# --------------------------------------------------------------------------------------------------------- what it does


def test_states_come_together_and_the_candidate_answers_from_them(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    fitted = fit(spec, rows, tiny, effort=2.0)
    candidate = fitted.candidate
    assert isinstance(candidate, HeadCandidate)
    assert candidate.adapter is not None
    tokens = [head_tokens(tiny, row.inputs, spec.input_fields) for row in rows]

    def apart(states: FloatArray) -> float:
        unit = states / np.linalg.norm(states, axis=1, keepdims=True)
        same = np.array([[a.target == b.target for b in rows] for a in rows])
        cosines = unit @ unit.T
        return float(cosines[same].mean() - cosines[~same].mean())

    frozen = apart(tiny.embed(tokens))
    with tiny.adapted(candidate.adapter):
        adapted = apart(tiny.embed(tokens))
    assert adapted > frozen + 0.1
    answers = [p.answer for p in predict(candidate, [row.inputs for row in rows], tiny)]
    assert np.mean([a == row.target for a, row in zip(answers, rows, strict=True)]) > 0.8
    (steps,) = {one.settings["steps"] for one in fitted.tried}
    assert isinstance(steps, int)
    assert steps > 8


@pytest.mark.parametrize("effort", [1.0, 2.0])
def test_it_keeps_to_its_effort(spec: TaskSpec, rows: Rows, tiny: LocalModel, effort: float) -> None:
    fitted = fit(spec, rows, tiny, effort=effort)
    assert fitted.token_passes <= 1.1 * allowance(PromptProgram.default(spec), rows, tiny, effort)


def test_long_rows_are_counted_with_what_is_read_before(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    long = tuple(replace(row, inputs={"text": row.inputs["text"] * 6}) for row in rows)
    fitted = fit(spec, long, tiny, effort=1.0)
    assert fitted.token_passes <= 1.1 * allowance(PromptProgram.default(spec), long, tiny, 1.0)


def test_one_label_alone_needs_no_training(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    only = tuple(replace(row, target="log_in") for row in rows[:8])
    fitted = fit(spec, only, tiny)
    assert fitted.candidate.adapter is None
    assert {one.settings["steps"] for one in fitted.tried} == {0}
    assert {p.answer for p in predict(fitted.candidate, [row.inputs for row in rows], tiny)} == {"log_in"}


def test_one_row_a_label_is_drawn_to_the_labels_words(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    labels = [f"label {i}" for i in range(9)]
    budget = relabelled(rows[:9], labels)
    fitted = fit(wide(spec, labels), budget, tiny, effort=1.0)
    assert fitted.candidate.adapter is not None
    assert fitted.dev_score == 0, "a label that was not fitted on cannot be answered"
    answers = [p.answer for p in predict(fitted.candidate, [row.inputs for row in budget], tiny)]
    assert answers == labels


def test_one_row_of_a_label_beside_many_of_another(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    labels = ["delivery"] * 11 + ["refund"]
    fitted = fit(spec, relabelled(rows[:12], labels), tiny, effort=1.0)
    answers = {p.answer for p in predict(fitted.candidate, [row.inputs for row in rows], tiny)}
    assert answers <= {"delivery", "refund"}


def test_a_rate_at_which_states_are_lost_is_a_failed_trial(
    spec: TaskSpec, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model()
    monkeypatch.setattr(head_contrastive, "LEARNING_RATE", 1e30)
    with pytest.raises(TrialError, match=r"head-contrastive: training diverged at learning rate 1e\+30"):
        fit(spec, rows, model)


def test_memory_that_ran_out_is_recorded(spec: TaskSpec, rows: Rows) -> None:
    model = tiny_model()

    def look(_module: object, args: tuple[torch.Tensor, ...]) -> None:
        if torch.is_grad_enabled() and args[0].shape[1] > 200:
            raise torch.OutOfMemoryError("out of memory")

    handle = model._network.model.layers[0].register_forward_pre_hook(look)
    fitted = fit(spec, rows, model)
    handle.remove()
    assert fitted.tried[0].settings["out_of_memory"] in (1, 2)
