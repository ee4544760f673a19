"""What methods are compared on before the test is read: rows that no method of that seed has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from crossover import api
from crossover.candidate import Candidate, predict
from crossover.methods import Fitted, Method, get_method
from crossover.methods.prompt.zero_shot import ZeroShot
from crossover.metrics import Metric, get_metric
from crossover.model.base import LanguageModel
from crossover.model.local import LocalModel
from crossover.records import Example, Inputs, TaskSpec, TrialRecord
from crossover.study import Plan, StudyStore, make_plan, trial_key
from crossover.study.codec import record_from_json, record_to_json
from crossover.study.run import run_cell
from crossover.task import Task, sample, validation
from tests.small import save_tiny, write_rows

METHODS = ("majority", "linear", "zero-shot", "few-shot", "head", "lora")
BUDGETS = (0, 8, 16)
SEEDS = 2


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return Task.from_file(write_rows(tmp_path_factory.mktemp("rows") / "tickets.csv", 120))


@pytest.fixture(scope="module")
def study(task: Task, tmp_path_factory: pytest.TempPathFactory) -> api.Study:
    folder = tmp_path_factory.mktemp("validated")
    (folder / "mine.txt").write_text("Sort this: {text}")
    return api.compare(
        task,
        model=str(save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")),
        methods=list(METHODS),
        prompts=[folder / "mine.txt"],
        budgets=BUDGETS,
        seeds=SEEDS,
        effort=0.1,
        precision="fp32",
        study=folder / "study",
    )


def rows_of(task: Task, seed: int) -> tuple[Example, ...]:
    return validation(task.train, max(BUDGETS), seed, task.spec.labels, n=64)


def test_at_the_largest_budget_and_without_labels(study: api.Study, task: Task) -> None:
    assert len(rows_of(task, 0)) == 27
    for record in study.records():
        key = record.key
        wanted: set[str] = set()
        if record.family != "baseline" and key.budget == max(BUDGETS):
            wanted = {row.id for row in rows_of(task, key.seed)}
        if record.family != "baseline" and key.budget == 0:
            wanted = {row.id for seed in range(SEEDS) for row in rows_of(task, seed)}
        assert set(record.validation) == wanted, key
    reasons = study.verdict().reasons
    assert sum("was nominated by its validation score" in reason for reason in reasons) == 2
    scored = {arm.arm: arm.validation_score for arm in study.verdict().arms}
    assert scored["linear@16"] is None
    assert scored["lora@16"] is not None
    assert scored["lora@8"] is None


def test_the_scores_are_those_of_the_frozen_candidate(study: api.Study, task: Task, tiny: LocalModel) -> None:
    metric = get_metric(task.spec.metric)
    record = next(r for r in study.records() if (r.key.method, r.key.budget, r.key.seed) == ("few-shot", 16, 1))
    assert record.candidate is not None
    rows = rows_of(task, 1)
    answers = predict(study._store.candidate(record.candidate), [row.inputs for row in rows], tiny)
    scores = {row.id: metric.score(a.answer or "", row, task.spec) for row, a in zip(rows, answers, strict=True)}
    assert record.validation == scores
    assert record.validation_score == pytest.approx(sum(scores.values()) / len(rows))


class Seeing(ZeroShot):
    """Keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[tuple[Example, ...], tuple[Inputs, ...]]] = []

    def fit(
        self,
        spec: TaskSpec,
        labelled: Sequence[Example],
        unlabelled: Sequence[Inputs],
        *,
        model: LanguageModel | None,
        metric: Metric,
        effort: float,
        seed: int,
        start: Candidate | None = None,
    ) -> Fitted:
        self.shown.append((tuple(labelled), tuple(unlabelled)))
        return super().fit(
            spec, labelled, unlabelled, model=model, metric=metric, effort=effort, seed=seed, start=start
        )


def planned(method: Method, task: Task, model: LocalModel, budgets: tuple[int, ...] = BUDGETS) -> Plan:
    return make_plan(
        [method],
        budgets,
        SEEDS,
        task.spec,
        model.capabilities,
        n_train=task.n_labelled,
        n_inputs=len(task.train),
        asked=frozenset(),
        keys={method.name: trial_key(method, task.spec, model.identity, 0.1)},
    )


def test_no_method_sees_the_rows_that_it_is_compared_on(task: Task, tiny: LocalModel, tmp_path: Path) -> None:
    seeing = Seeing()
    store, metric = StudyStore.open(tmp_path / "study", create=True), get_metric(task.spec.metric)
    with store.writing():
        for cell in planned(seeing, task, tiny).cells:
            record = run_cell(cell, task, store, tiny, metric)
            assert record.error is None
            labelled, unlabelled = seeing.shown[-1]
            asked = {row.id: row.inputs for row in rows_of(task, cell.key.seed) if row.id in record.validation}
            assert not {example.id for example in labelled} & set(asked)
            assert not [inputs for inputs in unlabelled if inputs in asked.values()]
            assert unlabelled, "some are left"


def test_a_budget_that_leaves_too_few_rows_has_no_validation(task: Task, tiny: LocalModel) -> None:
    whole = planned(get_method("few-shot"), task, tiny, (0, task.n_labelled))
    assert all(cell.validated is None for cell in whole.cells)
    most = task.n_labelled - 2 * 16
    assert all(cell.validated is not None for cell in planned(get_method("few-shot"), task, tiny, (most,)).cells)
    assert all(cell.validated is None for cell in planned(get_method("few-shot"), task, tiny, (most + 2,)).cells)


def test_a_record_of_an_earlier_release_has_none(study: api.Study) -> None:
    record = study.records()[-1]
    value = record_to_json(record)
    assert record_from_json(value) == record
    del value["validation"]
    assert record_from_json(value) == replace(record, validation={})


def test_an_answer_that_is_missing_is_left_out(study: api.Study) -> None:
    record: TrialRecord = next(r for r in study.records() if r.validation)
    first = next(iter(record.validation))
    known = [score for name, score in record.validation.items() if name != first]
    missing = replace(record, validation={**record.validation, first: None})
    assert missing.validation_score == pytest.approx(sum(s or 0.0 for s in known) / len(known))
    assert replace(record, validation=dict.fromkeys(record.validation)).validation_score is None


def test_the_draws_at_both_budgets_have_the_same_first_rows(task: Task) -> None:
    drawn = {e.id for e in sample(task.train, 8, 0, task.spec.labels)}
    assert not drawn & {row.id for row in rows_of(task, 0)}, "smaller budgets are inside larger ones"
