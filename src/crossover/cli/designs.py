"""`crossover simulate`: what a study's design can tell, before one is run."""

from __future__ import annotations

__all__ = ["simulate"]

from typing import Annotated

import typer
from rich.console import Console

from crossover.cli.app import app
from crossover.cli.options import Json, Margin, label_budgets, points_listed, points_of
from crossover.cli.terminal import print_json

# Imports inside the commands keep torch, polars and Altair out of `crossover --help`, which answers at once.


@app.command()
def simulate(
    test_size: Annotated[int, typer.Option(metavar="N", help="Test rows.")] = 500,
    seeds: Annotated[int, typer.Option(help="Draws of the labels that each arm gets.")] = 3,
    budgets: Annotated[
        str, typer.Option(metavar="0,16,64", help="Label budgets; the decision is made at the largest.")
    ] = "64",
    gain: Annotated[
        str, typer.Option(metavar="POINTS", help="By which weights are better; several with commas between.")
    ] = "0,5,10",
    seed_sd: Annotated[float, typer.Option(metavar="POINTS", help="By which a score varies from seed to seed.")] = 2.0,
    margin: Margin = None,
    studies: Annotated[int, typer.Option(metavar="N", help="Studies to simulate for each gain.")] = 500,
    as_json: Json = False,
) -> None:
    """Simulate studies of known truth: how often such a design is wrong, right or unsure."""
    from crossover.records import DEFAULT_MARGIN
    from crossover.report.simulated import simulated_json, simulated_text
    from crossover.verdict import simulate as simulated  # not through the api, which takes seconds to load torch

    given = points_of(margin)
    found = simulated(
        test_size=test_size,
        seeds=seeds,
        budgets=label_budgets(budgets) or (),
        gains=points_listed(gain, "--gain"),
        seed_sd=seed_sd / 100,
        margin=DEFAULT_MARGIN if given is None else given,
        studies=studies,
    )
    if as_json:
        print_json(simulated_json(found))
        return
    Console(highlight=False).print(simulated_text(found))
