"""An estimate says what the planner would do, and does nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crossover.methods import get_method
from crossover.model.footprint import Footprint
from crossover.model.local import LocalModel
from crossover.records import Probe, ProbeRow, TrialKey
from crossover.study import Plan, Room, at_precisions, estimate_plans, make_plan, trial_key
from crossover.study.cells import Cell, Validated
from crossover.study.pace import Pace
from crossover.task import Task
from tests.study.test_conduct import Lender
from tests.study.test_plan import SHAPE

NAMES = ("majority", "zero-shot", "knn-few-shot", "prompt-search", "lora")


@pytest.fixture
def task(rows: Path) -> Task:
    return Task.from_file(rows)


def plan(task: Task, model: LocalModel, budgets: tuple[int, ...] = (0, 8)) -> Plan:
    methods = [get_method(name) for name in NAMES]
    return make_plan(
        methods,
        budgets,
        2,
        task.spec,
        model.capabilities,
        n_train=task.n_labelled,
        n_inputs=len(task.train),
        asked=frozenset(),
        keys={m.name: trial_key(m, task.spec, model.identity, 1.0) for m in methods},
    )


def rooms(model: LocalModel) -> dict[str, Room]:
    footprint = Footprint.of(model._network, "fp32", model._network.dtype)
    return {"fp32": Room(bound=10**11, base=10**8, footprint=footprint)}


def test_every_arm_once_and_the_whole_is_their_sum(task: Task, tiny: LocalModel) -> None:
    asked = plan(task, tiny)
    found = estimate_plans(at_precisions(asked, ["fp32"]), task, Lender(tiny), rooms=rooms(tiny), time_limit=None)
    assert [(a.method, a.budget, a.seeds, a.kept) for a in found.arms] == [
        ("majority", 8, 2, 2),
        ("zero-shot", 8, 2, 2),
        ("knn-few-shot", 8, 2, 2),
        ("prompt-search", 8, 2, 2),
        ("lora", 8, 2, 2),
        ("zero-shot", 0, 1, 1),
    ]
    trials = sum(arm.seeds * arm.trial_seconds for arm in found.arms)
    assert found.kept_seconds == found.seconds
    assert trials < found.seconds < trials + 30  # measuring the pace is part of a run
    arms = {(arm.method, arm.budget): arm for arm in found.arms}
    majority, zero, knn, search, lora = (arms[name, 8] for name in NAMES)
    assert (majority.fit_seconds, majority.prompt_tokens, majority.needed_mb) == (0.0, 0, None)
    assert zero.fit_seconds < lora.fit_seconds
    assert zero.prompt_tokens < search.prompt_tokens <= knn.prompt_tokens
    assert (zero.test_either_way, knn.test_either_way) == (0.0, 0.0)
    assert 0 < search.test_either_way < search.test_seconds
    assert zero.test_seconds < search.test_seconds < knn.test_seconds
    assert majority.peak_memory_mb < zero.peak_memory_mb < lora.peak_memory_mb
    assert found.peak_memory_mb == max(arm.peak_memory_mb for arm in found.arms)
    assert all(arm.calls == arm.kept * len(task.test) for arm in found.arms)
    assert list(Path().glob("*-study")) == []


def test_a_time_limit_keeps_what_the_planner_keeps(task: Task, tiny: LocalModel) -> None:
    plans = at_precisions(plan(task, tiny), ["fp32"])
    found = estimate_plans(plans, task, Lender(tiny), rooms=rooms(tiny), time_limit=0.0)
    kept = {(arm.method, arm.budget) for arm in found.arms if arm.kept}
    assert kept == {("majority", 8)}
    assert {left.method for left in found.left_out} == set(NAMES) - {"majority"}
    assert all("time limit" in left.reason for left in found.left_out)
    assert found.kept_seconds < found.seconds


def test_what_is_done_takes_nothing(task: Task, tiny: LocalModel) -> None:
    asked = plan(task, tiny)
    done: frozenset[TrialKey] = frozenset(cell.key for cell in asked.cells if cell.key.seed == 0)
    plans = at_precisions(asked, ["fp32"])
    found = estimate_plans(plans, task, Lender(tiny), rooms=rooms(tiny), time_limit=None, finished=done)
    assert {(arm.budget, arm.seeds) for arm in found.arms} == {(8, 1)}
    everything = frozenset(cell.key for cell in asked.cells)
    lender = Lender(tiny)
    nothing = estimate_plans(plans, task, lender, rooms=rooms(tiny), time_limit=None, finished=everything)
    assert (nothing.arms, nothing.seconds, lender.asked) == ((), 0.0, [])


def cell_of(name: str, validated: Validated | None = None, *, seed: int = 1) -> Cell:
    key = TrialKey(method=name, budget=32, seed=seed, model="m", precision="fp32")
    return Cell(key=key, method=get_method(name), label=name, validated=validated)


def test_validation_rows_take_what_test_rows_take() -> None:
    pace = Pace(read=4000.0, trained=400.0, written=50.0, call=0.1)
    asked = Validated(budget=32, seeds=(0,), n=SHAPE.n_test // 2)
    without, with_them = (pace.times(cell_of("few-shot", given), SHAPE) for given in (None, asked))
    assert with_them.validation == pytest.approx(without.test / 2)
    assert with_them.trial == pytest.approx(without.trial + without.test / 2)
    assert pace.times(cell_of("linear", asked), SHAPE).trial == 0.0


def test_a_slower_machine_takes_longer_in_every_part() -> None:
    pace = Pace(read=4000.0, trained=400.0, written=50.0, call=0.1)
    cell = cell_of("prompt-search")
    fast, slow = (p.times(cell, SHAPE) for p in (pace, pace.slowed(2.0)))
    assert slow.fit == pytest.approx(2 * fast.fit)
    assert slow.test == pytest.approx(2 * fast.test)
    assert slow.either_way == pytest.approx(2 * fast.either_way)
    assert fast.rest < slow.rest < 2 * fast.rest
    assert pace.times(cell_of("linear"), SHAPE).trial == 0.0


def test_what_is_trained_is_read_for_what_it_keeps_of_the_base_model() -> None:
    pace = Pace(read=4000.0, trained=400.0, written=50.0, call=0.1)
    trained, frozen = (pace.times(cell_of(name), SHAPE).rest for name in ("lora", "few-shot"))
    assert trained - frozen == pytest.approx(5_400 / 4000.0)


def test_probes_are_answered_by_what_was_trained_and_once_by_the_base_model() -> None:
    pace, probed = Pace(read=4000.0, trained=400.0, call=0.1), replace(SHAPE, probes=8_000)
    more = {name: pace.times(cell_of(name), probed).rest - pace.times(cell_of(name), SHAPE).rest for name in NAMES}
    assert more == {"majority": 0.0, "zero-shot": 0.0, "knn-few-shot": 0.0, "prompt-search": 0.0, "lora": 2.0}
    assert pace.once([cell_of("zero-shot")], SHAPE) == 0.0
    assert pace.once([cell_of("zero-shot")], probed) == 2.0
    assert pace.once([cell_of("majority")], probed) == 0.0
    text = pace.once([cell_of("zero-shot"), cell_of("lora")], SHAPE)
    assert text > 0
    assert pace.once([cell_of("lora")], probed) == pytest.approx(text + 2.0)


def test_an_edit_of_the_prompt_is_tried_with_the_first_seed() -> None:
    pace = Pace(read=4000.0, trained=400.0, call=0.1)

    def more(name: str) -> float:
        first, second = (pace.times(cell_of(name, seed=seed), SHAPE).rest for seed in (0, 1))
        return first - second

    assert more("linear") == more("head") == 0.0, "there is no prompt to edit"
    assert 48 * 0.1 < more("lora") < more("few-shot"), "a longer prompt takes longer to read"


def test_what_is_taken_once_is_in_the_whole(task: Task, tiny: LocalModel) -> None:
    probe = Probe(name="p", kind="cloze", rows=(ProbeRow(context="one two " * 500, options=("three",)),), sha256="0")
    plans = at_precisions(plan(task, tiny), ["fp32"])
    found = estimate_plans(plans, task, Lender(tiny), rooms=rooms(tiny), time_limit=None, probes=[probe])
    assert found.seconds > sum(arm.seeds * arm.trial_seconds for arm in found.arms)


def test_training_below_demonstrations_takes_no_more_passes_than_without() -> None:
    lora = get_method("lora").cost(SHAPE, 64, 1.0)
    for name in ("lora+few-shot", "lora+knn-few-shot"):
        cost = get_method(name).cost(SHAPE, 64, 1.0)
        assert cost.trained == lora.trained
        assert cost.added > 0


def test_an_adapter_after_a_search_is_tested_with_what_was_found() -> None:
    search, alone = get_method("prompt-search").cost(SHAPE, 64, 1.0), get_method("lora").cost(SHAPE, 64, 1.0)
    both = get_method("prompt-search/lora").cost(SHAPE, 64, 1.0)
    none = get_method("prompt-search/lora").cost(
        type(SHAPE)(prefix=40, row=20, answer_tree=6, answer=3, n_test=0), 64, 1.0
    )
    assert both.each == search.each > 0 == alone.each
    assert both.read - none.read == SHAPE.n_test * (SHAPE.test_row + search.each)
    last = get_method("lora/prompt-search").cost(SHAPE, 64, 1.0)
    assert last.each == search.each
