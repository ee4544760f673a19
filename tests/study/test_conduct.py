"""Precision by precision, within a time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from crossover.listener import Silent
from crossover.methods import get_method
from crossover.metrics import get_metric
from crossover.model.base import LanguageModel
from crossover.model.local import LocalModel
from crossover.records import TrialRecord
from crossover.study import Plan, StudyStore, at_precisions, make_plan, trial_key
from crossover.study.conduct import conduct
from crossover.study.run import run_cells
from crossover.task import Task

PRECISIONS = ("fp32", "nf4")


class Lender:
    """Has the model in fp32 and counts what it is asked for."""

    def __init__(self, model: LocalModel) -> None:
        self.model = model
        self.asked: list[str] = []

    def at(self, precision: str) -> LanguageModel:
        self.asked.append(precision)
        assert precision == "fp32"
        return self.model


class Heard(Silent):
    def __init__(self) -> None:
        self.planned: list[list[tuple[str, int, int]]] = []
        self.finished: list[TrialRecord] = []
        self.out: list[tuple[str, int, str]] = []

    def plan(self, cells: object, seconds: float | None) -> None:
        self.planned.append(list(cells))  # type: ignore[call-overload]

    def cell_finished(self, record: TrialRecord) -> None:
        self.finished.append(record)

    def left_out(self, method: str, budget: int, reason: str) -> None:
        self.out.append((method, budget, reason))


@pytest.fixture
def task(rows: Path) -> Task:
    return Task.from_file(rows)


def plans(task: Task, model: LocalModel) -> dict[str, Plan]:
    methods = [get_method(name) for name in ("majority", "zero-shot")]
    keys = {m.name: trial_key(m, task.spec, model.identity, 1.0) for m in methods}
    plan = make_plan(
        methods,
        [8],
        1,
        task.spec,
        model.capabilities,
        n_train=len(task.train),
        n_inputs=len(task.train),
        asked=frozenset(),
        keys=keys,
    )
    return at_precisions(plan, PRECISIONS)


def test_what_asks_no_model_says_nothing_of_the_pace(task: Task, tiny: LocalModel, tmp_path: Path) -> None:
    """A first fit of such an arm imports what it needs, which a plan must not take for a slow machine."""
    store, cells = StudyStore.open(tmp_path / "study", create=True), plans(task, tiny)["fp32"].cells
    expected = {cell.arm: 0.0 if cell.method.name == "majority" else 2.0 for cell in cells}
    metric = get_metric(task.spec.metric)
    with store.writing():
        first = [cell for cell in cells if not expected[cell.arm]]
        spent = run_cells(first, task, store, tiny, metric, Silent(), seconds_of=expected, passes_of={})
        assert (spent.expected, spent.taken, spent.ratio) == (0.0, 0.0, 1.0)
        spent = run_cells(cells, task, store, tiny, metric, Silent(), seconds_of=expected, passes_of={})
    assert spent.expected == 2.0
    assert spent.taken > 0


def test_without_time_the_next_precision_is_not_even_loaded(task: Task, tiny: LocalModel, tmp_path: Path) -> None:
    store, heard, lender = StudyStore.open(tmp_path / "study", create=True), Heard(), Lender(tiny)
    metric = get_metric(task.spec.metric)
    with store.writing():
        conduct(plans(task, tiny), task, store, lender, metric, heard, effort=1.0, deadline=time.monotonic() - 1)
    assert lender.asked == ["fp32"]
    assert heard.out[-1] == ("zero-shot · nf4", 8, "no time is left of the time limit")
    assert {method for method, _, _ in heard.out} == {"zero-shot · fp32", "zero-shot · nf4"}
    assert {record.key.method for record in heard.finished} == {"majority"}, "it takes no time"


def test_all_trials_are_announced_at_the_beginning(task: Task, tiny: LocalModel, tmp_path: Path) -> None:
    store, heard, lender = StudyStore.open(tmp_path / "study", create=True), Heard(), Lender(tiny)
    metric = get_metric(task.spec.metric)
    with store.writing(), pytest.raises(AssertionError):  # the lender has no nf4
        conduct(plans(task, tiny), task, store, lender, metric, heard, effort=1.0, deadline=None)
    assert heard.planned == [[("majority", 8, 0), ("zero-shot · fp32", 8, 0), ("zero-shot · nf4", 8, 0)]]
    assert [record.key.precision for record in heard.finished] == ["", "fp32"]
    assert lender.asked == ["fp32", "nf4"]
