from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from crossover.errors import OptionError
from crossover.methods import Method, Shape, default_methods, get_method
from crossover.methods.prompt.zero_shot import UserPrompt
from crossover.model.local import LocalModel
from crossover.records import Example, TaskSpec, TrialKey
from crossover.report.progress import Progress
from crossover.study import Plan, at_precisions, default_budgets, make_plan, trial_key
from crossover.study.cells import Cell
from crossover.study.pace import Pace
from crossover.study.plan import fit_time
from crossover.study.shape import measure_pace
from tests.methods.recording import RecordingModel

SHAPE = Shape(prefix=40, row=20, answer_tree=6, answer=3, n_test=100)
PACE = Pace(read=4000.0, trained=400.0)


def planned(
    spec: TaskSpec,
    model: LocalModel,
    names: Sequence[str],
    budgets: Sequence[int],
    *,
    seeds: int = 2,
    asked: Sequence[str] = (),
    n_train: int = 100,
    n_inputs: int | None = None,
    unavailable: Mapping[str, str] | None = None,
) -> Plan:
    methods = [get_method(name) for name in names]
    keys = {method.name: trial_key(method, spec, model.identity, 1.0) for method in methods}
    return make_plan(
        methods,
        budgets,
        seeds,
        spec,
        model.capabilities,
        n_train=n_train,
        n_inputs=n_train if n_inputs is None else n_inputs,
        asked=frozenset(asked),
        keys=keys,
        unavailable=unavailable or {},
    )


def cells(plan: Plan) -> list[tuple[str, int, int]]:
    return [(cell.method.name, cell.key.budget, cell.key.seed) for cell in plan.cells]


def test_the_order_largest_budget_then_none_then_the_others_seed_by_seed(spec: TaskSpec, tiny: LocalModel) -> None:
    assert cells(planned(spec, tiny, ["majority", "zero-shot", "lora"], [0, 8, 32])) == [
        ("majority", 32, 0),
        ("zero-shot", 32, 0),
        ("lora", 32, 0),
        ("majority", 32, 1),
        ("zero-shot", 32, 1),
        ("lora", 32, 1),
        ("zero-shot", 0, 0),
        ("majority", 8, 0),
        ("zero-shot", 8, 0),
        ("lora", 8, 0),
        ("majority", 8, 1),
        ("zero-shot", 8, 1),
        ("lora", 8, 1),
    ]


def test_no_cell_twice_and_one_seed_without_labels(spec: TaskSpec, tiny: LocalModel) -> None:
    plan = planned(spec, tiny, default_methods("classification"), [0, 0, 16], seeds=3)
    assert len(set(cells(plan))) == len(plan.cells)
    assert [c for c in cells(plan) if c[1] == 0] == [("zero-shot", 0, 0)]
    assert {c.key for c in plan.cells if c.method.name == "majority"} <= {
        c.key for c in plan.cells if (c.key.model, c.key.precision) == ("", "")
    }


def test_each_precision_has_cells_of_its_own_and_what_needs_no_model_runs_once(
    spec: TaskSpec, tiny: LocalModel
) -> None:
    plan = planned(spec, tiny, ["majority", "zero-shot", "lora", "lora+few-shot"], [0, 4])
    assert at_precisions(plan, ["fp32"]) == {"fp32": plan}
    plans = at_precisions(plan, ["bf16", "nf4"])
    assert list(plans) == ["bf16", "nf4"]
    first, second = plans.values()
    assert {cell.key.precision for cell in first.cells if cell.method.needs} == {"bf16"}
    assert {cell.key.precision for cell in second.cells} == {"nf4"}
    assert cells(first) == cells(plan)
    assert cells(second) == [cell for cell in cells(plan) if cell[0] != "majority"]
    assert {cell.label for cell in first.cells} == {"majority", "zero-shot · bf16", "lora · bf16"}
    assert {cell.label for cell in second.cells} == {"zero-shot · nf4", "lora · nf4"}
    assert (first.left_out, second.left_out) == (plan.left_out, ())
    keys = [cell.key for cell in (*first.cells, *second.cells)]
    assert len(set(keys)) == len(keys)
    late = fit_time(second, PACE, SHAPE, 0)
    assert {left.method for left in late.left_out} == {"zero-shot · nf4", "lora · nf4"}


