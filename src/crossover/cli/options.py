"""Options that several commands share, and what their texts mean."""

from __future__ import annotations

__all__ = [
    "Data",
    "Group",
    "Input",
    "InputTemplate",
    "Json",
    "KindName",
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
    "seconds_of",
    "split",
    "with_line_breaks",
]

import re
from pathlib import Path
from typing import Annotated

import typer

from crossover.errors import OptionError

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
