"""What arms cost people: prices, amounts, break-even, a month. Standard library only."""

from __future__ import annotations

__all__ = ["Amount", "BreakEven", "Economics", "EnergySource", "Month", "Prices"]

from dataclasses import dataclass
from typing import Literal

EnergySource = Literal["rapl", "nvml", "estimated"]
"""Who says what energy something took: the processor's counters, the GPU's, or nobody: an estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What people pay; None is not known, and no price is invented.

    Attributes:
        machine_hour: of an hour of the machine, whatever it does.
        kwh: of electricity.
        million_input_tokens, million_output_tokens: of a model that is paid for by the token.
        currency: what stands after an amount; None: nothing.
    """

    machine_hour: float | None = None
    kwh: float | None = None
    million_input_tokens: float | None = None
    million_output_tokens: float | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What something takes: seconds of the machine, energy in kWh, money in the prices' currency. None is not known."""

    seconds: float | None = None
    kwh: float | None = None
    money: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """The calls from which one arm has cost less in all, its fit and its calls, than another and stays so.

    `time`, `tokens` and `money` are such numbers of calls: 0 where that is so from the first call on, infinite where it
    never is, since a call of it is not cheaper, None where a cost is not known.
    """

    arm: str
    against: str
    time: float | None = None
    tokens: float | None = None
    money: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What an arm takes in a month of calls, one at a time: its fit, which is done once, and the calls.

    Attributes:
        first: the fit and the calls.
        spread: the calls and a twelfth of the fit, as if that were done once a year.
    """

    arm: str
    fit: Amount
    calls: Amount
    first: Amount
    spread: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Economics:
    """What the arms cost people with these prices and so many calls a month.

    Attributes:
        break_even: of the recommended arm against each nominee.
        months: of the nominees and the recommended arm; empty where the calls of a month are not known.
    """

    prices: Prices
    calls_per_month: float | None
    break_even: tuple[BreakEven, ...]
    months: tuple[Month, ...]