def test_a_method_with_a_precision_of_its_own_runs_in_it_alone(spec: TaskSpec, tiny: LocalModel) -> None:
    plan = planned(spec, tiny, ["majority", "lora", "qlora"], [8])
    plans = at_precisions(plan, ["fp32"])
    assert list(plans) == ["fp32", "nf4"]
    assert {cell.label for cell in plans["fp32"].cells} == {"majority", "lora"}
    assert {(cell.label, cell.key.precision) for cell in plans["nf4"].cells} == {("qlora", "nf4")}
    also = at_precisions(plan, ["nf4", "fp32"])
    assert {cell.label for cell in also["nf4"].cells} == {"majority", "lora · nf4", "qlora"}
    assert {cell.label for cell in also["fp32"].cells} == {"lora · fp32"}


def test_a_precision_that_this_machine_lacks(spec: TaskSpec, tiny: LocalModel) -> None:
    lacking = {"nf4": "bitsandbytes is not installed"}
    plan = planned(spec, tiny, ["lora", "qlora"], [8], unavailable=lacking)
    assert {cell.method.name for cell in plan.cells} == {"lora"}
    assert [left.reason for left in plan.left_out] == ["qlora needs the model in nf4: bitsandbytes is not installed"]
    with pytest.raises(OptionError, match="qlora needs the model in nf4"):
        planned(spec, tiny, ["lora", "qlora"], [8], unavailable=lacking, asked=["qlora"])


def test_a_method_that_cannot_serve_is_left_out_and_an_error_with_the_alternatives_when_asked_for(
    spec: TaskSpec, tiny: LocalModel
) -> None:
    cannot = "cot is for qa, math, not for classification"
    plan = planned(spec, tiny, ["lora", "cot"], [8])
    assert [left.reason for left in plan.left_out] == [cannot]
    with pytest.raises(OptionError, match=cannot) as caught:
        planned(spec, tiny, ["lora", "cot"], [0, 8], asked=["cot"])
    assert "methods that can: majority, linear, zero-shot, few-shot" in str(caught.value)
    assert caught.value.details[-1] == "leave it out of --methods", "no budget would help"
    assert "budgets asked for" not in str(caught.value)
    with pytest.raises(OptionError, match="lora needs at least 4 labels, the budget is 0") as caught:
        planned(spec, tiny, ["lora"], [0], asked=["lora"])
    assert "methods that can: zero-shot\n" in str(caught.value)


def test_budgets_beyond_the_rows(spec: TaskSpec, tiny: LocalModel) -> None:
    with pytest.raises(OptionError, match=r"budget 101 is not possible: there are 100 .*\nallowed: 0 to 100"):
        planned(spec, tiny, ["majority"], [8, 101])
    with pytest.raises(OptionError, match="budget -1"):
        planned(spec, tiny, ["majority"], [-1])


def test_a_method_that_was_asked_for_and_cannot_serve(spec: TaskSpec, tiny: LocalModel) -> None:
    with pytest.raises(OptionError) as error:
        planned(spec, tiny, ["zero-shot", "lora+few-shot"], [0, 4], asked=["lora+few-shot"])
    assert error.value.message == "lora+few-shot needs at least 8 labels, the budget is 4."
    asked, able, way_out = error.value.details
    assert asked == "budgets asked for: 0, 4"
    assert able.startswith("methods that can: majority, linear, zero-shot, few-shot")
    assert way_out == "leave it out of --methods, or add a budget"
    plan = planned(spec, tiny, ["zero-shot", "lora+few-shot"], [0, 4])
    assert [(left.method, left.budget) for left in plan.left_out] == [("lora+few-shot", 4)]
    assert {cell.method.name for cell in plan.cells} == {"zero-shot"}


