"""The application that commands are added to."""

from __future__ import annotations

__all__ = ["app"]

import typer

app = typer.Typer(
    name="crossover",
    help="Measure whether to engineer the prompt, fine-tune the weights, or do both.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
