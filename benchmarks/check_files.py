"""`crossover check` on every data file below a folder: what a study would make of it, and why.

    CROSSOVER_BENCH_DATA=FOLDER python benchmarks/check_files.py             a table, all files
    CROSSOVER_BENCH_DATA=FOLDER python benchmarks/check_files.py snips       those whose names begin so
    CROSSOVER_BENCH_DATA=FOLDER python benchmarks/check_files.py --whole     all that `crossover check` prints, for each

A file with ".train" in its name is checked with the test file beside it, where there is one.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

import crossover
from crossover import api
from crossover.errors import UserError
from crossover.report.checked import checked_text
from crossover.task.registry import endings


def files(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[Path, Path | None]]:
    """Yield each data file whose name begins with one of the names, and the test file beside it."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in endings()):
        if path.name.startswith(names):
            beside = sorted(path.parent.glob(f"{path.name.split('.')[0]}.test*")) if ".train" in path.name else []
            yield path, beside[0] if beside else None


def line(found: dict[str, Any]) -> str:
    """Return what a file is taken for, why, and what is set aside."""
    task, lengths = found["task"], found["lengths"]
    aside = Counter(row["reason"] for row in found["set_aside"])
    cells = [
        " + ".join(f"{file['n_rows']:,}" for file in found["files"]),
        f"{task['kind']}, {task['metric']}" + (f", {len(found['classes'])} labels" if found["classes"] else ""),
        f"{', '.join(task['input_fields'])} → {task['target_field']}",
        next((reason for reason in found["reasons"] if reason.startswith("kind: ")), "kind: said"),
        f"{task['n_train']:,} + {task['n_test']:,}",
        ", ".join(f"{n} {reason}" for reason, n in aside.items()) or "nothing",
        f"{lengths['prompt'][0]:,} to {lengths['prompt'][2]:,} tokens" if lengths else "no tokens",
        f"{100 * found['detectable_difference']:.0f} points",
    ]
    return " | ".join(cells)


def main(arguments: Sequence[str]) -> None:
    """Check the folder's files."""
    names = tuple(argument for argument in arguments if not argument.startswith("-")) or ("",)
    print("file | rows | kind | columns | why | training + test | set aside | prompts | detectable | seconds")
    for path, test in files(Path(os.environ["CROSSOVER_BENCH_DATA"]), names):
        start = time.perf_counter()
        try:
            found = api.check(crossover.Task.from_file(path, test=test)).to_json()
        except UserError as error:
            print(f"{path.name} | refused: {' / '.join([error.message, *error.details])}", flush=True)
            continue
        name = path.name if test is None else f"{path.name}, {test.name}"
        print(f"{name} | {line(found)} | {time.perf_counter() - start:.1f}", flush=True)
        if "--whole" in arguments:
            Console(highlight=False).print(checked_text(found))


if __name__ == "__main__":
    main(sys.argv[1:])
