"""Numbers as people read them: whole points, with their uncertainty."""

from __future__ import annotations

__all__ = [
    "about",
    "amount",
    "called",
    "duration",
    "energy",
    "in_money",
    "interval",
    "joules",
    "labels",
    "money",
    "n_labels",
    "other_margin",
    "p_value",
    "percent",
    "plain_points",
    "points",
    "rating",
    "seeds",
    "signed",
]

from math import floor, isfinite, log10

from crossover.records import DEFAULT_MARGIN, Amount, EnergySource, Interval, Prices

SHARES = ("accuracy", "exact_match", "choice_accuracy", "numeric_match")
"""Metrics that are read as "answers so many per cent right"."""

_CALLED = {
    "token_f1": "token F1",
    "field_f1": "field F1",
    "rouge_1": "ROUGE-1",
    "rouge_2": "ROUGE-2",
    "rouge_l": "ROUGE-L",
    "chrf": "chrF",
    "rules": "of the rules",
}


def plain_points(fraction: float) -> str:
    """Return a size without a sign: "3 points", "1 point", "0.5 points"."""
    size = f"{100 * fraction:.4g}"
    return f"{size} point{'' if size == '1' else 's'}"


def other_margin(margin: float) -> str:
    """Say what does not matter, where that is not the default."""
    what = "Every difference matters" if margin == 0 else f"Differences up to {plain_points(margin)} count as none"
    return f"{what} (--margin; by default {plain_points(DEFAULT_MARGIN)})."


def percent(fraction: float) -> str:
    """Return "78%"; one decimal where whole per cents would hide that it is neither 0 nor 100."""
    whole = round(100 * fraction)
    return f"{100 * fraction:.1f}%" if whole in (0, 100) and fraction not in (0.0, 1.0) else f"{whole}%"


def interval(bounds: Interval | None) -> str:
    """Return " [72, 83]" in per cent, with the space before it; nothing where it is unknown."""
    return "" if bounds is None else f" [{round(100 * bounds.low)}, {round(100 * bounds.high)}]"


def rating(score: float | None, bounds: Interval | None, metric: str) -> str:
    """Return "answers 78% right [72, 83]", or "reaches 78% token F1 [72, 83]" where that is not a share of answers."""
    if score is None:
        return "has no score"
    reached = f"answers {percent(score)} right" if metric in SHARES else f"reaches {percent(score)} {called(metric)}"
    return reached + interval(bounds)


def called(metric: str) -> str:
    """Return what a metric is called: "accuracy", "ROUGE-L"."""
    return _CALLED.get(metric, metric)


def signed(fraction: float) -> str:
    """Return a difference in whole points with its sign: "+17", "−2", "0"."""
    whole = round(100 * fraction)
    return f"+{whole}" if whole > 0 else f"−{-whole}" if whole < 0 else "0"


def points(difference: float, bounds: Interval | None = None) -> str:
    """Return "+17 points [+10, +24]"."""
    word = "point" if abs(round(100 * difference)) == 1 else "points"
    between = "" if bounds is None else f" [{signed(bounds.low)}, {signed(bounds.high)}]"
    return f"{signed(difference)} {word}{between}"


def p_value(p: float) -> str:
    """Return "p < .001", "p = .03" or "p = 1"."""
    if p < 0.001:
        return "p < .001"
    digits = 3 if p < 0.0095 else 2
    text = f"{p:.{digits}f}"
    return f"p = {text.removeprefix('0')}" if p < 0.995 else "p = 1"


def about(count: float) -> str:
    """Return a count rounded to two significant digits: 1234 -> "1,200"."""
    if not isfinite(count):
        return "more than was measured"
    if count < 100:
        return f"{round(count)}"
    step = 10 ** (floor(log10(count)) - 1)
    return f"{round(count / step) * step:,}"


def labels(budget: int) -> str:
    """Return "With 64 labels" or "Without labels"."""
    return "Without labels" if budget == 0 else f"With {n_labels(budget)}"


def n_labels(count: float) -> str:
    """Return "64 labels" or "1 label", rounded as `about` does above 100."""
    return "1 label" if round(count) == 1 else f"{about(count) if count != int(count) else f'{int(count):,}'} labels"


def seeds(count: int) -> str:
    """Return "3 seeds" or "1 seed"."""
    return "1 seed" if count == 1 else f"{count} seeds"


def duration(seconds: float) -> str:
    """Return "58 s", "4 min", "2.5 h" or "12 days": two significant digits, of what is an average anyway."""
    for unit, size in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{_two(seconds / size)} {unit}"
    return f"{_two(seconds)} s"


def energy(kwh: float, source: EnergySource | None) -> str:
    """Return "1.3 kWh", or "12 Wh (estimated)" where nobody measured it."""
    said = f"{_two(kwh)} kWh" if kwh >= 1 else f"{_two(1000 * kwh)} Wh"
    return f"{said} (estimated)" if source == "estimated" else said


def joules(value: float) -> str:
    """Return "0.46 J", "1.2 kJ" or "3.4 MJ": two significant digits."""
    for unit, size in (("MJ", 1e6), ("kJ", 1e3)):
        if value >= size:
            return f"{_two(value / size)} {unit}"
    return f"{_two(value)} J"


def money(value: float, prices: Prices) -> str:
    """Return "12 EUR", or "0.0042" where people name no currency."""
    said = f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 1 else _two(value)
    return f"{said} {prices.currency}" if prices.currency else said


def in_money(value: float, prices: Prices) -> str:
    """Return an amount of money for a sentence: "12 EUR", or "0.0042 in money" where people name no currency."""
    said = money(value, prices)
    return said if prices.currency else f"{said} in money"


def amount(found: Amount, prices: Prices, source: EnergySource | None) -> str:
    """Return what is known of an amount: "4 min, 12 Wh (estimated), 0.31 EUR". Energy that is not measured marks the
    money that is paid for it, too.
    """
    parts = []
    if found.seconds is not None:
        parts.append(duration(found.seconds))
    if found.kwh is not None:
        parts.append(energy(found.kwh, source))
    if found.money is not None:
        is_guess = source == "estimated" and prices.kwh is not None
        parts.append(in_money(found.money, prices) + " (estimated)" * is_guess)
    return ", ".join(parts)


def _two(value: float) -> str:
    """Return a positive number to two significant digits, thousands apart: "0.0042", "1.3", "58", "1,200"."""
    if value <= 0:
        return "0"
    digits = 1 - floor(log10(value))
    return f"{round(value, digits):,.{max(digits, 0)}f}"
