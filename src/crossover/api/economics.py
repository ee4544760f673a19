"""Prices and calls a month, as people state them: checked, and kept in the study beside its trials."""

from __future__ import annotations

__all__ = ["check_stated", "keep_stated", "stated"]

from dataclasses import asdict
from math import isfinite

from crossover.errors import OptionError
from crossover.records import Prices
from crossover.study import StudyStore

_NAME = "economics"
_MOST = 1e12
_CURRENCY_LENGTH = 8
_OPTIONS = {
    "machine_hour": "--machine-price-per-hour",
    "kwh": "--electricity-price-per-kwh",
    "million_input_tokens": "the price of a million input tokens",
    "million_output_tokens": "the price of a million output tokens",
}


def check_stated(prices: Prices | None, calls_per_month: float | None) -> None:
    """Check what people state.

    Raises:
        OptionError: a price is negative, or no number; no calls; a currency that is no word.
    """
    for name, option in _OPTIONS.items():
        price = None if prices is None else getattr(prices, name)
        if price is not None and not (isfinite(price) and 0 <= price <= _MOST):
            raise OptionError(f"{option} {price:g} is no price.", "allowed: 0 or more, for example 0.35")
    if calls_per_month is not None and not (isfinite(calls_per_month) and 1 <= calls_per_month <= _MOST):
        raise OptionError(
            f"--calls-per-month {calls_per_month:g} is not possible.", "allowed: 1 or more, for example 10000"
        )
    currency = None if prices is None else prices.currency
    if currency is not None and not (
        0 < len(currency) <= _CURRENCY_LENGTH and currency.isprintable() and not any(map(str.isspace, currency))
    ):
        raise OptionError(
            f"--currency {currency[:40]!r} is no currency.",
            f"allowed: a word of up to {_CURRENCY_LENGTH} characters, EUR",
        )


def keep_stated(store: StudyStore, prices: Prices | None, calls_per_month: float | None) -> None:
    """Keep what is stated now; what is not stated stays as it was said before. The caller holds the study."""
    before, calls = stated(store)
    new = {name: value for name, value in asdict(prices or Prices()).items() if value is not None}
    if new or calls_per_month is not None:
        said = {**asdict(before), **new}
        store.put(_NAME, {"prices": said, "calls_per_month": calls if calls_per_month is None else calls_per_month})


def stated(store: StudyStore) -> tuple[Prices, float | None]:
    """Return what was stated: prices, none of them known at first, and calls a month."""
    value = store.get(_NAME)
    return (Prices(), None) if value is None else (Prices(**value["prices"]), value["calls_per_month"])