def test_time_for_everything_leaves_nothing_out(spec: TaskSpec, tiny: LocalModel) -> None:
    plan = planned(spec, tiny, default_methods("classification"), [0, 8, 32])
    kept = fit_time(plan, PACE, SHAPE, 1e6)
    assert sorted(c.key for c in kept.cells) == sorted(c.key for c in plan.cells)
    assert kept.left_out == plan.left_out


@pytest.mark.parametrize("seconds", [0, 5, 20, 40, 80, 160, 320])
def test_arms_are_whole_and_what_is_left_out_is_named(spec: TaskSpec, tiny: LocalModel, seconds: float) -> None:
    plan = planned(spec, tiny, default_methods("classification"), [0, 8, 32])
    kept = fit_time(plan, PACE, SHAPE, seconds)
    arms, kept_arms = ({(c.method.name, c.key.budget) for c in p.cells} for p in (plan, kept))
    whole = {arm for arm in kept_arms if _cells_of(plan, arm) == _cells_of(kept, arm)}
    assert {(left.method, left.budget) for left in kept.left_out} == arms - whole
    assert all("left of the time limit" in left.reason for left in kept.left_out)
    console = Console(file=StringIO(), width=200)
    with Progress(console=console) as progress:
        for left in kept.left_out:
            progress.left_out(left.method, left.budget, left.reason)
    assert "left out" not in console.file.getvalue(), "what lacks time is listed together"  # type: ignore[attr-defined]  # as made above
    assert kept_arms - whole <= {(name, 32) for name in ("lora", "few-shot")}, "core methods may have fewer seeds"
    assert sum(PACE.seconds(c, SHAPE) for c in kept.cells) <= seconds + 1e-9
    assert ("majority", 32) in kept_arms


def test_what_matters_most_comes_first(spec: TaskSpec, tiny: LocalModel) -> None:
    plan = planned(spec, tiny, default_methods("classification"), [0, 8, 32])
    order = list(dict.fromkeys((c.method.name, c.key.budget) for c in fit_time(plan, PACE, SHAPE, 1e6).cells))
    place = {arm: i for i, arm in enumerate(order)}
    assert place["majority", 32] < place["zero-shot", 0] < place["lora", 32] < place["few-shot", 32]
    assert place["few-shot", 32] < min(place[name, 32] for name in ("head", "knn-few-shot", "lora+few-shot"))
    assert max(i for (_, budget), i in place.items() if budget == 32) < place["lora", 8]


@pytest.mark.parametrize("name", ["zero-shot", "few-shot", "knn-few-shot", "lora", "lora+few-shot"])
def test_test_rows_below_a_large_label_tree_are_planned_as_they_are_searched(name: str) -> None:
    large = replace(SHAPE, answer_tree=400)

    def a_test_row(shape: Shape) -> int:
        cost = [get_method(name).cost(replace(shape, n_test=n), 32, 1.0).read for n in (100, 101)]
        return cost[1] - cost[0]

    assert a_test_row(large) < a_test_row(SHAPE) + 60


def test_what_is_done_takes_no_time(spec: TaskSpec, tiny: LocalModel) -> None:
    plan = planned(spec, tiny, ["majority", "lora"], [32])
    assert {c.method.name for c in fit_time(plan, PACE, SHAPE, 1).cells} == {"majority"}
    done = frozenset(c.key for c in plan.cells)
    for seconds in (0, -5):
        late = fit_time(plan, PACE, SHAPE, seconds, done=done)
        assert {c.key for c in late.cells} == done
        assert not late.left_out, "what is done is not left out, also when the time is over"


class _Forgetting(RecordingModel):
    def __init__(self) -> None:
        super().__init__()
        self.forgotten: list[bool] = []

    def forget(self, *, results: bool = False) -> None:
        self.forgotten.append(results)
        super().forget(results=results)


def test_the_pace_is_that_of_passes_not_of_remembered_results(spec: TaskSpec) -> None:
    model = _Forgetting()
    rows = [
        Example(id=f"train:{i}", inputs=dict.fromkeys(spec.input_fields, f"text {i}"), target=spec.labels[0], row=i)
        for i in range(16)
    ]
    measure_pace(spec, rows, model)
    assert model.forgotten
    assert all(model.forgotten), "a result from memory takes no time"


