"""Break-even and a month's costs: checked by hand, and against the costs added up call by call."""

from __future__ import annotations

import json
from dataclasses import replace
from math import ceil, inf, isinf

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from crossover.records import Amount, Arm, Economics, Latency, Prices, Verdict
from crossover.verdict import break_even, decide, explanation, from_json, to_json, with_economics
from crossover.verdict.economics import month
from crossover.verdict.figures import amount, duration, energy, money
from crossover.verdict.sides import find_arm
from tests.verdict.studies import task, usual

PRICES = Prices(machine_hour=3.6, kwh=0.3, currency="EUR")


def made(
    name: str = "a",
    *,
    fit: float = 0.0,
    call_ms: float | None = 0.0,
    passes: float = 0.0,
    tokens: float = 0.0,
    joules: tuple[float, float] | None = None,
) -> Arm:
    return Arm(
        arm=name,
        method=name,
        family="prompt",
        budget=0,
        seeds=3,
        model="tiny",
        source_precision=None,
        precision="fp32",
        score=0.5,
        interval=None,
        lenient_score=0.5,
        missing=0,
        n_test=10,
        configurations_tried=1,
        token_passes=passes,
        fit_seconds=fit,
        latency_ms=None if call_ms is None else Latency(p50=call_ms, p95=call_ms),
        prompt_tokens=tokens,
        output_tokens=0.0,
        peak_memory_mb=None,
        retention=None,
        p_vs_recommended=None,
        fit_joules=None if joules is None else joules[0],
        single_call_joules=None if joules is None else joules[1],
        energy_source=None if joules is None else "estimated",
    )


def costed(records_changed: Prices | None = None, calls: float | None = 10_000) -> Verdict:
    verdict = decide(usual(), task(200))
    arms = tuple(
        replace(arm, fit_joules=7 * arm.fit_seconds, single_call_joules=0.5, energy_source="estimated")
        for arm in verdict.arms
    )
    return with_economics(replace(verdict, arms=arms), records_changed or PRICES, calls)


def test_a_fit_is_paid_back_by_cheaper_calls() -> None:
    lora = made("lora", fit=58.0, call_ms=31.0, passes=20_000, tokens=40)
    prompt = made("prompt", fit=4.0, call_ms=166.0, passes=4_000, tokens=200)
    found = break_even(lora, prompt)
    assert (found.arm, found.against) == ("lora", "prompt")
    assert found.time == pytest.approx(400)
    assert found.tokens == pytest.approx(100)
    assert found.money is None
    back = break_even(prompt, lora)
    assert (back.time, back.tokens) == (inf, inf)


def test_money_is_time_and_energy_at_their_prices() -> None:
    lora = made("lora", fit=1000.0, call_ms=0.0, joules=(3.6e6, 0.0))
    prompt = made("prompt", call_ms=1000.0, joules=(0.0, 3.6e5))
    # A fit of 1 + .30; a call of .001 + .03.
    assert break_even(lora, prompt, PRICES).money == pytest.approx(1.3 / 0.031)
    assert break_even(lora, prompt, Prices(machine_hour=3.6)).money == pytest.approx(1000)
    assert break_even(lora, replace(prompt, single_call_joules=None), PRICES).money is None
    assert break_even(lora, replace(prompt, single_call_joules=None, call_joules=3.6e5), PRICES).money is not None
    assert break_even(lora, replace(prompt, latency_ms=None), PRICES).time is None
    tokens = break_even(made(passes=1000, tokens=1), made("b", tokens=11), Prices(million_input_tokens=5.0))
    assert tokens.money == pytest.approx(100)
    assert tokens.tokens == pytest.approx(100)


def test_equal_arms_have_paid_back_at_once() -> None:
    assert break_even(made(fit=3.0, call_ms=5.0), made("b", fit=3.0, call_ms=5.0)).time == 0.0
    assert break_even(made(fit=3.0, call_ms=5.0), made("b", fit=2.0, call_ms=5.0)).time == inf


costs = st.integers(0, 10**6)


@given(costs, costs, costs, costs)
def test_from_there_on_it_costs_less_and_before_it_does_not(fit: int, call: int, fit_b: int, call_b: int) -> None:
    a, b = made(fit=fit, call_ms=1000 * call), made("b", fit=fit_b, call_ms=1000 * call_b)
    calls, back = break_even(a, b).time, break_even(b, a).time
    assert calls is not None
    assert back is not None

    def total(arm: Arm, n: int) -> float:
        assert arm.latency_ms is not None
        return arm.fit_seconds + n * arm.latency_ms.p50 / 1000

    if isinf(calls):
        assert total(a, 10**7) > total(b, 10**7)
        return
    n = ceil(calls)
    assert total(a, n) <= total(b, n) or total(a, n) == pytest.approx(total(b, n))
    assert total(a, n + 1000) <= total(b, n + 1000) or calls == 0.0
    assume(n >= 1)
    assert total(a, n - 1) >= total(b, n - 1) or total(a, n - 1) == pytest.approx(total(b, n - 1))
    assert isinf(back)


