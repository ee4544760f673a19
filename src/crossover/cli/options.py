"""Options that several commands share, and what their texts mean."""

from __future__ import annotations

__all__ = [
    "StudyFolder",
    "ConstrainWay",
    "Memory",
    "TimeLimit",
    "Precision",
    "RaceOrNot",
    "Effort",
    "Seeds",
    "Budgets",
    "Methods",
    "Reflector",
    "PredictionFiles",
    "Probes",
    "LabelNames",
    "Prompts",
    "Instruction",
    "AnswerTokens",
    "CallsPerMonth",
    "Currency",
    "Data",
    "ElectricityPrice",
    "Group",
    "Input",
    "InputTemplate",
    "Json",
    "KindName",
    "MachinePrice",
    "Margin",
    "MaxRows",
    "Merge",
    "MetricName",
    "Model",
    "Schema",
    "Sheet",
    "Target",
    "Test",
    "TestSize",
    "bytes_of",
    "label_budgets",
    "method_names",
    "points_listed",
    "points_of",
    "prices_of",
    "seconds_of",
    "split",
    "with_line_breaks",
]

import re
from pathlib import Path
from typing import Annotated

import typer

from crossover.errors import OptionError
from crossover.records import Prices

Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout and nothing else.")]
Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="csv, tsv, jsonl, json, parquet, arrow or xlsx; a data set's folder or hub id; promptfoo or lm-eval yaml",
    ),
]
Test = Annotated[Path | None, typer.Option(metavar="FILE", help="Test rows; by default some are split off.")]
TestSize = Annotated[int | None, typer.Option(metavar="N", help="Test rows; by default at most 500, stratified.")]
Input = Annotated[str | None, typer.Option(metavar="COL", help="Column that the model reads.")]
Target = Annotated[str | None, typer.Option(metavar="COL", help="Column with the wanted answers.")]
KindName = Annotated[str | None, typer.Option(help="Kind of task; by default inferred.")]
MetricName = Annotated[str | None, typer.Option(help="The one that decides; by default the kind's.")]
Schema = Annotated[
    Path | None, typer.Option(metavar="FILE", help="JSON schema of the answers; by default inferred from them.")
]
Sheet = Annotated[str | None, typer.Option(metavar="NAME", help="Sheet of a workbook, by name or number.")]
MaxRows = Annotated[int, typer.Option(metavar="N", help="Most rows of a file to read; of more a sample is drawn.")]
Group = Annotated[
    str | None, typer.Option(metavar="COL", help="Column whose rows belong together: one side, counted together.")
]
Margin = Annotated[
    float | None, typer.Option(metavar="POINTS", help="Differences up to this count as none; by default 3.")
]
Merge = Annotated[
    bool, typer.Option("--merge-spellings", help="Take labels that differ in case or spaces only as one.")
]
InputTemplate = Annotated[
    str | None, typer.Option(metavar="TEXT", help='How input columns are put together: "{passage}\\n{question}".')
]
Model = Annotated[str, typer.Option(metavar="NAME", help="Catalog name, folder, Hugging Face id or GGUF file.")]

