"""What a study will take, as a person reads it before running one."""

from __future__ import annotations

__all__ = ["estimate_text"]

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from crossover.records import Prices
from crossover.report.text import DASH, count, memory, one_line, seconds, shorten
from crossover.verdict.figures import energy, in_money, n_labels

NAME_LENGTH = 32


def estimate_text(found: Mapping[str, Any], *, race: bool = False) -> RenderableType:
    """Return an estimate as a table of arms, what is left out, and the whole.

    Args:
        found: an estimate of schema crossover.estimate/1.
        race: whether the run will be a race, which may stop arms.
    """
    limited = any(arm["kept"] < arm["seeds"] for arm in found["arms"])
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("method", no_wrap=True, overflow="ellipsis")
    for heading in ("labels", "trials", "fit", "test", "memory", "prompt tokens"):
        table.add_column(heading, justify="right", no_wrap=True)
    if limited:
        table.add_column("", no_wrap=True)
    for arm in found["arms"]:
        table.add_row(*map(Text, _row(arm)), *([Text(_kept(arm), style="dim")] if limited else []))
    parts: list[RenderableType] = [Padding(table, (0, 0, 0, 2))]
    left_out = list(dict.fromkeys(_left_out(one) for one in found["left_out"]))
    parts += ["", *(Padding(Text(line), (0, 0, 0, 2)) for line in left_out)] if left_out else []
    return Group(*parts, "", *(Padding(Text(line), (0, 0, 0, 2)) for line in _whole(found, race=race)))


def _row(arm: Mapping[str, Any]) -> tuple[str, ...]:
    needs_model = bool(arm["prompt_tokens"])
    unsure = f" ± {seconds(arm['test_either_way'])}" if arm["test_either_way"] >= 1 else ""
    return (
        shorten(one_line(arm["method"]), NAME_LENGTH),
        f"{arm['budget']:,}" if arm["budget"] else DASH,
        f"{arm['seeds']:,}",
        seconds(arm["fit_seconds"]) if needs_model else DASH,
        seconds(arm["test_seconds"]) + unsure if needs_model else DASH,
        memory(arm["peak_memory_mb"]),
        count(arm["prompt_tokens"]) if needs_model else DASH,
    )


def _kept(arm: Mapping[str, Any]) -> str:
    if arm["kept"] == arm["seeds"]:
        return "runs"
    return f"{arm['kept']:,} of {arm['seeds']:,} run" if arm["kept"] else "no time"


def _left_out(one: Mapping[str, Any]) -> str:
    labels = f" with {n_labels(one['budget'])}" if one["budget"] else ""
    return f"left out: {shorten(one_line(one['method']), NAME_LENGTH)}{labels}: {one_line(one['reason'])}"


def _whole(found: Mapping[str, Any], *, race: bool) -> Sequence[str]:
    n_trials = sum(arm["kept"] for arm in found["arms"])
    unsure = found["either_way_seconds"]
    between = ""
    if unsure >= 0.05 * found["kept_seconds"] and unsure >= 1:
        low, high = found["kept_seconds"] - unsure, found["kept_seconds"] + unsure
        between = f", {seconds(low)} to {seconds(high)} by which prompts are found"
    trial = "1 trial" if n_trials == 1 else f"{n_trials:,} trials"
    lines = [f"{trial}, about {seconds(found['kept_seconds'])} in all{between}"]
    if found["kept_seconds"] < found["seconds"]:
        limit = f", --time-limit {found['time_limit']:g}s" if found["time_limit"] is not None else ""
        lines.append(f"everything would take about {seconds(found['seconds'])}{limit} keeps what is marked")
    peak = f"memory up to about {memory(found['peak_memory_mb'])}" if found["peak_memory_mb"] is not None else ""
    calls = f"{found['calls']:,} answers to test rows"
    lines.append(", ".join(part for part in (peak, calls) if part))
    prices = Prices(**found["prices"])
    spent = [energy(found["kwh"], found["energy_source"])] if found["kwh"] is not None else []
    if found["money"] is not None:
        guessed = " (estimated)" if prices.kwh is not None else ""
        spent.append(in_money(found["money"], prices) + guessed)
    lines += [", ".join(spent)] if spent else []
    if race:
        lines.append("a race stops arms that cannot win: it takes no more, and mostly less")
    return [one_line(line) for line in lines]
