"""`crossover check` on every data file of a folder, one line a file: what a study would make of it.

    CROSSOVER_BENCH_DATA=FOLDER python benchmarks/check_files.py            all files
    CROSSOVER_BENCH_DATA=FOLDER python benchmarks/check_files.py snips      those whose names begin so

A file with "train" in its name is checked with the test file beside it, where there is one.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import crossover
from crossover import api
from crossover.errors import UserError
from crossover.task.registry import endings


def line(path: Path, test: Path | None) -> str:
    """Return what a file is taken for, what is set aside, and what is said of it."""
    start = time.perf_counter()
    try:
        found = api.check(crossover.Task.from_file(path, test=test)).to_json()
    except UserError as error:
        return f"{path.name}: refused: {' | '.join([error.message, *error.details])}"
    task = found["task"]
    aside = Counter(row["reason"] for row in found["set_aside"])
    lengths = found["lengths"]
    tokens = f", prompts {lengths['prompt'][0]} to {lengths['prompt'][2]} tokens" if lengths else ""
    long = f", {len(lengths['too_long'])} too long" if lengths and lengths["too_long"] else ""
    inputs = ", ".join(task["input_fields"])
    return (
        f"{path.name}{f' with {test.name}' if test else ''}: {inputs} → {task['target_field']}, "
        f"{task['kind']}, {task['n_train']:,} + {task['n_test']:,} rows{tokens}{long}; "
        f"set aside {dict(aside) or 'nothing'}; {time.perf_counter() - start:.1f} s"
    )


def main(arguments: Sequence[str]) -> None:
    """Check the folder's files."""
    folder = Path(os.environ["CROSSOVER_BENCH_DATA"])
    for path in sorted(folder.iterdir()):
        if path.suffix in endings() and path.name.startswith(tuple(arguments) or ""):
            beside = [other for other in folder.glob(f"{path.name.split('.')[0]}.test*") if ".train" in path.name]
            print(line(path, beside[0] if beside else None), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
