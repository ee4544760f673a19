"""What a method's defaults do on sets that nothing is judged on: the figures behind the choices in `docs/log.md`.

    CROSSOVER_BENCH_DATA=FOLDER python benchmarks/defaults.py lora --sets snips tweet_emotion --budgets 32 --seeds 3
    ... lora --set crossover.methods.effort.STEPS=40 --set crossover.methods.weights.lora.LEARNING_RATE=1e-3

`--set MODULE.NAME=NUMBER` tries another value of a module's constant, in this process alone.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crossover.measure import measure
from crossover.methods import Method, get_method
from crossover.metrics import get_metric
from crossover.model.allocation import keep_memory
from crossover.model.base import LanguageModel
from crossover.model.load import load_model
from crossover.task import Task, sample, unlabelled

COLUMNS = {
    "ag_news": ("csv", "text", "label"),
    "clinc150_small": ("jsonl", "text", "label"),
    "snips": ("jsonl", "text", "intent"),
    "tweet_emotion": ("jsonl", "text", "label"),
}
_UNLABELLED = 64


def read(name: str, rows: int) -> Task:
    """Return a set's task with so many test rows."""
    folder = Path(os.environ["CROSSOVER_BENCH_DATA"])
    ending, text, label = COLUMNS[name]
    return Task.from_file(
        folder / f"{name}.train.{ending}",
        test=folder / f"{name}.test.{ending}",
        test_size=rows,
        input=text,
        target=label,
    )


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
    parser.add_argument("--sets", nargs="+", default=["snips", "tweet_emotion"], choices=sorted(COLUMNS))
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
