"""The switch: what it takes, what it refuses, which trials it makes, and dev scores of the same way of answering."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from crossover.candidate import Candidate, ConstantCandidate, PromptedCandidate, PromptProgram, predict
from crossover.errors import OptionError
from crossover.methods import Fitted, get_method
from crossover.metrics import get_metric
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from crossover.records import Constrain, TaskSpec
from crossover.study import check_schema, constrained, trial_key
from crossover.study.answering import answer_freely, as_measured
from crossover.task import Task
from tests.candidate.made import taught


@pytest.fixture
def task(rows: Path) -> Task:
    return Task.from_file(rows, test_size=6)


@pytest.fixture
def slots(tmp_path: Path) -> Task:
    file = tmp_path / "slots.jsonl"
    lines = [{"text": f"order {i} to Rome", "slots": {"city": ["Rome", "Oslo"][i % 2], "n": i}} for i in range(20)]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return Task.from_file(file, test_size=5, answer_tokens=16)


@pytest.mark.parametrize(("way", "said"), [(None, None), ("yes", None), ("no", "no"), ("both", "both")])
def test_ways_with_labels(task: Task, way: str | None, said: str | None) -> None:
    assert constrained(task, way).spec.constrain == said


@pytest.mark.parametrize(("way", "said"), [(None, None), ("yes", "yes"), ("no", None), ("both", "both")])
def test_ways_with_a_schema(slots: Task, way: str | None, said: str | None) -> None:
    assert slots.spec.schema is not None
    assert constrained(slots, way).spec.constrain == said


@pytest.mark.parametrize("way", ["maybe", "", "YES", "yes,no"])
def test_an_unknown_way(task: Task, way: str) -> None:
    with pytest.raises(OptionError, match="is not possible") as error:
        constrained(task, way)
    assert "allowed: yes, no, both" in str(error.value.details)


@pytest.mark.parametrize("way", ["yes", "both"])
def test_nothing_to_constrain_by(slots: Task, way: str) -> None:
    math = replace(slots, spec=replace(slots.spec, kind="math", metric="numeric_match", schema=None))
    with pytest.raises(OptionError, match="nothing to constrain math answers by"):
        constrained(math, way)
    assert constrained(math, "no").spec.constrain is None


def test_a_schema_is_tried_before_a_study(slots: Task, tiny: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    check_schema(constrained(slots, "yes").spec, tiny)
    odd = replace(slots.spec, schema={"type": "string", "format": "no-such-format"}, constrain="yes")
    with pytest.raises(OptionError, match="no answer can fulfil the JSON schema"):
        check_schema(odd, tiny)
    check_schema(replace(odd, constrain=None), tiny)
    monkeypatch.setitem(sys.modules, "crossover.model.engine.constrain", None)
    with pytest.raises(OptionError, match=r"pip install 'crossover-lm\[constrained\]'"):
        check_schema(constrained(slots, "yes").spec, tiny_model())


def test_each_way_has_trials_of_its_own(task: Task, slots: Task, tiny: LocalModel) -> None:
    method = get_method("zero-shot")

    def key(spec: TaskSpec) -> str:
        return trial_key(method, spec, tiny.identity, 1.0).wording

    assert len({key(constrained(task, way).spec) for way in (None, "no", "both")}) == 3
    assert key(constrained(task, "yes").spec) == key(task.spec)
    assert len({key(constrained(slots, way).spec) for way in (None, "yes", "both")}) == 3
    linear = get_method("linear")
    assert len({trial_key(linear, constrained(task, w).spec, tiny.identity, 1.0) for w in (None, "no", "both")}) == 1


def _fitted(candidate: Candidate, dev_score: float | None = 0.8) -> Fitted:
    return Fitted(candidate=candidate, tried=(), dev_score=dev_score, labels_used=8, token_passes=100, seconds=1.0)


def test_a_dev_score_is_of_the_way_of_answering(task: Task, tiny: LocalModel) -> None:
    """It is lowered by the share of inputs to which the model does not write the label that it would have chosen."""
    spec = constrained(task, "no").spec
    inputs = [example.inputs for example in task.train[:8]]
    fitted = _fitted(PromptedCandidate(program=PromptProgram.default(spec)))
    found = as_measured(fitted, spec, inputs, tiny)
    assert isinstance(found.candidate, PromptedCandidate)
    assert found.candidate.program.constrained is False
    assert found.dev_score == 0.0  # a random model writes no label
    assert found.token_passes > fitted.token_passes
    unknown = as_measured(_fitted(fitted.candidate, None), spec, inputs, tiny)
    assert unknown.dev_score is None
    assert predict(unknown.candidate, inputs, tiny) == predict(found.candidate, inputs, tiny)


def test_a_dev_score_keeps_the_share_of_labels_that_come_out(task: Task, tiny: LocalModel) -> None:
    spec = constrained(task, "no").spec
    asked = [next(row for row in task.train if row.target == label) for label in spec.labels]
    inputs = [row.inputs for row in asked]
    program = PromptProgram.default(spec)
    chosen = PromptedCandidate(program=program, adapter=taught(tiny, program, asked))
    written = replace(chosen, program=program.freely())
    pairs = zip(predict(chosen, inputs, tiny), predict(written, inputs, tiny), strict=True)
    same = sum(one.answer == other.answer for one, other in pairs)
    assert same >= 1
    assert as_measured(_fitted(chosen), spec, inputs, tiny).dev_score == pytest.approx(0.8 * same / 3)


@pytest.mark.parametrize("way", [None, "both"])
def test_other_ways_leave_a_label_candidate_as_it_is(task: Task, tiny: LocalModel, way: Constrain | None) -> None:
    spec = replace(task.spec, constrain=way)
    fitted = _fitted(PromptedCandidate(program=PromptProgram.default(spec)))
    assert as_measured(fitted, spec, [task.train[0].inputs], tiny) is fitted
    constant = _fitted(ConstantCandidate(answer="refund"))
    assert as_measured(constant, replace(spec, constrain="no"), [], tiny) is constant


def test_a_program_without_the_schema_gets_it(slots: Task, tiny: LocalModel) -> None:
    """A method of another package may put its program together by itself."""
    spec = constrained(slots, "yes").spec
    bare = _fitted(PromptedCandidate(program=PromptProgram.default(slots.spec)))
    found = as_measured(bare, spec, [], tiny)
    assert isinstance(found.candidate, PromptedCandidate)
    assert found.candidate.program.schema == spec.schema
    assert found.dev_score == bare.dev_score


def test_free_answers_beside(slots: Task, tiny: LocalModel) -> None:
    metric = get_metric(slots.spec.metric)
    both = constrained(slots, "both")
    candidate = PromptedCandidate(program=PromptProgram.default(both.spec))
    free = answer_freely(candidate, both, metric, tiny)
    assert [result.example_id for result in free] == [example.id for example in both.test]
    plain = predict(PromptedCandidate(program=PromptProgram.default(slots.spec)), [e.inputs for e in slots.test], tiny)
    assert [result.answer for result in free] == [p.answer for p in plain]
    assert answer_freely(candidate, constrained(slots, "yes"), metric, tiny) == ()
    assert answer_freely(ConstantCandidate(answer="{}"), both, metric, None) == ()
