"""The command line: arguments to `crossover.api`, its answers to the terminal. No logic."""

from __future__ import annotations

__all__ = ["app", "main"]

import json
import logging
import re
import shlex
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.console import Console

from crossover.errors import OptionError, UserError

if TYPE_CHECKING:
    from crossover.report.terminal import Progress

# Imports inside the commands keep torch, polars and Altair out of `crossover --help`, which answers at once.

app = typer.Typer(
    name="crossover",
    help="Measure whether to engineer the prompt, fine-tune the weights, or do both.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_INTERRUPTED = 130
_Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout and nothing else.")]
_Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="csv, tsv, jsonl, json, parquet, arrow or xlsx; a data set's folder or hub id; promptfoo or lm-eval yaml",
    ),
]
_Test = Annotated[Path | None, typer.Option(metavar="FILE", help="Test rows; by default some are split off.")]
_TestSize = Annotated[int | None, typer.Option(metavar="N", help="Test rows; by default at most 500, stratified.")]
_Input = Annotated[str | None, typer.Option(metavar="COL", help="Column that the model reads.")]
_Target = Annotated[str | None, typer.Option(metavar="COL", help="Column with the wanted answers.")]
_Kind = Annotated[str | None, typer.Option(help="Kind of task; by default inferred.")]
_Metric = Annotated[str | None, typer.Option(help="The one that decides; by default the kind's.")]
_Schema = Annotated[
    Path | None, typer.Option(metavar="FILE", help="JSON schema of the answers; by default inferred from them.")
]
_Sheet = Annotated[str | None, typer.Option(metavar="NAME", help="Sheet of a workbook, by name or number.")]
_MaxRows = Annotated[int, typer.Option(metavar="N", help="Most rows of a file to read; of more a sample is drawn.")]
_Merge = Annotated[
    bool, typer.Option("--merge-spellings", help="Take labels that differ in case or spaces only as one.")
]
_InputTemplate = Annotated[
    str | None, typer.Option(metavar="TEXT", help='How input columns are put together: "{passage}\\n{question}".')
]
_Model = Annotated[str, typer.Option(metavar="NAME", help="Catalog name, folder, Hugging Face id or GGUF file.")]


@app.command()
def run(  # noqa: PLR0917  # typer calls it by keyword
    data: _Data,
    test: _Test = None,
    test_size: _TestSize = None,
    input: _Input = None,
    target: _Target = None,
    kind: _Kind = None,
    metric: _Metric = None,
    schema: _Schema = None,
    sheet: _Sheet = None,
    max_rows: _MaxRows = 10_000,
    merge_spellings: _Merge = False,
    input_template: _InputTemplate = None,
    answer_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Most tokens of a written answer; by default what targets need.")
    ] = None,
    model: _Model = "smollm2-135m",
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
    study: Annotated[Path | None, typer.Option(metavar="DIR", help="Study folder; by default NAME-study here.")] = None,
    as_json: _Json = False,
) -> None:
    """Compare prompting and fine-tuning on a data file and say which to use."""
    from crossover import api
    from crossover.report.terminal import Progress, verdict_text
    from crossover.task import Task

    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    names, numbers, seconds, room = _names(methods), _numbers(budgets), _seconds(time_limit), _bytes(memory)
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
        input_template=_template(input_template),
        merge_spellings=merge_spellings,
        instruction=instruction,
        label_names=label_names,
    )
    out = errors if as_json else console
    with _Terminal(out, Progress(console=out, json=as_json)) as listener:
        done = api.compare(
            task,
            model=model,
            methods=names,
            budgets=numbers,
            seeds=seeds,
            effort=effort,
            race=race,
            precision=[name.strip() for name in precision.split(",") if name.strip()],
            time_limit=seconds,
            memory=room,
            prompts=prompt or (),
            predictions=predictions or (),
            reflector=reflector,
            constrain=constrain,
            study=study,
            listener=listener,
            command=shlex.join(["crossover", *sys.argv[1:]]),
        )
    if as_json:
        _print_json(done.to_json())
        return
    console.print()
    console.print(verdict_text(done.verdict(), study=str(done.folder)))
    page = done.report(done.folder / "report.html")
    console.print(f"\n  the page: {page}", soft_wrap=True, markup=False)


@app.command()
def check(  # noqa: PLR0917  # typer calls it by keyword
    data: _Data,
    test: _Test = None,
    test_size: _TestSize = None,
    input: _Input = None,
    target: _Target = None,
    kind: _Kind = None,
    metric: _Metric = None,
    schema: _Schema = None,
    sheet: _Sheet = None,
    max_rows: _MaxRows = 10_000,
    input_template: _InputTemplate = None,
    merge_spellings: _Merge = False,
    model: _Model = "smollm2-135m",
    as_json: _Json = False,
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
        input_template=_template(input_template),
        merge_spellings=merge_spellings,
    )
    found = api.check(task, model=model).to_json()
    if as_json:
        _print_json(found)
        return
    console = Console(highlight=False)
    console.print(checked_text(found))
    again = shlex.join(["crossover", "run", *sys.argv[2:]])
    console.print(f"\n  {again}   prompt, fine-tune, or both", soft_wrap=True, markup=False)


