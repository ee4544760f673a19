"""What a method's defaults do on sets that nothing is judged on: the figures behind the choices in `docs/log.md`.

    CROSSOVER_BENCH_DATA=FOLDER python benchmarks/defaults.py lora --sets ag_news clinc150_small --budgets 32 --seeds 3
    ... lora --set crossover.methods.effort.STEPS=40 --set crossover.methods.weights.lora.LEARNING_RATE=1e-3

`--set MODULE.NAME=NUMBER` tries another value of a module's constant, in this process alone. A set named
"banking77-0" is six labels of it, drawn with that seed: short texts, few labels, and as many such sets as one likes.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from crossover.measure import measure
from crossover.methods import Method, get_method
from crossover.metrics import get_metric
from crossover.model.allocation import keep_memory
from crossover.model.base import LanguageModel
from crossover.model.load import load_model
from crossover.task import Task, sample, unlabelled

COLUMNS = {
    "ag_news": ("csv", "text", "label"),
    "banking77": ("csv", "text", "label"),
    "clinc150_small": ("jsonl", "text", "label"),
    "snips": ("jsonl", "text", "intent"),
    "tweet_emotion": ("jsonl", "text", "label"),
}
_UNLABELLED = 64


_DRAWN_LABELS = 6


def read(name: str, rows: int) -> Task:
    """Return a set's task with so many test rows; of a draw of labels all that there are."""
    folder = Path(os.environ["CROSSOVER_BENCH_DATA"])
    name, _, draw = name.partition("-")
    if name not in COLUMNS:
        raise SystemExit(
            f"--sets {name}: there are {', '.join(sorted(COLUMNS))}, and draws of labels such as banking77-0"
        )
    ending, text, label = COLUMNS[name]
    if draw:
        return _of_few_labels(folder, name, int(draw))
    return Task.from_file(
        folder / f"{name}.train.{ending}",
        test=folder / f"{name}.test.{ending}",
        test_size=rows,
        input=text,
        target=label,
    )


def _of_few_labels(folder: Path, name: str, draw: int) -> Task:
    """Return the task of six labels drawn with a seed; "out of scope" is none of them."""
    ending, text, label = COLUMNS[name]
    reader = pl.read_csv if ending == "csv" else pl.read_ndjson
    sides = [reader(folder / f"{name}.{side}.{ending}").select(text, label) for side in ("train", "test")]
    chosen = random.Random(draw).sample(sorted(set(sides[0][label].to_list()) - {"oos"}), _DRAWN_LABELS)
    with tempfile.TemporaryDirectory() as scratch:
        files = [Path(scratch) / f"{name}{draw}.{side}.csv" for side in ("train", "test")]
        for side, file in zip(sides, files, strict=True):
            kept = side.filter(pl.col(label).is_in(chosen))
            kept.sample(fraction=1, shuffle=True, seed=draw).write_csv(file)
        return Task.from_file(files[0], test=files[1], input=text, target=label)


def override(setting: str) -> None:
    """Set one module constant: "package.module.NAME=number"."""
    where, value = setting.split("=")
    module, name = where.rsplit(".", 1)
    found = importlib.import_module(module)
    setattr(found, name, type(getattr(found, name))(float(value)))


def line(method: Method, task: Task, model: LanguageModel, budget: int, seeds: int, effort: float) -> str:
    """Fit and measure one arm; return its line."""
    metric = get_metric("accuracy")
    scores, dev, fit, test, passes = [], [], [], [], []
    for seed in range(seeds):
        model.forget()
        fitted = method.fit(
            task.spec,
            sample(task.train, budget, seed, task.spec.labels),
            unlabelled(task.train, seed, _UNLABELLED),
            model=model,
            metric=metric,
            effort=effort,
            seed=seed,
        )
        measured = measure(fitted.candidate, task.test, task.spec, metric, model)
        scores.append(float(np.mean([result.score for result in measured.results])))
        dev.append(fitted.dev_score or 0.0)
        fit.append(fitted.seconds)
        test.append(measured.seconds)
        passes.append(fitted.token_passes)
    each = " ".join(f"{score:.3f}" for score in scores)
    return (
        f"{task.spec.name:16} {method.name:14} {budget:4} labels  {np.mean(scores):.3f} [{each}]"
        f"  dev {np.mean(dev):.2f}"
        f"  fit {np.mean(fit):.0f} s, test {np.mean(test):.0f} s, {np.mean(passes):,.0f} token passes"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line for each set, method and budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--sets", nargs="+", default=["ag_news", "clinc150_small"])
    parser.add_argument("--budgets", nargs="+", type=int, default=[32])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--effort", type=float, default=1.0)
    parser.add_argument("--set", action="append", default=[], metavar="MODULE.NAME=NUMBER", dest="settings")
    asked = parser.parse_args(arguments)
    for setting in asked.settings:
        override(setting)
    keep_memory()
    model = load_model("smollm2-135m")
    for name in asked.sets:
        task = read(name, asked.rows)
        for method in asked.methods:
            for budget in asked.budgets:
                print(line(get_method(method), task, model, budget, asked.seeds, asked.effort), flush=True)


if __name__ == "__main__":
    main()