@pytest.mark.parametrize(
    ("n_train", "n_labels", "budgets"),
    [
        (300, 8, (0, 16, 64)),
        (300, 30, (0, 30, 120)),
        (5000, 77, (0, 77, 308)),
        (40, 3, (0, 16, 40)),
        (12, 3, (0, 12)),
        (16, 3, (0, 16)),
    ],
)
def test_default_budgets(n_train: int, n_labels: int, budgets: tuple[int, ...]) -> None:
    assert default_budgets(n_train, n_labels) == budgets


def test_a_key_changes_with_the_words_only_where_they_are_read(spec: TaskSpec, tiny: LocalModel) -> None:
    from dataclasses import replace  # noqa: PLC0415

    other = replace(spec, instruction="Sort the ticket.")

    def key(method: Method, spec: TaskSpec) -> str:
        return trial_key(method, spec, tiny.identity, 1.0).wording

    assert key(get_method("majority"), spec) == key(get_method("majority"), other) == ""
    assert key(get_method("lora"), spec) != key(get_method("lora"), other)
    assert key(UserPrompt("mine", "{text}"), spec) != key(UserPrompt("mine", "Ticket: {text}"), spec)


def test_core_methods_that_do_not_fit_run_with_their_first_seeds_in_turn(spec: TaskSpec, tiny: LocalModel) -> None:
    plan = planned(spec, tiny, ["majority", "few-shot", "lora"], [32], seeds=3)
    pace = Pace(read=1000, trained=300)
    one = {(cell.method.name, cell.key.seed): pace.seconds(cell, SHAPE) for cell in plan.cells}
    both = [one["few-shot", seed] + one["lora", seed] for seed in range(3)]
    baseline = sum(one["majority", seed] for seed in range(3)) + 0.1

    def seeds(seconds: float) -> dict[str, list[int]]:
        kept = fit_time(plan, pace, SHAPE, seconds)
        assert all(cell.key.seed == place for arm in _by_arm(kept).values() for place, cell in enumerate(arm))
        return {name: [cell.key.seed for cell in cells] for name, cells in _by_arm(kept).items()}

    assert seeds(baseline + sum(both)) == {"majority": [0, 1, 2], "lora": [0, 1, 2], "few-shot": [0, 1, 2]}
    assert seeds(baseline + both[0]) == {"majority": [0, 1, 2], "lora": [0], "few-shot": [0]}
    assert seeds(baseline + sum(both[:2])) == {"majority": [0, 1, 2], "lora": [0, 1], "few-shot": [0, 1]}
    cut = fit_time(plan, pace, SHAPE, baseline + both[0])
    assert [(out.method, out.reason.split(" about")[0]) for out in cut.left_out] == [
        ("lora", "2 of 3 seeds,"),
        ("few-shot", "2 of 3 seeds,"),
    ]


def _cells_of(plan: Plan, arm: tuple[str, int]) -> set[TrialKey]:
    return {cell.key for cell in plan.cells if (cell.method.name, cell.key.budget) == arm}


def _by_arm(plan: Plan) -> dict[str, list[Cell]]:
    arms: dict[str, list[Cell]] = {}
    for cell in plan.cells:
        arms.setdefault(cell.method.name, []).append(cell)
    return arms


def test_what_learns_from_inputs_without_labels_needs_some(spec: TaskSpec, tiny: LocalModel) -> None:
    plan = planned(spec, tiny, ["lora", "distill"], [16, 32], seeds=1, n_train=32, n_inputs=36)
    assert cells(plan) == [("lora", 32, 0), ("lora", 16, 0), ("distill", 16, 0)]
    left = planned(spec, tiny, ["lora", "distill"], [32], n_train=32, n_inputs=36).left_out
    reason = "distill needs 8 training inputs without a label in the budget, at 32 labels there are 4"
    assert [(one.method, one.reason) for one in left] == [("distill", reason)]
    with pytest.raises(OptionError, match="distill needs 8 training inputs"):
        planned(spec, tiny, ["distill"], [32], asked=["distill"], n_train=32, n_inputs=36)
