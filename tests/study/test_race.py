"""Which arms a race stops: by dev scores, and never the one that would have been nominated by a clear lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover import api
from crossover.methods import get_method
from crossover.methods.prompt.zero_shot import UserPrompt
from crossover.records import TrialKey, TrialRecord
from crossover.study import Race
from crossover.study.cells import Cell, Validated
from tests.small import save_tiny, write_rows
from tests.test_api import Heard

METHODS = ("majority", "zero-shot", "few-shot", "knn-few-shot", "head", "lora", "lora+few-shot")
BUDGETS = (128, 0, 32)
SEEDS = 3


def cell_of(name: str, budget: int, seed: int) -> Cell:
    key = TrialKey(method=name, budget=budget, seed=seed, model="m", precision="fp32")
    return Cell(key=key, method=get_method(name), label=name)


def all_cells() -> list[Cell]:
    return [
        cell_of(name, budget, seed)
        for budget in BUDGETS
        for seed in range(SEEDS if budget else 1)
        for name in METHODS
        if budget >= get_method(name).min_budget
    ]


def raced(dev: Mapping[tuple[str, int], float]) -> tuple[dict[str, int], dict[str, str], list[TrialRecord]]:
    """Return how often each method ran at the largest budget and below, why others stopped, and what ran."""
    race, finished, reasons = Race(all_cells()), dict[TrialKey, TrialRecord](), dict[str, str]()
    for cell in all_cells():
        reason = race.reason_against(cell, finished)
        if reason is not None:
            reasons.setdefault(cell.method.name, reason)
            continue
        score = dev.get((cell.method.name, cell.key.seed)) if cell.key.budget else None
        finished[cell.key] = TrialRecord(key=cell.key, family=cell.method.family, dev_score=score)
    ran = {name: sum(key.method == name for key in finished) for name in METHODS}
    return ran, reasons, list(finished.values())


def alike(scores: Mapping[str, float]) -> dict[tuple[str, int], float]:
    return {(name, seed): score for name, score in scores.items() for seed in range(SEEDS)}


def test_by_validation_rows_where_the_plan_has_any() -> None:
    cells = [
        replace(cell, validated=Validated(budget=128, seeds=(cell.key.seed,), n=64) if cell.key.budget == 128 else None)
        for cell in all_cells()
    ]
    race, finished = Race(cells), dict[TrialKey, TrialRecord]()
    right = {"few-shot": 48, "knn-few-shot": 24, "head": 48, "lora": 52, "lora+few-shot": 60}
    dev = {"few-shot": 0.1, "knn-few-shot": 0.9, "head": 0.1, "lora": 0.9, "lora+few-shot": 0.1}
    said: dict[str, str] = {}
    for cell in cells:
        reason = race.reason_against(cell, finished)
        if reason is not None:
            said.setdefault(cell.method.name, reason)
            continue
        name, rows = cell.method.name, range(64 if cell.validated else 0)
        finished[cell.key] = TrialRecord(
            key=cell.key,
            family=cell.method.family,
            dev_score=dev.get(name),
            validation={f"train:{cell.key.seed}:{i}": float(i < right.get(name, 0)) for i in rows},
        )
    assert said == {
        "knn-few-shot": "stopped after 1 seed: validation .38, few-shot has .75",
        "zero-shot": "stopped after 1 seed: validation .00, few-shot has .75",
        "head": "stopped after 2 seeds: validation .75, lora has .81",
    }


def test_what_is_far_behind_its_family_stops_after_one_seed() -> None:
    ran, reasons, _ = raced(
        alike({"few-shot": 0.4, "knn-few-shot": 0.7, "head": 0.6, "lora": 0.9, "lora+few-shot": 0.91})
    )
    assert (ran["few-shot"], ran["head"]) == (1, 1)
    assert ran["knn-few-shot"] == ran["lora"] == ran["lora+few-shot"] == 2 * SEEDS
    assert reasons["few-shot"] == "stopped after 1 seed: dev .40, knn-few-shot has .70"
    assert ran["majority"] == 2 * SEEDS
    assert ran["zero-shot"] == 2 * SEEDS + 1, "it has no dev score here: it always runs"


def test_both_stops_where_one_alone_is_far_ahead() -> None:
    ran, reasons, _ = raced(
        alike({"few-shot": 0.7, "knn-few-shot": 0.7, "head": 0.6, "lora": 0.9, "lora+few-shot": 0.8})
    )
    assert ran["lora+few-shot"] == 1
    assert reasons["lora+few-shot"] == "stopped after 1 seed: dev .80, lora has .90"
    assert ran["few-shot"] == 2 * SEEDS, "a far weaker family still has its arm: the decision is about it"


def test_a_near_one_runs_on_and_only_the_leader_goes_down_the_budgets() -> None:
    ran, reasons, _ = raced(
        alike({"few-shot": 0.7, "knn-few-shot": 0.71, "head": 0.6, "lora": 0.9, "lora+few-shot": 0.9})
    )
    assert ran["few-shot"] == SEEDS
    assert ran["knn-few-shot"] == 2 * SEEDS
    assert reasons["few-shot"] == "knn-few-shot leads with 128 labels: dev .71, not .70"


def test_both_goes_down_the_budgets_only_where_it_is_ahead() -> None:
    scores = {"few-shot": 0.7, "knn-few-shot": 0.7, "head": 0.6, "lora": 0.9}
    ran, reasons, _ = raced(alike({**scores, "lora+few-shot": 0.89}))
    assert ran["lora+few-shot"] == SEEDS
    assert reasons["lora+few-shot"] == "lora leads with 128 labels: dev .90, not .89"
    ran, _, _ = raced(alike({**scores, "lora+few-shot": 0.91}))
    assert ran["lora+few-shot"] == 2 * SEEDS
    assert ran["lora"] == 2 * SEEDS, "its family has no other"


@given(st.integers(0, 2**32 - 1))
def test_the_best_of_each_side_has_all_its_seeds(seed: int) -> None:
    generator = np.random.default_rng(seed)
    dev = {(name, s): float(generator.uniform()) for name in METHODS[2:] for s in range(SEEDS)}
    ran, _, records = raced(dev)
    for family in ("prompt", "weights"):
        members = [name for name in METHODS[2:] if get_method(name).family == family]
        assert max(ran[name] for name in members) == 2 * SEEDS, "one runs to the end"
    race = Race(all_cells())
    finished = {record.key: record for record in records}
    again = [cell for cell in all_cells() if race.reason_against(cell, finished) is None]
    assert {cell.key for cell in again} == set(finished), "what is finished later does not change what was decided"


@given(st.permutations(METHODS[2:]))
def test_test_scores_play_no_part(order: list[str]) -> None:
    dev = alike({name: 0.3 + 0.1 * place for place, name in enumerate(order)})
    _, _, records = raced(dev)
    race = Race(all_cells())
    plain = {record.key: record for record in records}
    seen = {key: replace(record, token_passes=7, fit_seconds=3.0, error="x") for key, record in plain.items()}
    for cell in all_cells():
        assert race.reason_against(cell, plain) == race.reason_against(cell, seen)


def test_the_users_own_prompt_always_runs() -> None:
    own = UserPrompt("mine", "{text}")
    named = [get_method(name) for name in METHODS]
    cells = [
        Cell(key=replace(cell_of("lora", budget, seed).key, method=method.name), method=method, label=method.name)
        for budget in BUDGETS[::2]
        for seed in range(SEEDS)
        for method in (own, *named)
    ]
    race = Race(cells)
    finished = {
        cell.key: TrialRecord(key=cell.key, family=cell.method.family, dev_score=0.1 if cell.method is own else 0.9)
        for cell in cells
    }
    assert [race.reason_against(cell, finished) for cell in cells if cell.method is own] == [None] * 2 * SEEDS


def test_an_arm_that_failed_is_not_waited_for() -> None:
    race = Race(all_cells())
    assert race.reason_against(all_cells()[-1], {}) is None


@pytest.mark.parametrize("limit", [None, 600.0])
def test_a_whole_study(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, limit: float | None) -> None:
    heard = Heard()
    study = api.compare(
        write_rows(tmp_path / "tickets.csv"),
        model=str(save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")),
        methods=["majority", "zero-shot", "few-shot", "knn-few-shot", "head", "lora"],
        budgets=(0, 8, 16),
        seeds=2,
        effort=0.1,
        precision="fp32",
        race=True,
        time_limit=limit,
        study=tmp_path / "study",
        listener=heard,
    )
    there = {(r.key.method, r.key.budget, r.key.seed) for r in study.records()}
    assert {("majority", 16, 1), ("majority", 8, 1), ("zero-shot", 0, 0)} <= there
    stopped = [
        (method, budget) for method, budget, reason in heard.out if "leads its family" in reason or "stopped" in reason
    ]
    assert stopped
    assert len(stopped) == len(set(stopped)), "each is named once"
    assert study.verdict().primary.prompt_arm is not None
    families = {arm.family for arm in study.verdict().arms if arm.budget == 8}
    assert {"prompt", "weights"} <= families
