"""What arms cost: a fit once, calls again and again, in time, tokens, energy and money; when one arm has paid back.

Calls are taken one at a time, as they were timed. Money is the sum of what has a price: hours of the machine, energy,
tokens. It is known only where everything that has a price was measured.
"""

from __future__ import annotations

__all__ = [
    "MONTHS_OF_A_FIT",
    "break_even",
    "economics_from_json",
    "economics_to_json",
    "is_priced",
    "month",
    "with_economics",
]

from collections.abc import Mapping
from dataclasses import asdict, replace
from math import inf, isinf
from typing import Any

from crossover.records import Amount, Arm, BreakEven, Economics, Json, Month, Prices, Verdict
from crossover.verdict.sides import find_arm, nominees

MONTHS_OF_A_FIT = 12
"""Over how many months a fit is spread."""

_JOULES_A_KWH = 3.6e6
_DECIMALS = 9
_MEASURES = ("time", "tokens", "money")


def with_economics(verdict: Verdict, prices: Prices, calls_per_month: float | None = None) -> Verdict:
    """Return the verdict with what its arms cost: nothing else of it changes."""
    chosen = find_arm(verdict, verdict.recommended)
    compared = nominees(verdict)
    against = [arm for arm in compared if chosen is not None and arm.arm != chosen.arm]
    shown = [*([chosen] if chosen is not None and len(against) == len(compared) else []), *compared]
    found = Economics(
        prices=prices,
        calls_per_month=calls_per_month,
        break_even=tuple(break_even(chosen, arm, prices) for arm in against) if chosen is not None else (),
        months=tuple(month(arm, calls_per_month, prices) for arm in shown) if calls_per_month is not None else (),
    )
    return replace(verdict, economics=found)


def is_priced(prices: Prices) -> bool:
    """Return whether people named any price."""
    asked = (prices.machine_hour, prices.kwh, prices.million_input_tokens, prices.million_output_tokens)
    return any(price is not None for price in asked)


def break_even(arm: Arm, against: Arm, prices: Prices | None = None) -> BreakEven:
    """Return the calls from which an arm has cost less in all than another: see `BreakEven`.

    Time is the fit's and a call's; tokens are the fit's token passes and what a call reads and writes.

    Args:
        arm: the one that is to pay back.
        against: the other one.
        prices: for the break-even in money; None: it is not known.
    """
    prices = prices or Prices()
    mine, theirs = (_fit(one, prices) for one in (arm, against))
    my_call, their_call = (_call(one, prices) for one in (arm, against))
    return BreakEven(
        arm=arm.arm,
        against=against.arm,
        time=_calls(mine.seconds, theirs.seconds, my_call.seconds, their_call.seconds),
        tokens=_calls(
            arm.token_passes,
            against.token_passes,
            arm.prompt_tokens + arm.output_tokens,
            against.prompt_tokens + against.output_tokens,
        ),
        money=_calls(mine.money, theirs.money, my_call.money, their_call.money),
    )


def month(arm: Arm, calls: float, prices: Prices) -> Month:
    """Return what an arm takes in a month of so many calls."""
    fit = _fit(arm, prices)
    of_calls = _scaled(_call(arm, prices), calls)
    return Month(
        arm=arm.arm,
        fit=fit,
        calls=of_calls,
        first=_sum(fit, of_calls),
        spread=_sum(_scaled(fit, 1 / MONTHS_OF_A_FIT), of_calls),
    )


def _calls(fit: float | None, other_fit: float | None, call: float | None, other_call: float | None) -> float | None:
    """Return from how many calls on fit + n · call stays below the other's; at equal calls the fits decide."""
    if fit is None or other_fit is None or call is None or other_call is None:
        return None
    spent, saved = fit - other_fit, other_call - call
    if saved > 0:
        return max(spent, 0.0) / saved
    return 0.0 if saved == 0 and spent <= 0 else inf


