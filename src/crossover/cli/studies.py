"""What is done with a finished study or a bundle: report, diff, pack, judge, predict."""

from __future__ import annotations

__all__ = ["diff", "judge", "pack", "predict", "report"]

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from crossover.cli.app import app
from crossover.cli.options import (
    CallsPerMonth,
    Currency,
    ElectricityPrice,
    Json,
    MachinePrice,
    Margin,
    points_of,
    prices_of,
    split,
)
from crossover.cli.terminal import print_json
from crossover.errors import OptionError

# Imports inside the commands keep torch, polars and Altair out of `crossover --help`, which answers at once.


@app.command()
def report(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Study folder")],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the page; by default STUDY/report.html.")
    ] = None,
    no_examples: Annotated[
        bool, typer.Option("--no-examples", help="Leave the test's texts and prompt files out.")
    ] = False,
    margin: Margin = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write Markdown for a pull request instead; - is stdout.")
    ] = None,
    machine_price_per_hour: MachinePrice = None,
    electricity_price_per_kwh: ElectricityPrice = None,
    currency: Currency = None,
    calls_per_month: CallsPerMonth = None,
    as_json: Json = False,
) -> None:
    """Print a study's verdict and write its page."""
    from crossover import api
    from crossover.api.files import replace_text
    from crossover.report.terminal import report_text

    console = Console(highlight=False)
    opened = api.open_study(study)
    prices = prices_of(machine_price_per_hour, electricity_price_per_kwh, currency)
    if prices != prices_of(None, None, None) or calls_per_month is not None:
        opened.state(prices=prices, calls_per_month=calls_per_month)
    given = points_of(margin)
    if markdown is not None and (html is not None or as_json):
        raise OptionError(
            "--markdown writes the Markdown alone.",
            "leave out --html and --json, or run the command once more for them",
        )
    if markdown is not None:
        text = opened.markdown(margin=given)
        if str(markdown) == "-":
            sys.stdout.write(text)
        else:
            written = replace_text(markdown, text, "name another place: --markdown FILE, or - for stdout")
            console.print(f"written: {written}", soft_wrap=True, markup=False)
        return
    page = None
    if html is not None or not as_json:
        page = opened.report(html or study / "report.html", examples=not no_examples, margin=given)
    if as_json:
        print_json(opened.to_json(margin=given))
        return
    whole = report_text(
        opened.verdict(margin=given),
        study=str(study),
        table=opened.aspects(margin=given),
        diff=opened.main_diff(margin=given),
        checks=opened.checks(),
        left_out=opened.left_out(),
    )
    console.print(whole)
    console.print(f"\n  the page: {page}", soft_wrap=True, markup=False)


@app.command()
def diff(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Study folder")],
    a: Annotated[str, typer.Argument(metavar="ARM", help="An arm, for example lora@64")],
    b: Annotated[str, typer.Argument(metavar="ARM", help="Another")],
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="Most examples of each side.")] = 5,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="COL", help="Another column of the data file with few values; may be repeated."),
    ] = None,
    no_examples: Annotated[bool, typer.Option("--no-examples", help="Leave the test's texts out.")] = False,
    as_json: Json = False,
) -> None:
    """Show where two arms differ: labels, lengths, rows that one gets and the other misses, confusions, calibration."""
    from crossover import api
    from crossover.report.differing import diff_text
    from crossover.verdict import diff_to_json

    found = api.open_study(study).diff(a, b, by=by or ())
    if as_json:
        print_json(diff_to_json(found, examples=not no_examples, limit=limit))
        return
    Console(highlight=False).print(diff_text(found, examples=not no_examples, limit=limit))


@app.command()
def pack(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Study folder")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Bundle folder, or FILE.zip; by default NAME-bundle."),
    ] = None,
    arm: Annotated[
        str | None, typer.Option(metavar="ARM", help="Another arm than the recommended one, for example lora@64.")
    ] = None,
) -> None:
    """Pack the recommended arm as a bundle, checked in a fresh process."""
    from crossover import api

    console = Console(highlight=False)
    bundle = api.open_study(study).pack(output, arm=arm)
    console.print(f"packed {bundle}: a fresh process gave the recorded answers", soft_wrap=True, markup=False)
    if api.load(bundle).shows_examples:
        console.print("  demos.jsonl holds rows of your training data: they go where the bundle goes")
    command = f"  crossover predict {shlex.quote(str(bundle))} FILE -o answers.csv"
    console.print(command, soft_wrap=True, markup=False)


@app.command()
def judge(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Study folder")],
    model: Annotated[str, typer.Option(metavar="NAME", help="Who judges: catalog name, folder, id or GGUF file.")],
    arms: Annotated[str | None, typer.Option(metavar="A,B", help="Whose answers; by default the nominated.")] = None,
    precision: Annotated[str, typer.Option(metavar="NAME", help="The judge's: auto, fp32, bf16, …")] = "auto",
    as_json: Json = False,
) -> None:
    """Let a model compare a study's written answers with the reference answers, in both orders."""
    from crossover import api
    from crossover.report.judged import judged_text

    found = api.open_study(study).judge(model, arms=split(arms), precision=precision)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    Console(highlight=False).print(judged_text([asdict(one) for one in found]))


@app.command()
def predict(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Bundle folder or zip file")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Rows to answer: csv, tsv, jsonl, json, parquet or xlsx")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="csv or jsonl; by default csv to stdout.")
    ] = None,
) -> None:
    """Answer the rows of a file with a bundle."""
    from crossover import api

    written = api.predict_file(bundle, file, output)
    if output is not None:
        Console(highlight=False).print(f"{written:,} rows answered: {output}", soft_wrap=True, markup=False)