AnswerTokens = Annotated[
    int | None, typer.Option(metavar="N", help="Most tokens of a written answer; by default what targets need.")
]
Instruction = Annotated[str | None, typer.Option(metavar="TEXT", help="Your own words for the task, in every prompt.")]
Prompts = Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Your own prompt as an arm; repeatable.")]
LabelNames = Annotated[Path | None, typer.Option(metavar="FILE", help="Label code -> words: csv, json or yaml.")]
PredictionFiles = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Another system's answers on the test rows as an arm; repeatable."),
]
Probes = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="What the model shall still know: choice or cloze rows; repeatable."),
]
Reflector = Annotated[
    str | None, typer.Option(metavar="MODEL", help="A stronger model that rewrites prompts, for gepa.")
]
Methods = Annotated[
    str | None, typer.Option(metavar="A,B", help="Methods; also default, which it is, and all (crossover methods).")
]
Budgets = Annotated[
    str | None, typer.Option(metavar="0,8,32", help="Label budgets; by default a few that a laptop can do.")
]
Seeds = Annotated[int, typer.Option(help="Draws of the labels that each arm gets.")]
Effort = Annotated[float, typer.Option(help="Compute a method may spend; 1 is one default LoRA fit.")]
RaceOrNot = Annotated[bool, typer.Option("--race", help="Stop arms that cannot win; the test is not looked at.")]
Precision = Annotated[
    str,
    typer.Option(metavar="A,B", help="auto, fp32, fp16, bf16, int8 or nf4; several make arms of each."),
]
TimeLimit = Annotated[str | None, typer.Option(metavar="5m", help="Run only what fits: 90s, 10m, 2h.")]
Memory = Annotated[str | None, typer.Option(metavar="4GB", help="Run only what fits into this memory: 800MB, 3.5GiB.")]
ConstrainWay = Annotated[
    str | None,
    typer.Option(metavar="WAY", help="yes: answers by labels or schema; no: freely; both: yes, with no beside it."),
]
StudyFolder = Annotated[Path | None, typer.Option(metavar="DIR", help="Study folder; by default NAME-study here.")]
MachinePrice = Annotated[
    float | None, typer.Option("--machine-price-per-hour", metavar="X", help="What an hour of this machine costs you.")
]
ElectricityPrice = Annotated[
    float | None, typer.Option("--electricity-price-per-kwh", metavar="X", help="What a kWh costs you, if it is extra.")
]
Currency = Annotated[str | None, typer.Option(metavar="EUR", help="What stands after amounts; by default nothing.")]
CallsPerMonth = Annotated[
    float | None, typer.Option(metavar="N", help="Say what a month of so many calls costs, fit included.")
]


def prices_of(machine_hour: float | None, kwh: float | None, currency: str | None) -> Prices:
    """Return the prices that were given."""
    return Prices(machine_hour=machine_hour, kwh=kwh, currency=currency)


def method_names(text: str | None) -> list[str] | None:
    """Return the methods that a text names; None for none given."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise OptionError(f'--methods "{text}" names no method.', "write names with commas between; crossover methods")
    return names


def with_line_breaks(text: str | None) -> str | None:
    """Return a template with line breaks where people write a backslash and an n on a command line."""
    return None if text is None else text.replace("\\n", "\n")


def split(text: str | None) -> list[str] | None:
    """Return what stands between commas."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def points_of(margin: float | None) -> float | None:
    """Return points as a fraction of 1."""
    return None if margin is None else margin / 100


def points_listed(text: str, option: str) -> list[float]:
    """Return the points that a text names as fractions of 1: "0,2.5,10"."""
    try:
        return [float(part) / 100 for part in text.split(",") if part.strip()]
    except ValueError:
        raise OptionError(f'{option} "{text}" is no number of points.', f"write {option} 5, or 0,5,10") from None


def label_budgets(text: str | None) -> list[int] | None:
    """Return the budgets that a text names."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    wrong = [part for part in parts if not part.isdecimal()]
    if wrong or not parts:
        raise OptionError(
            f'--budgets "{wrong[0] if wrong else text}" is no number of labels.',
            "write whole numbers with commas between: --budgets 0,8,32",
        )
    return [int(part) for part in parts]


def seconds_of(text: str | None) -> float | None:
    """Return a duration in seconds: "90s", "10m", "2h"."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|)", text.strip().lower())
    if match is None:
        raise OptionError(f'--time-limit "{text}" is no time.', "write 90s, 10m or 2h")
    return float(match[1]) * {"s": 1, "": 1, "m": 60, "h": 3600}[match[2]]


def bytes_of(text: str | None) -> int | None:
    """Return an amount of memory in bytes: "800MB", "3.5GiB"."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mgt])(i?)b?", text.strip().lower())
    if match is None or not float(match[1]):
        raise OptionError(f'--memory "{text}" is no amount of memory.', "write 800MB, 4GB or 3.5GiB")
    step = 1024.0 if match[3] else 1000.0
    return round(float(match[1]) * step ** {"m": 2, "g": 3, "t": 4}[match[2]])
