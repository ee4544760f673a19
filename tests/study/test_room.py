"""What fits into a bound on memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import psutil
import pytest
import torch

from crossover.errors import OptionError
from crossover.methods import Shape, get_method
from crossover.model.footprint import Footprint
from crossover.model.hardware import memory_limit
from crossover.model.local import LocalModel
from crossover.model.sizes import ON_GPU
from crossover.records import TaskSpec
from crossover.study import Plan, Room, in_words, make_plan, resident_bytes, rooms_for, trial_key
from crossover.study.room import fit_memory, free_rooms
from tests.model.test_footprint import billion

SHAPE = Shape(prefix=40, row=20, answer_tree=6, answer=3, n_test=100, longest=90)
BASE = 500_000_000


@pytest.fixture(scope="module")
def footprints() -> dict[str, Footprint]:
    return {p: Footprint.of(billion(), p, torch.float32) for p in ("fp32", "bf16", "int8", "nf4")}


def planned(spec: TaskSpec, model: LocalModel, names: Sequence[str], budgets: Sequence[int]) -> Plan:
    methods = [get_method(name) for name in names]
    keys = {method.name: trial_key(method, spec, model.identity, 1.0) for method in methods}
    return make_plan(
        methods, budgets, 2, spec, model.capabilities, n_train=100, n_inputs=100, asked=frozenset(), keys=keys
    )


def arms(plan: Plan) -> set[tuple[str, int]]:
    return {cell.arm for cell in plan.cells}


def test_a_wide_bound_leaves_nothing_out(spec: TaskSpec, tiny: LocalModel, footprints: dict[str, Footprint]) -> None:
    plan = planned(spec, tiny, ["majority", "zero-shot", "lora", "lora+few-shot"], [0, 32])
    room = Room(bound=10**12, base=BASE, footprint=footprints["nf4"])
    assert fit_memory(plan, room, SHAPE, done=()) == (plan, ())


def test_what_trains_goes_first_and_is_named_with_both_numbers(
    spec: TaskSpec, tiny: LocalModel, footprints: dict[str, Footprint]
) -> None:
    plan = planned(spec, tiny, ["majority", "zero-shot", "few-shot", "lora", "lora+few-shot"], [0, 32])
    need = footprints["nf4"]
    between = (need.reading(400, 400, 16) + need.training(90)) // 2
    assert need.reading(400, 400, 16) < between < need.training(90)
    room = Room(bound=BASE + need.weights + between, base=BASE, footprint=need)
    kept, out = fit_memory(plan, room, SHAPE, done=())
    assert {(left.method, left.budget) for left in out} == {("lora", 32), ("lora+few-shot", 32)}
    assert arms(kept) == arms(plan) - {("lora", 32), ("lora+few-shot", 32)}
    assert all(left.reason.startswith("needs about ") for left in out)
    assert all(f"--memory allows {in_words(room.bound)}" in left.reason for left in out)
    done = frozenset(cell.key for cell in plan.cells)
    assert fit_memory(plan, room, SHAPE, done=done) == (plan, ()), "what is there already takes no memory"


def test_demonstrations_take_memory(spec: TaskSpec, tiny: LocalModel, footprints: dict[str, Footprint]) -> None:
    plan = planned(spec, tiny, ["lora", "lora+few-shot"], [32])
    room = Room(bound=10**12, base=BASE, footprint=footprints["bf16"])
    need = {cell.method.name: room.need(cell, SHAPE) for cell in plan.cells}
    assert need["lora"] < need["lora+few-shot"]
    bound = need["lora"] + (need["lora+few-shot"] - need["lora"]) // 2
    narrow = Room(bound=bound, base=BASE, footprint=footprints["bf16"])
    kept, _ = fit_memory(plan, narrow, SHAPE, done=())
    assert arms(kept) == {("lora", 32)}
    sizes = narrow.sizes(kept, SHAPE)
    assert sizes.train_tokens < 512, "micro-batches shrink before an arm is left out"
    assert need["lora"] <= bound


def test_a_bound_below_the_model_is_refused_with_what_would_fit(footprints: dict[str, Footprint]) -> None:
    # TinyLlama's shape: 4.4 GB in fp32, 2.2 in bf16, 0.8 in nf4
    with pytest.raises(OptionError) as caught:
        rooms_for(2_000_000_000, BASE, "big", ["fp32"], footprints)
    assert caught.value.message == (
        "--memory 2.0 GB is too little for big in fp32: about 4.9 GB is taken before anything is computed, "
        "500 MB of it by Python and its libraries."
    )
    assert caught.value.details[0] == "allowed: more than 4.9 GB"
    assert caught.value.details[1].startswith("fits: --precision int8 (about 1.")
    assert "nf4 (about 1." in caught.value.details[1]
    with pytest.raises(OptionError, match="smaller model"):
        rooms_for(600_000_000, BASE, "big", ["nf4"], footprints)
    with pytest.raises(OptionError, match="in fp32"):
        rooms_for(2_000_000_000, BASE, "big", ["nf4", "fp32"], footprints)
    rooms = rooms_for(2_000_000_000, BASE, "big", ["nf4", "int8"], footprints)
    assert list(rooms) == ["nf4", "int8"]
    assert rooms["nf4"].left > rooms["int8"].left > 0


def test_words() -> None:
    assert in_words(812_400_000) == "812 MB"
    assert in_words(3_500_000_000) == "3.5 GB"
    assert resident_bytes() > 50_000_000


def test_free_memory_bounds_only_how_much_is_computed_at_once(
    spec: TaskSpec, tiny: LocalModel, footprints: dict[str, Footprint]
) -> None:
    plan = planned(spec, tiny, ["lora"], [32])
    room = free_rooms(footprints)["nf4"]
    assert not room.asked
    free = psutil.virtual_memory().available
    assert room.left <= free
    limit = memory_limit()
    assert limit is None or room.bound <= limit, "in a container its own limit counts"
    assert room.left > free // 2 - footprints["nf4"].weights
    narrow = replace(room, bound=room.base + room.footprint.weights + room.footprint.training(300))
    assert 90 <= narrow.sizes(plan, SHAPE).train_tokens < 512
    wide = replace(room, bound=10**12, largest=ON_GPU)
    assert wide.sizes(plan, SHAPE) == ON_GPU
