"""What a simulation of a study's design says."""

from __future__ import annotations

__all__ = ["SIMULATION_SCHEMA", "simulated_json", "simulated_text"]

from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from crossover.verdict import Simulation, advice

SIMULATION_SCHEMA = "crossover.simulation/1"

_COLUMNS = ("prompt", "weights", "both", "neither", "tied", "unsure")


def simulated_json(found: Simulation) -> dict[str, Any]:
    """Return the simulation as JSON values: its fields as they are named, "schema" before and "advice" after them."""
    return {"schema": SIMULATION_SCHEMA, **asdict(found), "advice": advice(found)}


def simulated_text(found: Simulation) -> RenderableType:
    """Return the design, a line for each truth with the share of each decision, and what to change."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("truth", no_wrap=True)
    for heading in ("right", "wrong", *_COLUMNS):
        table.add_column(heading, no_wrap=True, justify="right")
    for one in found.outcomes:
        truth = "no difference" if one.gain == 0 else f"weights +{100 * one.gain:g}"
        shares = {str(decision): share for decision, share in one.decisions.items()}
        table.add_row(truth, _share(one.right), _share(one.wrong), *(_share(shares[name]) for name in _COLUMNS))
    seeds = "1 seed" if found.seeds == 1 else f"{found.seeds} seeds"
    design = (
        f"{found.test_size:,} test rows · {seeds} · {', '.join(f'{b:,}' for b in found.budgets)} labels · "
        f"seeds vary by {100 * found.seed_sd:g} points · margin {100 * found.margin:g} points · "
        f"{found.studies:,} studies for each truth"
    )
    return Group(Text(design), "", Padding(table, (0, 0, 0, 2)), "", Text(advice(found)))


def _share(share: float) -> str:
    return f"{100 * share:.1f}%" if 0 < share < 0.1 else f"{100 * share:.0f}%"