@app.command()
def report(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Study folder")],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the page; by default STUDY/report.html.")
    ] = None,
    no_examples: Annotated[bool, typer.Option("--no-examples", help="Leave the test's texts out of the page.")] = False,
    as_json: _Json = False,
) -> None:
    """Print a study's verdict and write its page."""
    from crossover import api
    from crossover.report.terminal import arms_table, verdict_text

    console = Console(highlight=False)
    opened = api.open_study(study)
    page = None if as_json and html is None else opened.report(html or study / "report.html", examples=not no_examples)
    if as_json:
        _print_json(opened.to_json())
        return
    verdict = opened.verdict()
    console.print(verdict_text(verdict, study=str(study)))
    console.print()
    console.print(arms_table(verdict))
    console.print(f"\n  the page: {page}", soft_wrap=True, markup=False)


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
    as_json: _Json = False,
) -> None:
    """Let a model compare a study's written answers with the reference answers, in both orders."""
    from crossover import api
    from crossover.report.judged import judged_text

    found = api.open_study(study).judge(model, arms=_split(arms), precision=precision)
    if as_json:
        _print_json([asdict(one) for one in found])
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


@app.command()
def methods(as_json: _Json = False) -> None:
    """List the methods."""
    from crossover import api

    found = api.methods()
    if as_json:
        _print_json(found)
        return
    _print_table(found, ("name", "family", "summary"))
    by_name = ", ".join(method["name"] for method in found if not method["is_default"])
    Console(highlight=False).print(f"\nrun only when they are named (--methods default,NAME, or all): {by_name}")


@app.command()
def models(as_json: _Json = False) -> None:
    """List the models with a short name."""
    from crossover import api

    found = api.models()
    if as_json:
        _print_json(found)
        return
    _print_table(found, ("name", "title", "license", "source_precision", "download_mb", "on_this_machine"))
    Console(highlight=False).print("\n--model also takes a folder or Hugging Face id with safetensors, or a .gguf file")


@app.command()
def doctor(as_json: _Json = False) -> None:
    """Show what this machine has, which precisions work on it, and what `--precision auto` chooses."""
    from crossover import api
    from crossover.report.machine import machine_text

    found = api.doctor()
    if as_json:
        _print_json(found)
        return
    Console(highlight=False).print(machine_text(found))


def main() -> None:
    """Run the command line; a user's mistake prints no traceback and exits 2, an interrupted study 130."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a bar must not end a run
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # other packages' notes to developers; `python -W` shows them
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # the same
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"error: {error.message}\n" + "".join(f"  {line}\n" for line in error.details))
        sys.exit(2)
    except KeyboardInterrupt:
        _say_stopped()
        sys.exit(_INTERRUPTED)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:  # typer has caught Ctrl-C before us
            _say_stopped()
        raise


def _say_stopped() -> None:
    sys.stderr.write("\nstopped. Finished trials are kept: the same command goes on from here.\n")


def _stop(_number: int, _frame: object) -> None:
    """End in order when a scheduler asks: the trial that runs is not to blame, and is not counted as tried."""
    raise KeyboardInterrupt


class _Terminal:
    """Passes a run's events on to the progress display, which begins with the plan, and prints the opening."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._stack = ExitStack()
        self._last = ""
        self.cell_started = progress.cell_started
        self.cell_progress = progress.cell_progress
        self.cell_finished = progress.cell_finished
        self.left_out = progress.left_out

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def plan(self, cells: Sequence[tuple[str, int, int]], seconds: float | None) -> None:
        """Say what will run; from here on the table is drawn."""
        self._stack.enter_context(self._progress)
        self._progress.plan(cells, seconds)

    def note(self, about: str, text: str) -> None:
        """Print a line of the opening."""
        from crossover.report.text import one_line

        self._console.print(f"{one_line(about):13} {one_line(text)}", soft_wrap=True, markup=False)

    def progress(self, what: str, share: float | None) -> None:
        """Say once what takes time; draw how far it is in a terminal."""
        if what != self._last:
            self._last = what
            self._console.print(f"{'':13} {what}", soft_wrap=True, markup=False)
        if share is not None and self._console.is_terminal and not self._console.is_dumb_terminal:
            bar = "━" * round(30 * share)
            self._console.file.write(f"\r{'':14}{bar:30} {share:4.0%}" + ("\r" + " " * 60 + "\r" if share >= 1 else ""))
            self._console.file.flush()


def _names(text: str | None) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise OptionError(f'--methods "{text}" names no method.', "write names with commas between; crossover methods")
    return names


def _template(text: str | None) -> str | None:
    """Return a template with line breaks where people write a backslash and an n on a command line."""
    return None if text is None else text.replace("\\n", "\n")


def _split(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str | None) -> list[int] | None:
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


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h|)", text.strip().lower())
    if match is None:
        raise OptionError(f'--time-limit "{text}" is no time.', "write 90s, 10m or 2h")
    return float(match[1]) * {"s": 1, "": 1, "m": 60, "h": 3600}[match[2]]


def _bytes(text: str | None) -> int | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mgt])(i?)b?", text.strip().lower())
    if match is None or not float(match[1]):
        raise OptionError(f'--memory "{text}" is no amount of memory.', "write 800MB, 4GB or 3.5GiB")
    step = 1024.0 if match[3] else 1000.0
    return round(float(match[1]) * step ** {"m": 2, "g": 3, "t": 4}[match[2]])


def _print_json(value: Any) -> None:  # noqa: ANN401  # JSON
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def _print_table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    words = {True: "yes", False: "no"}
    cells = [[words[row[c]] if isinstance(row[c], bool) else str(row[c]) for c in columns] for row in rows]
    heads = [c.replace("_", " ") for c in columns]
    widths = [max(len(h), *(len(row[i]) for row in cells)) for i, h in enumerate(heads)]
    console = Console(highlight=False)
    for row in [heads, *cells]:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.print(line.rstrip(), soft_wrap=True, markup=False)


if __name__ == "__main__":
    main()
