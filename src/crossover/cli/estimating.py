"""`crossover estimate`: what a run would take."""

from __future__ import annotations

__all__ = ["estimate"]

import shlex
import sys

from rich.console import Console

from crossover.cli.app import app
from crossover.cli.options import (
    AnswerTokens,
    Budgets,
    CallsPerMonth,
    ConstrainWay,
    Currency,
    Data,
    Effort,
    ElectricityPrice,
    Group,
    Input,
    InputTemplate,
    Instruction,
    Json,
    KindName,
    LabelNames,
    MachinePrice,
    Margin,
    MaxRows,
    Memory,
    Merge,
    Methods,
    MetricName,
    Model,
    Precision,
    PredictionFiles,
    Probes,
    Prompts,
    RaceOrNot,
    Reflector,
    Schema,
    Seeds,
    Sheet,
    StudyFolder,
    Target,
    Test,
    TestSize,
    TimeLimit,
    bytes_of,
    label_budgets,
    method_names,
    points_of,
    prices_of,
    seconds_of,
    with_line_breaks,
)
from crossover.cli.terminal import Terminal, print_json

# Imports inside the command keep torch, polars and Altair out of `crossover --help`, which answers at once.


@app.command()
def estimate(  # noqa: PLR0917  # typer calls it by keyword
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
    answer_tokens: AnswerTokens = None,
    model: Model = "smollm2-135m",
    instruction: Instruction = None,
    prompt: Prompts = None,
    label_names: LabelNames = None,
    predictions: PredictionFiles = None,
    probe: Probes = None,
    reflector: Reflector = None,
    methods: Methods = None,
    budgets: Budgets = None,
    seeds: Seeds = 3,
    effort: Effort = 1.0,
    race: RaceOrNot = False,
    precision: Precision = "auto",
    time_limit: TimeLimit = None,
    memory: Memory = None,
    constrain: ConstrainWay = None,
    margin: Margin = None,
    machine_price_per_hour: MachinePrice = None,
    electricity_price_per_kwh: ElectricityPrice = None,
    currency: Currency = None,
    calls_per_month: CallsPerMonth = None,
    study: StudyFolder = None,
    as_json: Json = False,
) -> None:
    """Say what `crossover run` with these options would take: time, memory, calls and money. Nothing is run."""
    from crossover import api
    from crossover.report.estimated import estimate_text
    from crossover.report.terminal import Progress
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
        found = api.estimate(
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
            prices=prices_of(machine_price_per_hour, electricity_price_per_kwh, currency),
            calls_per_month=calls_per_month,
            study=study,
            listener=listener,
        ).to_json()
    if as_json:
        print_json(found)
        return
    console.print()
    console.print(estimate_text(found, race=race))
    again = shlex.join(["crossover", "run", *sys.argv[2:]])
    console.print(f"\n  {again}", soft_wrap=True, markup=False)
