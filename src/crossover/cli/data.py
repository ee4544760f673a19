"""`crossover run` and `crossover check`: what begins with a data file."""

from __future__ import annotations

__all__ = ["check", "run"]

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from crossover.cli.app import app
from crossover.cli.options import (
    Data,
    Group,
    Input,
    InputTemplate,
    Json,
    KindName,
    Margin,
    MaxRows,
    Merge,
    MetricName,
    Model,
    Schema,
    Sheet,
    Target,
    Test,
    TestSize,
    bytes_of,
    label_budgets,
    method_names,
    points_of,
    seconds_of,
    with_line_breaks,
)
from crossover.cli.terminal import Terminal, print_json

# Imports inside the commands keep torch, polars and Altair out of `crossover --help`, which answers at once.


@app.command()
def run(  # noqa: PLR0917  # typer calls it by keyword
    data: Data,
    test: Test = None,
    test_size: TestSize = None,
    input: Input = None,
    target: Target = None,
    kind: KindName = None,
    metric: MetricName = None,
    schema: Schema = None,
    sheet: Sheet = None,
    max_rows: MaxRows = 10_000,
    merge_spellings: Merge = False,
    group: Group = None,
    input_template: InputTemplate = None,
    answer_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Most tokens of a written answer; by default what targets need.")
    ] = None,
    model: Model = "smollm2-135m",
    instruction: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Your own words for the task, in every prompt.")
    ] = None,
    prompt: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Your own prompt as an arm; repeatable.")
    ] = None,
    label_names: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Label code -> words: csv, json or yaml.")
    ] = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Another system's answers on the test rows as an arm; repeatable."),
    ] = None,
    probe: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="What the model shall still know: choice or cloze rows; repeatable."),
    ] = None,
    reflector: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A stronger model that rewrites prompts, for gepa.")
    ] = None,
    methods: Annotated[
        str | None, typer.Option(metavar="A,B", help="Methods; also default, which it is, and all (crossover methods).")
    ] = None,
    budgets: Annotated[
        str | None, typer.Option(metavar="0,8,32", help="Label budgets; by default a few that a laptop can do.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Draws of the labels that each arm gets.")] = 3,
    effort: Annotated[float, typer.Option(help="Compute a method may spend; 1 is one default LoRA fit.")] = 1.0,
    race: Annotated[bool, typer.Option("--race", help="Stop arms that cannot win, by their dev scores.")] = False,
    precision: Annotated[
        str,
        typer.Option(metavar="A,B", help="auto, fp32, fp16, bf16, int8 or nf4; several make arms of each."),
    ] = "auto",
    time_limit: Annotated[str | None, typer.Option(metavar="5m", help="Run only what fits: 90s, 10m, 2h.")] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="4GB", help="Run only what fits into this memory: 800MB, 3.5GiB.")
    ] = None,
    constrain: Annotated[
        str | None,
        typer.Option(metavar="WAY", help="yes: answers by labels or schema; no: freely; both: yes, with no beside it."),
    ] = None,
    margin: Margin = None,
    study: Annotated[Path | None, typer.Option(metavar="DIR", help="Study folder; by default NAME-study here.")] = None,
    as_json: Json = False,
) -> None:
    """Compare prompting and fine-tuning on a data file and say which to use."""
    from crossover import api
    from crossover.report.terminal import Progress, verdict_text
    from crossover.task import Task

    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    names, numbers = method_names(methods), label_budgets(budgets)
    most_seconds, room = seconds_of(time_limit), bytes_of(memory)
    task = Task.from_file(
        data,
        test=test,
        test_size=test_size,
        input=input,
        target=target,
        kind=kind,
        metric=metric,
        schema=schema,
        answer_tokens=answer_tokens,
        sheet=sheet,
        max_rows=max_rows,
        input_template=with_line_breaks(input_template),
        merge_spellings=merge_spellings,
        group=group,
        instruction=instruction,
        label_names=label_names,
    )
    out = errors if as_json else console
    with Terminal(out, Progress(console=out, json=as_json)) as listener:
        done = api.compare(
            task,
            model=model,
            methods=names,
            budgets=numbers,
            seeds=seeds,
            effort=effort,
            race=race,
            precision=[name.strip() for name in precision.split(",") if name.strip()],
            time_limit=most_seconds,
            memory=room,
            prompts=prompt or (),
            predictions=predictions or (),
            probes=probe or (),
            reflector=reflector,
            constrain=constrain,
            margin=points_of(margin),
            study=study,
            listener=listener,
            command=shlex.join(["crossover", *sys.argv[1:]]),
        )
    if as_json:
        print_json(done.to_json())
        return
    console.print()
    console.print(verdict_text(done.verdict(), study=str(done.folder)))
    page = done.report(done.folder / "report.html")
    console.print(f"\n  the page: {page}", soft_wrap=True, markup=False)


@app.command()
def check(  # noqa: PLR0917  # typer calls it by keyword
    data: Data,
    test: Test = None,
    test_size: TestSize = None,
    input: Input = None,
    target: Target = None,
    kind: KindName = None,
    metric: MetricName = None,
    schema: Schema = None,
    sheet: Sheet = None,
    max_rows: MaxRows = 10_000,
    input_template: InputTemplate = None,
    merge_spellings: Merge = False,
    group: Group = None,
    model: Model = "smollm2-135m",
    as_json: Json = False,
) -> None:
    """Show what a data file holds: what is read, inferred and set aside, and what its test can see."""
    from crossover import api
    from crossover.report.checked import checked_text
    from crossover.task import Task

    task = Task.from_file(
        data,
        test=test,
        test_size=test_size,
        input=input,
        target=target,
        kind=kind,
        metric=metric,
        schema=schema,
        sheet=sheet,
        max_rows=max_rows,
        input_template=with_line_breaks(input_template),
        merge_spellings=merge_spellings,
        group=group,
    )
    found = api.check(task, model=model).to_json()
    if as_json:
        print_json(found)
        return
    console = Console(highlight=False)
    console.print(checked_text(found))
    again = shlex.join(["crossover", "run", *sys.argv[2:]])
    console.print(f"\n  {again}   prompt, fine-tune, or both", soft_wrap=True, markup=False)
