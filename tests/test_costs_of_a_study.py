"""Energy in every trial, prices and calls a month kept in the study, break-even between any two arms."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from crossover import api
from crossover.errors import OptionError, StudyError
from crossover.records import Prices
from tests.small import save_tiny, whole_study, write_rows
from tests.test_cli import Command, crossover

__all__ = ["crossover"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> api.Study:
    return whole_study(tmp_path_factory.getbasetemp())


@pytest.fixture
def copy(whole: api.Study, tmp_path: Path) -> Path:
    shutil.copytree(whole.folder, tmp_path / "study")
    return tmp_path / "study"


def test_every_trial_says_what_energy_it_took(whole: api.Study) -> None:
    for record in whole.records():
        assert record.energy_source in {"rapl", "estimated"}
        assert record.fit_joules is not None
        assert record.measurement is not None
        assert record.measurement.call_joules is not None
        assert record.measurement.single_call_joules is not None
    lora = next(arm for arm in whole.verdict().arms if arm.arm == "lora@16")
    assert lora.fit_joules
    assert lora.single_call_joules
    assert lora.energy_source in {"rapl", "estimated"}


def test_prices_and_calls_are_kept_and_add_up(copy: Path) -> None:
    opened = api.open_study(copy)
    assert opened.break_even("lora@16", "head@16").money is None
    opened.state(prices=Prices(machine_hour=2.0, currency="EUR"))
    opened.state(prices=Prices(kwh=0.3), calls_per_month=1000)
    found = api.open_study(copy).verdict().economics
    assert found is not None
    assert found.prices == Prices(machine_hour=2.0, kwh=0.3, currency="EUR")
    assert found.calls_per_month == 1000
    assert found.months
    assert all(one.first.money is not None and one.first.kwh is not None for one in found.months)
    assert opened.break_even("lora@16", "head@16").money is not None


def test_what_cannot_be_is_refused_and_not_kept(copy: Path) -> None:
    opened = api.open_study(copy)
    with pytest.raises(StudyError, match="no arm 'lorra@16'"):
        opened.break_even("lorra@16", "head@16")
    for prices in (Prices(kwh=float("nan")), Prices(million_input_tokens=-1.0), Prices(currency="")):
        with pytest.raises(OptionError, match="is no"):
            opened.state(prices=prices)
    economics = opened.verdict().economics
    assert economics is not None
    assert economics.prices == Prices()


def test_the_report_states_them_and_a_second_one_remembers(crossover: Command, copy: Path) -> None:
    said = crossover(
        "report", copy, "--machine-price-per-hour", 0.4, "--electricity-price-per-kwh", 0.3, "--currency", "EUR",
        "--calls-per-month", 10_000,
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "10,000 calls" in said.out
    assert "EUR" in said.out
    assert "estimated" in said.out or "RAPL" in said.out
    again = crossover("report", copy)
    assert again.out == said.out
    economics = json.loads(crossover("report", copy, "--json").out)["economics"]
    assert economics["calls_per_month"] == 10_000
    assert economics["months"][0]["first"]["money"] > 0
    assert "What a month costs" in (copy / "report.html").read_text(encoding="utf-8")
    assert crossover("report", copy, "--calls-per-month", 0).code == 2


def test_a_run_states_them_too(crossover: Command, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    write_rows(tmp_path / "tickets.csv", 45)
    model = save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")
    command = ["run", "tickets.csv", "--model", model, "--methods", "zero-shot", "--budgets", "0", "--json"]
    said = crossover(*command, "--machine-price-per-hour", 0.4, "--calls-per-month", 100)
    assert said.code == 0, said.err
    assert json.loads(said.out)["economics"]["prices"]["machine_hour"] == 0.4
    assert json.loads(crossover(*command).out)["economics"]["calls_per_month"] == 100
