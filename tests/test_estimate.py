"""`crossover estimate` says what `crossover run` would take, and leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crossover import api
from crossover.errors import OptionError, StudyError
from crossover.records import Prices
from crossover.report.estimated import estimate_text
from tests.report.hostile import PAYLOADS
from tests.report.test_economics import shown_of
from tests.small import save_tiny, whole_study, write_rows
from tests.test_cli import Command, crossover

__all__ = ["crossover"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")


def test_the_command(crossover: Command, tmp_path: Path, model: Path) -> None:
    write_rows(tmp_path / "tickets.csv", 60)
    command = ["tickets.csv", "--model", model, "--methods", "majority,zero-shot,lora", "--budgets", "0,8"]
    prices = ["--machine-price-per-hour", 2, "--electricity-price-per-kwh", 0.3, "--currency", "EUR"]
    said = crossover("estimate", *command, *prices)
    assert said.code == 0, said.err
    assert all(word in said.out for word in ("zero-shot", "lora", "trials, about", "EUR (estimated)", "crossover run"))
    found = json.loads(crossover("estimate", *command, *prices, "--json").out)
    assert found["schema"] == "crossover.estimate/1"
    assert [(arm["method"], arm["budget"], arm["seeds"]) for arm in found["arms"]] == [
        ("majority", 8, 3),
        ("zero-shot", 8, 3),
        ("lora", 8, 3),
        ("zero-shot", 0, 1),
    ]
    assert found["money"] == pytest.approx(found["kept_seconds"] / 3600 * 2 + found["kwh"] * 0.3, rel=1e-3)
    assert found["energy_source"] == "estimated"
    assert {path.name for path in tmp_path.iterdir()} == {"tickets.csv"}, "something was left behind"


def test_a_time_limit_is_told_what_it_keeps(crossover: Command, tmp_path: Path, model: Path) -> None:
    write_rows(tmp_path / "tickets.csv", 60)
    options = ["--methods", "majority,zero-shot,lora", "--budgets", "16", "--effort", 50, "--time-limit", "10s"]
    said = crossover("estimate", "tickets.csv", "--model", model, *options)
    assert said.code == 0, said.err
    assert "no time" in said.out
    assert "left out: lora with 16 labels" in said.out
    assert "everything would take about" in said.out


def test_no_price_no_money(tmp_path: Path, model: Path) -> None:
    data = write_rows(tmp_path / "tickets.csv", 60)
    found = api.estimate(data, model=str(model), methods=["zero-shot"], budgets=[0])
    assert found.money is None
    assert found.kwh is not None
    with pytest.raises(OptionError, match="is no price"):
        api.estimate(data, model=str(model), prices=Prices(machine_hour=-1.0))


def test_a_study_that_goes_on(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, model: Path) -> None:
    base = tmp_path_factory.getbasetemp()
    study = whole_study(base)
    data = base / "whole" / "tickets.csv"
    options = {"model": str(model), "precision": "fp32", "effort": 0.1, "methods": ["zero-shot"]}
    more = api.estimate(data, budgets=[0, 16], seeds=3, study=study.folder, **options)  # type: ignore[arg-type]  # a dict's values
    assert [(arm.budget, arm.seeds) for arm in more.estimate.arms] == [(16, 1)]
    new = api.estimate(data, budgets=[0], study=tmp_path / "none", **options)  # type: ignore[arg-type]  # a dict's values
    assert [(arm.budget, arm.seeds) for arm in new.estimate.arms] == [(0, 1)]
    assert not (tmp_path / "none").exists()
    other = write_rows(tmp_path / "other.csv", 60, seed=1)
    with pytest.raises(StudyError, match="is a study of other data"):
        api.estimate(other, budgets=[0], study=study.folder, **options)  # type: ignore[arg-type]  # a dict's values


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_names_are_shown_as_text(payload: str) -> None:
    arm = {
        "method": f"prompt:{payload}", "budget": 8, "seeds": 3, "kept": 0, "fit_seconds": 1.0, "test_seconds": 1.0,
        "test_either_way": 2.0, "peak_memory_mb": 100.0, "prompt_tokens": 30,
    }  # fmt: skip
    found = {
        "arms": [arm], "left_out": [{"method": payload, "budget": 0, "reason": payload}], "seconds": 9.0,
        "kept_seconds": 1.0, "either_way_seconds": 6.0, "time_limit": 10.0, "peak_memory_mb": 100.0, "calls": 5,
        "kwh": 0.1, "energy_source": "estimated", "money": 1.0, "prices": {"kwh": 0.3, "currency": payload},
    }  # fmt: skip
    text = shown_of(estimate_text(found))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "no time" in text
