"""What a month costs, as a table: each nominee and the recommended arm, time, energy and money a line."""

from __future__ import annotations

__all__ = ["CostLine", "cost_lines", "headings", "notes"]

from collections.abc import Callable
from dataclasses import dataclass

from crossover.records import Amount, Arm, EnergySource, Month, Prices, Verdict
from crossover.report.series import names
from crossover.report.text import DASH, known, one_line
from crossover.verdict.figures import duration, energy, money, n_labels

_SOURCES: dict[EnergySource, str] = {
    "rapl": "read from the processor's counters (RAPL), whatever ran on the machine",
    "nvml": "read from the GPU (NVML)",
    "estimated": "estimated from processor time, as nothing here could be read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One line: an arm's name (on its first line only), what is counted, and one cell a heading."""

    name: str
    family: str
    counted: str
    cells: tuple[str, ...]


def headings(verdict: Verdict) -> tuple[str, str, str, str]:
    """Return what the four columns of numbers hold."""
    calls = verdict.economics.calls_per_month if verdict.economics is not None else None
    return ("the fit, once", f"{calls or 0:,.0f} calls a month", "the first month", "a month, fit over a year")


def cost_lines(verdict: Verdict) -> list[CostLine]:
    """Return the table's lines, the recommended arm first; none where nobody said how many calls there will be."""
    found = verdict.economics
    if found is None:
        return []
    called = names(verdict)
    arms = {arm.arm: arm for arm in verdict.arms}
    lines: list[CostLine] = []
    for one in sorted(found.months, key=lambda month: month.arm != verdict.recommended):
        arm = arms.get(one.arm)
        if arm is not None:
            labels = f", {n_labels(arm.budget)}" if arm.budget else ""
            lines += _lines(one, arm, called[one.arm] + labels, found.prices)
    return lines


def _lines(month: Month, arm: Arm, name: str, prices: Prices) -> list[CostLine]:
    source = arm.energy_source
    guessed = " (estimated)" if source == "estimated" else ""
    counted: list[tuple[str, Callable[[Amount], str]]] = []
    if month.calls.seconds is not None or month.fit.seconds is not None:
        counted.append(("time", lambda found: _cell(found.seconds, duration)))
    if month.calls.kwh is not None or month.fit.kwh is not None:
        counted.append((f"energy{guessed}", lambda found: _cell(found.kwh, lambda value: energy(value, None))))
    if month.calls.money is not None or month.fit.money is not None:
        also = guessed if prices.kwh is not None else ""
        counted.append((f"money{also}", lambda found: _cell(found.money, lambda value: money(value, prices))))
    amounts = (month.fit, month.calls, month.first, month.spread)
    return [
        CostLine(
            name=one_line(name) if not place else "",
            family=arm.family,
            counted=what,
            cells=tuple(one_line(said(found)) for found in amounts),
        )
        for place, (what, said) in enumerate(counted)
    ]


def _cell(value: float | None, said: Callable[[float], str]) -> str:
    return DASH if known(value) is None or value is None else said(value)


def notes(verdict: Verdict) -> str:
    """Return in a sentence or two what the numbers are of: calls one at a time, who says the energy, which prices."""
    found = verdict.economics
    if found is None:
        return ""
    shown = {one.arm for one in found.months}
    sources = {arm.energy_source: None for arm in verdict.arms if arm.arm in shown and arm.energy_source is not None}
    parts = ["Calls one at a time, as they were timed."]
    if sources:
        parts.append(f"Energy: {'; '.join(_SOURCES[source] for source in sources)}.")
    paid = [
        f"{money(price, found.prices)} {what}"
        for price, what in (
            (found.prices.machine_hour, "an hour of the machine"),
            (found.prices.kwh, "a kWh"),
            (found.prices.million_input_tokens, "a million tokens read"),
            (found.prices.million_output_tokens, "a million tokens written"),
        )
        if price is not None
    ]
    if paid:
        parts.append(f"Prices: {', '.join(paid)}.")
        if any(one.calls.money is None for one in found.months):
            parts.append("Money is not known where something that has a price, as energy, was not measured.")
    return one_line(" ".join(parts))
