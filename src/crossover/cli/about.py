"""`crossover methods`, `models` and `doctor`: what there is."""

from __future__ import annotations

__all__ = ["doctor", "methods", "models"]


from rich.console import Console

from crossover.cli.app import app
from crossover.cli.options import (
    Json,
)
from crossover.cli.terminal import print_json, print_table

# Imports inside the commands keep torch, polars and Altair out of `crossover --help`, which answers at once.


@app.command()
def methods(as_json: Json = False) -> None:
    """List the methods."""
    from crossover import api

    found = api.methods()
    if as_json:
        print_json(found)
        return
    print_table(found, ("name", "family", "summary"))
    by_name = ", ".join(method["name"] for method in found if not method["is_default"])
    Console(highlight=False).print(f"\nrun only when they are named (--methods default,NAME, or all): {by_name}")


@app.command()
def models(as_json: Json = False) -> None:
    """List the models with a short name."""
    from crossover import api

    found = api.models()
    if as_json:
        print_json(found)
        return
    print_table(found, ("name", "title", "license", "source_precision", "download_mb", "on_this_machine"))
    Console(highlight=False).print("\n--model also takes a folder or Hugging Face id with safetensors, or a .gguf file")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Show what this machine has, which precisions work on it, and what `--precision auto` chooses."""
    from crossover import api
    from crossover.report.machine import machine_text

    found = api.doctor()
    if as_json:
        print_json(found)
        return
    Console(highlight=False).print(machine_text(found))
