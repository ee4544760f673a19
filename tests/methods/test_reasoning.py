"""`cot` and `self-consistency`: which demonstrations reason, which rows judge, how long it may take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crossover.candidate import PromptedCandidate, PromptProgram
from crossover.candidate.prompted import prompt_tokens
from crossover.candidate.reasoned import reasoned_paths
from crossover.methods import default_methods, get_method
from crossover.methods.base import Shape
from crossover.methods.effort import allowance
from crossover.methods.reasoning import LENGTHS, choose_reasoning, reasoning_program
from crossover.metrics import get_metric
from crossover.model.local import LocalModel
from crossover.records import Example, TaskSpec
from tests.methods.test_open_kinds import task_of

Rows = tuple[Example, ...]


def fit(name: str, spec: TaskSpec, rows: Rows, model: LocalModel, effort: float = 1.0) -> PromptProgram:
    fitted = get_method(name).fit(spec, rows, [], model=model, metric=get_metric(spec.metric), effort=effort, seed=1)
    assert isinstance(fitted.candidate, PromptedCandidate)
    return fitted.candidate.program


def test_without_labels_the_model_is_asked_to_reason(tiny: LocalModel) -> None:
    spec, _ = task_of("qa")
    asked = fit("cot", spec, (), tiny)
    assert not asked.demonstrations
    assert asked.reasoning is not None
    assert (asked.reasoning.marker, asked.reasoning.keeps_marker, asked.reasoning.samples) == ("Answer:", False, 1)
    assert asked.template.endswith("\nReasoning:")
    assert "step by step" in asked.instruction
    drawn = fit("self-consistency", spec, (), tiny).reasoning
    assert drawn == replace(asked.reasoning, samples=5, temperature=0.7, seed=1)


def test_targets_that_reason_are_shown_and_never_judge(tiny: LocalModel) -> None:
    spec, rows = task_of("math")
    chosen = choose_reasoning(spec, rows[:16], tiny, get_metric(spec.metric), 1.0, 1)
    shown = {name for one in chosen.tried for name in one.settings["demonstrations"]}  # type: ignore[union-attr]  # a list of ids
    assert 1 <= len(shown) <= 8
    assert not shown & {row.id for row in chosen.dev}
    assert len(chosen.dev) == 8
    assert {one.settings["program"] for one in chosen.tried} == {"few-shot-cot", "zero-shot-cot"}
    assert chosen.dev_score is not None
    program = reasoning_program(spec, rows[:16], 48)
    assert program.reasoning is not None
    assert (program.reasoning.marker, program.reasoning.keeps_marker) == ("####", True)
    targets = {row.target for row in rows}
    assert all(demonstration.target in targets for demonstration in chosen.program.demonstrations)


def test_where_targets_do_not_reason_the_model_writes_it_and_only_right_answers_are_shown(tiny: LocalModel) -> None:
    spec, rows = task_of("qa")
    bare = reasoning_program(spec, rows, 96)
    paths = reasoned_paths(bare, prompt_tokens(bare, [row.inputs for row in rows], tiny), tiny)
    able = tuple(
        replace(row, target=path.said if place % 2 else "Atlantis")
        for place, (row, (path,)) in enumerate(zip(rows, paths, strict=True))
        if path.said and path.reasoning
    )
    assert len(able) > 8
    right = {row.id: row for row in able if row.target != "Atlantis"}
    chosen = choose_reasoning(spec, able, tiny, get_metric(spec.metric), 1.0, 1)
    shown = {name for one in chosen.tried for name in one.settings["demonstrations"]}  # type: ignore[union-attr]  # a list of ids
    assert shown
    assert shown <= set(right)
    for demonstration in chosen.program.demonstrations:
        reasoning, _, answer = demonstration.target.rpartition("\nAnswer: ")
        assert reasoning
        assert "\n\n" not in reasoning
        assert answer in {row.target for row in right.values()}


def test_where_nothing_is_right_nothing_is_shown(tiny: LocalModel) -> None:
    spec, rows = task_of("qa")
    never = tuple(replace(row, target="Atlantis") for row in rows)
    assert not fit("cot", spec, never, tiny).demonstrations


@pytest.mark.parametrize(
    ("target", "marker", "keeps"),
    [
        ("2 + 1 = 3\n#### 3", "####", True),
        ("3", "Answer:", False),
        ("2 + 1 is \\boxed{3}", "\\boxed{", True),
        ("So the answer is 3", "answer is", True),
    ],
)
def test_the_marker_is_the_targets_own(target: str, marker: str, keeps: bool) -> None:
    spec, rows = task_of("math")
    row = replace(rows[0], target=target)
    how = reasoning_program(spec, [row], 48).reasoning
    assert how is not None
    assert (how.marker, how.keeps_marker) == (marker, keeps)
    behind = "3}" if marker.endswith("{") else " 3"
    said = f"{marker}{behind}" if keeps else "3"
    assert get_metric("numeric_match").score(said, row, spec) == 1.0


@pytest.mark.parametrize("kind", ["qa", "math"])
def test_little_effort_tries_little(tiny: LocalModel, kind: str) -> None:
    spec, rows = task_of(kind)  # type: ignore[arg-type]  # a literal
    metric = get_metric(spec.metric)
    little = choose_reasoning(spec, rows[:16], tiny, metric, 0.05, 1)
    much = choose_reasoning(spec, rows[:16], tiny, metric, 2.0, 1)
    assert len(little.tried) == 1
    assert len(much.tried) > 2
    assert {one.settings["reasoning_tokens"] for one in much.tried} <= set(LENGTHS)
    before = tiny.token_passes
    choose_reasoning(spec, rows[:16], tiny, metric, 1.0, 1)
    assert tiny.token_passes - before <= 1.5 * allowance(PromptProgram.default(spec), rows[:16], tiny, 1.0)


def test_one_label_judges_and_nothing_is_shown(tiny: LocalModel) -> None:
    spec, rows = task_of("math")
    chosen = choose_reasoning(spec, rows[:1], tiny, get_metric(spec.metric), 1.0, 1)
    assert not chosen.program.demonstrations
    assert [row.id for row in chosen.dev] == [rows[0].id]


def test_several_paths_cost_more_and_only_one_runs_unasked() -> None:
    shape = Shape(prefix=40, row=30, answer_tree=0, answer=8, n_test=100, written=12)
    one, several = (get_method(name).cost(shape, 16, 1.0) for name in ("cot", "self-consistency"))
    assert several.written > one.written + 4 * 100 * LENGTHS[1]
    assert one.added > 0
    assert "cot" in default_methods("qa")
    assert "cot" in default_methods("math")
    assert "self-consistency" not in default_methods("qa")
    assert "cot" not in default_methods("summarization")