def _fit(arm: Arm, prices: Prices) -> Amount:
    """Return what an arm's fit takes, once."""
    return _amount(arm.fit_seconds, arm.fit_joules, arm.token_passes, 0.0, prices)


def _call(arm: Arm, prices: Prices) -> Amount:
    """Return what one call of an arm takes."""
    seconds = None if arm.latency_ms is None else arm.latency_ms.p50 / 1000
    joules = arm.call_joules if arm.single_call_joules is None else arm.single_call_joules
    return _amount(seconds, joules, arm.prompt_tokens, arm.output_tokens, prices)


def _amount(
    seconds: float | None, joules: float | None, input_tokens: float, output_tokens: float, prices: Prices
) -> Amount:
    kwh = None if joules is None else joules / _JOULES_A_KWH
    hours = None if seconds is None else seconds / 3600
    paid = (
        (prices.machine_hour, hours),
        (prices.kwh, kwh),
        (prices.million_input_tokens, input_tokens / 1e6),
        (prices.million_output_tokens, output_tokens / 1e6),
    )
    bought = [(price, used) for price, used in paid if price is not None]
    is_known = bool(bought) and all(used is not None for _, used in bought)
    money = sum(price * used for price, used in bought if used is not None) if is_known else None
    return Amount(seconds=seconds, kwh=kwh, money=money)


def _scaled(amount: Amount, by: float) -> Amount:
    def times(value: float | None) -> float | None:
        return None if value is None else value * by

    return Amount(seconds=times(amount.seconds), kwh=times(amount.kwh), money=times(amount.money))


def _sum(one: Amount, other: Amount) -> Amount:
    def plus(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else a + b

    return Amount(
        seconds=plus(one.seconds, other.seconds),
        kwh=plus(one.kwh, other.kwh),
        money=plus(one.money, other.money),
    )


def economics_to_json(value: Economics | None) -> dict[str, Json] | None:
    """Return the economics as JSON values. A break-even that never comes is null, and named in "never".

    {"prices": {"machine_hour", …, "currency"}, "calls_per_month", "break_even": [{"arm", "against", "time", "tokens",
    "money", "never": ["time"]}], "months": [{"arm", "fit": {"seconds", "kwh", "money"}, "calls", "first", "spread"}]}
    """
    if value is None:
        return None
    return {
        "prices": asdict(value.prices),
        "calls_per_month": value.calls_per_month,
        "break_even": [_break_even_to_json(one) for one in value.break_even],
        "months": [_rounded(asdict(one)) for one in value.months],
    }


def economics_from_json(value: Mapping[str, Any] | None) -> Economics | None:
    """Return what `economics_to_json` wrote, to 9 decimals.

    Raises:
        KeyError, TypeError: it is something else.
    """
    if value is None:
        return None
    return Economics(
        prices=Prices(**value["prices"]),
        calls_per_month=value["calls_per_month"],
        break_even=tuple(_break_even_from_json(one) for one in value["break_even"]),
        months=tuple(_month_from_json(one) for one in value["months"]),
    )


def _break_even_to_json(one: BreakEven) -> dict[str, Json]:
    calls = {name: getattr(one, name) for name in _MEASURES}
    never: list[Json] = [name for name, number in calls.items() if number is not None and isinf(number)]
    known = {name: None if name in never else _rounded(number) for name, number in calls.items()}
    return {"arm": one.arm, "against": one.against, **known, "never": never}


def _break_even_from_json(value: Mapping[str, Any]) -> BreakEven:
    calls = {name: inf if name in value["never"] else value[name] for name in _MEASURES}
    return BreakEven(arm=value["arm"], against=value["against"], **calls)


def _month_from_json(value: Mapping[str, Any]) -> Month:
    amounts = {name: Amount(**value[name]) for name in ("fit", "calls", "first", "spread")}
    return Month(arm=value["arm"], **amounts)


def _rounded(value: Any) -> Any:  # noqa: ANN401  # JSON in, JSON out
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return round(value, _DECIMALS) if isinstance(value, float) else value
