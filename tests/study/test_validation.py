"""What methods are compared on before the test is read: rows that no method of that seed has seen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from crossover import api
from crossover.api.telling import median_seed
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


def test_what_is_finished_answers_the_rows_of_further_seeds(task: Task, model_folder: Path, tmp_path: Path) -> None:
    def go_on(seeds: int, budget: int = 16) -> dict[str, TrialRecord]:
        study = api.compare(
            task,
            model=str(model_folder),
            methods=["majority", "zero-shot", "few-shot"],
            budgets=(0, budget),
            seeds=seeds,
            effort=0.1,
            precision="fp32",
            study=tmp_path / "study",
        )
        return {f"{r.key.method}@{r.key.budget}/{r.key.seed}": r for r in study.records()}

    first, more = go_on(1), go_on(2)
    assert set(first["zero-shot@0/0"].validation) == {row.id for row in rows_of(task, 0)}
    assert set(more["zero-shot@0/0"].validation) == {row.id for seed in range(2) for row in rows_of(task, seed)}
    for name, record in first.items():
        known = {row: more[name].validation[row] for row in record.validation}
        assert known == record.validation, "what was answered stays as it was"
    wider = go_on(2, 20)
    asked = {row.id for seed in range(2) for row in validation(task.train, 20, seed, task.spec.labels, n=64)}
    assert asked <= set(wider["zero-shot@0/0"].validation)
    assert wider["few-shot@16/0"].validation == more["few-shot@16/0"].validation, "another budget is the largest now"
    assert go_on(2, 20) == wider


def test_a_study_of_an_earlier_release_is_caught_up_with(task: Task, model_folder: Path, tmp_path: Path) -> None:
    def run() -> api.Study:
        return api.compare(
            task,
            model=str(model_folder),
            methods=["zero-shot", "few-shot"],
            budgets=(0, 16),
            seeds=1,
            effort=0.1,
            precision="fp32",
            study=tmp_path / "study",
        )

    before = {r.key: r.validation for r in run().records()}
    with closing(sqlite3.connect(tmp_path / "study" / "study.sqlite")) as base, base:
        for key, record in base.execute("SELECT key, record FROM trial").fetchall():
            value = json.loads(record)
            del value["validation"], value["prompt"]
            base.execute("UPDATE trial SET record = ? WHERE key = ?", (json.dumps(value), key))
    assert all(not record.validation for record in api.open_study(tmp_path / "study").records())
    assert {r.key: r.validation for r in run().records()} == before


def test_a_prompt_is_kept_as_people_read_it(study: api.Study) -> None:
    prompts = {f"{r.key.method}@{r.key.budget}": r.prompt for r in study.records() if r.key.seed == 0}
    assert prompts["linear@16"] is None
    assert prompts["head@16"] is None
    assert "{text}" in (prompts["lora@16"] or "")
    assert "Sort this: {text}" in (prompts["prompt:mine@0"] or "")
    page = study.report(study.folder / "page.html").read_text(encoding="utf-8")
    assert "as it was found (seed" in page
    bare = study.report(study.folder / "bare.html", examples=False).read_text(encoding="utf-8")
    assert "Sort this" in page
    assert "Sort this" not in bare


def test_the_seed_that_stands_for_an_arm_is_the_usual_one_of_those_rows(study: api.Study) -> None:
    arm = next(one for one in study.verdict().arms if one.arm == "few-shot@16")
    first = next(r for r in study.records() if (r.key.method, r.key.budget) == ("few-shot", 16))
    rows = list(first.validation)

    def seed(number: int, right: int, dev: float) -> TrialRecord:
        scores: dict[str, float | None] = {row: float(place < right) for place, row in enumerate(rows)}
        return replace(first, key=replace(first.key, seed=number), dev_score=dev, validation=scores)

    seeds = [seed(0, 20, 0.5), seed(1, 5, 0.6), seed(2, 12, 0.9)]
    chosen = median_seed(arm, seeds)
    assert chosen is not None
    assert chosen.key.seed == 2
    without = median_seed(arm, [replace(record, validation={}) for record in seeds])
    assert without is not None
    assert without.key.seed == 1, "the median dev score"
