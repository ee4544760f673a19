"""Simulated designs: what is right and wrong, what is advised, and that nothing but the truth differs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rich.console import Console

from crossover.errors import OptionError
from crossover.report.simulated import simulated_json, simulated_text
from crossover.verdict import Outcome, Simulation, advice, simulate

DECISIONS = ("prompt", "weights", "both", "neither", "tied", "unsure")


def test_what_a_design_can_tell() -> None:
    found = simulate(test_size=120, studies=40)
    assert [one.gain for one in found.outcomes] == [0.0, 0.05, 0.1]
    none, small, large = found.outcomes
    assert none.wrong <= 0.06 + 2 * (0.06 * 0.94 / 40) ** 0.5
    assert small.right < large.right
    assert all(sum(one.decisions.values()) == pytest.approx(1) for one in found.outcomes)
    assert all(one.right + one.wrong + one.undecided == pytest.approx(1) for one in found.outcomes)
    assert simulate(test_size=120, studies=40) == found


def test_more_rows_find_more() -> None:
    few, many = (simulate(test_size=n, studies=20, gains=[0.1], seed_sd=0.01).outcomes[0].right for n in (60, 600))
    assert many > few + 0.3


def test_one_seed_claims_nothing() -> None:
    found = simulate(test_size=200, seeds=1, studies=20, gains=[0.1])
    assert found.outcomes[0].decisions["unsure"] == 1
    assert "run at least 3 seeds" in advice(found)


def test_a_wide_margin_makes_a_small_gain_a_tie() -> None:
    found = simulate(test_size=600, studies=10, gains=[0.02], seed_sd=0.0, margin=0.12)
    assert found.outcomes[0].decisions["tied"] > 0.5
    assert found.outcomes[0].wrong == 0


def test_the_other_budgets_take_part() -> None:
    found = simulate(test_size=60, studies=10, budgets=(64, 0, 16), gains=[0.1])
    assert found.budgets == (0, 16, 64)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"test_size": 2}, "--test-size 2 is not possible."),
        ({"seeds": 0}, "--seeds 0 is not possible."),
        ({"studies": 1}, "--studies 1 is not possible."),
        ({"gains": [0.9]}, "--gain 90 is not possible."),
        ({"gains": []}, "--gain names none."),
        ({"seed_sd": -0.01}, "--seed-sd -1 is not possible."),
        ({"margin": 0.7}, "--margin 70 is not possible."),
        ({"budgets": (0,)}, "--budgets 0 has no budget at which there is something to compare."),
    ],
)
def test_what_cannot_be_simulated(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError) as caught:
        simulate(**options)
    assert caught.value.message == said
    assert caught.value.details


def _simulation(right: float, needed: int | None, *, seeds: int = 3) -> Simulation:
    decisions: dict[Any, float] = dict.fromkeys(DECISIONS, 0.0)
    decisions |= {"weights": right, "unsure": 1 - right}
    one = Outcome(gain=0.05, decisions=decisions, right=right, wrong=0.0, undecided=1 - right, test_rows_needed=needed)
    return Simulation(
        test_size=500, seeds=seeds, budgets=(64,), seed_sd=0.02, margin=0.03, studies=100, outcomes=(one,)
    )


@pytest.mark.parametrize(
    ("simulation", "said"),
    [
        (_simulation(0.9, 300), "Each gain beyond the margin is found in at least 80% of such studies."),
        (
            _simulation(0.31, 1437),
            "found in 31% of such studies: about 1,400 test rows would find it in 80% (have 500).",
        ),
        (_simulation(0.31, None), "run more seeds."),
        (_simulation(0.7, 400), "more test rows or more seeds would find it more often."),
    ],
)
def test_advice(simulation: Simulation, said: str) -> None:
    assert advice(simulation).endswith(said)


def test_shown_in_eighty_columns() -> None:
    console = Console(width=80, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(simulated_text(_simulation(0.31, 1437)))
    text = captured.get()
    assert "…" not in text
    assert "weights +5" in text
    value = simulated_json(_simulation(0.31, 1437))
    assert json.loads(json.dumps(value))["outcomes"][0]["decisions"]["weights"] == 0.31
    assert value["schema"] == "crossover.simulation/1"