def test_a_month_is_the_calls_the_fit_once_and_a_twelfth_of_it() -> None:
    found = month(made(fit=3600.0, call_ms=36.0, joules=(3.6e6, 360.0)), 10_000, PRICES)
    amounts = {
        "fit": (found.fit, 3600.0, 1.0, 3.9),
        "calls": (found.calls, 360.0, 1.0, 0.66),
        "first": (found.first, 3960.0, 2.0, 4.56),
    }
    for amount_of, seconds, kwh, paid in amounts.values():
        assert (amount_of.seconds, amount_of.kwh) == (seconds, kwh)
        assert amount_of.money == pytest.approx(paid)
    assert found.spread.seconds == pytest.approx(660)
    assert found.spread.money == pytest.approx(0.66 + 3.9 / 12)
    unknown = month(made(call_ms=None), 10, Prices())
    assert unknown.calls == unknown.first == Amount()
    assert unknown.fit == Amount(seconds=0.0)


def test_no_price_is_invented() -> None:
    verdict = costed(Prices())
    assert verdict.economics is not None
    assert all(one.first.money is None for one in verdict.economics.months)
    assert all(one.money is None for one in verdict.economics.break_even)


def test_the_verdict_says_when_and_what_a_month_costs() -> None:
    answers = dict(explanation(costed()))
    assert answers["When it has paid back"] == snapshot(
        "lora@64 has cost less in all than knn-few-shot@64 after 810 calls in time and money, after 160 calls in "
        "tokens. lora@64 has cost less in all than lora+few-shot@64 at once in time, tokens and money."
    )
    assert answers["What a month costs"] == snapshot(
        "10,000 calls of lora@64, one at a time: 3.2 min, 1.4 Wh (estimated), 0.19 EUR (estimated); the fit, once: "
        "58 s, 0.11 Wh (estimated), 0.058 EUR (estimated)."
    )
    assert "What a month costs" not in dict(explanation(costed(calls=None)))
    assert "When it has paid back" not in dict(explanation(decide(usual(), task(200))))


def test_recommended_against_each_nominee() -> None:
    verdict = costed()
    assert verdict.economics is not None
    assert [one.against for one in verdict.economics.break_even] == ["knn-few-shot@64", "lora+few-shot@64"]
    assert [one.arm for one in verdict.economics.months] == ["lora@64", "knn-few-shot@64", "lora+few-shot@64"]
    other = with_economics(replace(verdict, recommended="linear@64"), PRICES, 10)
    assert other.economics is not None
    assert other.economics.months[0].arm == "linear@64"
    assert len(other.economics.break_even) == 3
    nothing = with_economics(decide([], task()), PRICES, 10)
    assert nothing.economics == Economics(prices=PRICES, calls_per_month=10, break_even=(), months=())


def test_the_break_even_of_the_primary_pair_stays_in_the_verdict() -> None:
    verdict = costed()
    assert verdict.economics is not None
    assert verdict.break_even_calls == pytest.approx(verdict.economics.break_even[0].time)


def test_as_json_there_and_back() -> None:
    verdict = costed()
    text = json.dumps(to_json(verdict), allow_nan=False)
    assert json.dumps(to_json(from_json(json.loads(text))), allow_nan=False) == text
    never = with_economics(replace(verdict, recommended="knn-few-shot@64"), PRICES)
    value = json.loads(json.dumps(to_json(never), allow_nan=False))
    assert value["economics"]["break_even"][0] == {
        "arm": "knn-few-shot@64",
        "against": "lora@64",
        "time": None,
        "tokens": None,
        "money": None,
        "never": ["time", "tokens", "money"],
    }
    found = from_json(value).economics
    assert found is not None
    assert found.break_even[0].time == inf
    del value["economics"]
    assert from_json(value).economics is None


def test_amounts_as_people_read_them() -> None:
    times = (0.0, 0.42, 58, 200, 9_000, 900_000)
    assert [duration(s) for s in times] == ["0 s", "0.42 s", "58 s", "3.3 min", "2.5 h", "10 days"]
    assert energy(0.0123, "rapl") == "12 Wh"
    assert energy(12.3, "estimated") == "12 kWh (estimated)"
    assert [money(m, Prices()) for m in (0.0, 0.00421, 0.5, 1.5, 1234.5)] == ["0", "0.0042", "0.50", "1.50", "1,234"]
    assert amount(Amount(), PRICES, None) == ""
    assert (
        amount(Amount(money=1.0, kwh=1.0), Prices(machine_hour=1.0), "estimated")
        == "1.0 kWh (estimated), 1.00 in money"
    )


def test_what_a_thousand_calls_cost_is_said_where_there_are_prices() -> None:
    verdict = costed()
    told = dict(explanation(verdict))["What it costs in money"]
    one = find_arm(verdict, "lora@64")
    assert one is not None
    assert verdict.economics is not None
    calls = month(one, 1000, verdict.economics.prices).calls.money
    assert calls is not None
    assert told.startswith(f"lora@64 {money(calls, verdict.economics.prices)} for 1,000 calls, ")
    assert told.count(" for 1,000 calls") == 3
    bare = with_economics(verdict, Prices())
    assert "What it costs in money" not in dict(explanation(bare))
