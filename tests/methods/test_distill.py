"""`distill`: what the teacher says is learned, and what it costs no longer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crossover.candidate import PromptedCandidate, PromptProgram, predict
from crossover.candidate.prompted import prompt_tokens, target_answers
from crossover.errors import TrialError
from crossover.methods import Method, get_method
from crossover.methods.both import distill
from crossover.methods.prompt.few_shot import FewShot
from crossover.methods.prompt.knn_few_shot import KnnFewShot
from crossover.metrics import get_metric
from crossover.model.local import LocalModel
from crossover.records import Example, TaskSpec
from tests.methods.recording import RecordingModel

METRIC = get_metric("accuracy")
Rows = tuple[Example, ...]


def test_the_teachers_answers_are_learned_below_the_short_prompt(spec: TaskSpec, rows: Rows) -> None:
    model = RecordingModel()
    teacher = get_method("few-shot").fit(spec, rows[:16], [], model=model, metric=METRIC, effort=0.3, seed=1).candidate
    assert isinstance(teacher, PromptedCandidate)
    assert teacher.program.demonstrations
    model.events.clear()
    fitted = get_method("distill").fit(
        spec, rows[:16], [row.inputs for row in rows], model=model, metric=METRIC, effort=1.0, seed=1, start=teacher
    )
    student = fitted.candidate
    assert isinstance(student, PromptedCandidate)
    assert student.adapter is not None
    assert not student.program.demonstrations
    trained = set().union(*(event.prompts for event in model.events if event.what == "train"))
    free = [row.inputs for row in rows[16:]]
    assert trained <= set(prompt_tokens(student.program, free, model)), "no labelled row is trained on"
    settings = fitted.tried[-1].settings
    assert isinstance(settings["prompt_tokens"], int)
    assert isinstance(settings["teacher_prompt_tokens"], int)
    assert settings["prompt_tokens"] < settings["teacher_prompt_tokens"] / 2
    assert fitted.dev_score is not None
    assert fitted.labels_used == 16


def test_what_is_taught_is_what_the_teacher_answers(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    teacher = PromptedCandidate(program=PromptProgram.default(spec), prior=dict.fromkeys(spec.labels, -1.0))
    asked = [row.inputs for row in rows]
    taught, beliefs = distill._taught(teacher, asked, tiny)
    assert [row.target for row in taught] == [one.answer for one in predict(teacher, asked, tiny)]
    assert [row.inputs for row in taught] == asked
    assert len({row.id for row in taught}) == len(taught)
    assert target_answers(teacher.program, [str(row.target) for row in taught], tiny)
    assert beliefs is not None
    assert beliefs.shape == (len(rows), len(spec.labels))
    assert np.allclose(beliefs.sum(axis=1), 1)
    assert [spec.labels[best] for best in beliefs.argmax(axis=1)] == [row.target for row in taught]


def test_beliefs_have_the_prior_taken_off(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    plain = PromptedCandidate(program=PromptProgram.default(spec))
    prior = {label: float(place) for place, label in enumerate(spec.labels)}
    asked = [row.inputs for row in rows[:5]]
    before, after = plain.beliefs(asked, tiny), replace(plain, prior=prior).beliefs(asked, tiny)
    odds = np.log(before / before[:, :1]) - np.log(after / after[:, :1])
    assert np.allclose(odds, list(prior.values()), atol=1e-3)


def test_written_answers_are_learned_as_they_are(tiny: LocalModel, rows: Rows) -> None:
    spec = TaskSpec(
        name="t", kind="generation", metric="exact", input_fields=("text",), target_field="answer", answer_tokens=4
    )
    taught, beliefs = distill._taught(
        PromptedCandidate(program=PromptProgram.default(spec)), [row.inputs for row in rows[:4]], tiny
    )
    assert beliefs is None
    assert all(row.target for row in taught)


@pytest.mark.parametrize(("effort", "teachers"), [(1.0, {"few-shot"}), (40.0, {"few-shot", "knn-few-shot"})])
def test_neighbours_teach_where_they_can_answer_enough(
    spec: TaskSpec, rows: Rows, effort: float, teachers: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They cost ten times as much for an answer: a student of a dozen answers learns these by heart."""
    asked: list[float] = []
    for method in (FewShot, KnnFewShot):
        fit = method.fit

        def cheaply(self: Method, *given: Any, effort: float, fit: Any = fit, **named: Any) -> Any:  # noqa: ANN401  # hands on what `fit` takes and gives
            asked.append(effort)
            return fit(self, *given, effort=0.25, **named)

        monkeypatch.setattr(method, "fit", cheaply)
    model = RecordingModel()
    _, tried = distill.choose_teacher(spec, rows[:16], [], model, METRIC, effort, 1)
    assert {one.settings["teacher"] for one in tried} == teachers
    assert asked == [effort * distill._TEACHING] * len(teachers)


def test_no_inputs_without_a_label_are_a_failed_trial(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    with pytest.raises(TrialError, match=r"needs at least 8 training inputs without a label .* there are 0"):
        get_method("distill").fit(
            spec, rows[:16], [r.inputs for r in rows[:16]], model=tiny, metric=METRIC, effort=0.3, seed=1
        )


def test_a_teacher_without_answers_is_a_failed_trial(
    spec: TaskSpec, rows: Rows, tiny: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distill, "_taught", lambda *_: ([], None))
    with pytest.raises(TrialError, match="answered 0 of 8 inputs with a text"):
        get_method("distill").fit(
            spec, rows[:16], [row.inputs for row in rows], model=tiny, metric=METRIC, effort=0.1, seed=1
        )
