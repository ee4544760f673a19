"""The two sides of `prompt-search`, both read on the test: what its rule for choosing between them gains and loses.

    CROSSOVER_BENCH_DATA=FOLDER python -m benchmarks.search_sides --sets banking77-0 clinc150_small-0 ag_news

For each search: by how much the best program with fixed demonstrations leads the best one with neighbours on the rows
that judged both, the standard error of that, and what each scores on the test. At the end what a rule "fixed where it
leads by more than so many standard errors" would have scored, beside the better of the two.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.defaults import read
from crossover.measure import measure
from crossover.methods.choosing import folds
from crossover.methods.effort import Meter, allowance
from crossover.methods.prompt.halving import RUNGS, Judge, Judged, halve, hold_against
from crossover.methods.prompt.population import Population
from crossover.methods.prompt.prompt_search import _FIXED, _labelled
from crossover.methods.start import begin
from crossover.metrics import get_metric
from crossover.model.allocation import keep_memory
from crossover.model.base import LanguageModel
from crossover.model.load import load_model
from crossover.task import Task, sample, unlabelled

RULES = (0.0, 0.5, 1.0, 1.5, 2.0)
_UNLABELLED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """One search: the fixed side's lead on shared rows, its standard error, and both sides' test scores."""

    lead: float
    error: float
    fixed: float
    near: float


def search(task: Task, model: LanguageModel, budget: int, seed: int) -> Sides:
    """Search as `prompt-search` does at effort 1, and read both sides on the test."""
    model.forget()
    spec, metric = task.spec, get_metric("accuracy")
    labelled, others = sample(task.train, budget, seed, spec.labels), unlabelled(task.train, seed, _UNLABELLED)
    meter, begun = Meter(model), begin(spec, None)
    bound = allowance(begun.bare, labelled, model, 1.0)
    order = [i for fold in folds(labelled, max(len(labelled) // RUNGS[0], 1), seed) for i in fold]
    judge = Judge(labelled, order, spec, metric, model, corrects=True)
    programs = Population(begun, labelled, spec, model, seed)
    alive, _ = halve(programs.fixed(), judge, meter, _FIXED * bound)
    fixed = max(alive, key=lambda one: one.key)
    _, tried = hold_against(fixed, programs.near(fixed.proposal), judge, meter, bound)
    rival = max(tried, key=lambda one: (len(one.prompts), one.key))

    def on_test(one: Judged) -> float:
        candidate = _labelled(one, labelled, others, spec, metric, model, corrects=True)
        results = measure(candidate, task.test, spec, metric, model).results
        return float(np.mean([result.score for result in results]))

    lead, error = judge.lead(fixed, rival)
    return Sides(lead=lead, error=error, fixed=on_test(fixed), near=on_test(rival))


def rules(found: Sequence[Sides]) -> None:
    """Print what each rule would have scored."""
    best = np.mean([max(one.fixed, one.near) for one in found])
    for errors in RULES:
        got = np.mean([one.fixed if one.lead > errors * one.error else one.near for one in found])
        print(f"fixed where it leads by more than {errors:g} standard errors: {got:.3f} (the better side {best:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", required=True)
    parser.add_argument("--budgets", nargs="+", type=int, default=[32, 128])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=150, help="test rows of a whole set")
    given = parser.parse_args()
    keep_memory()
    model = load_model("smollm2-135m", precision="auto")
    found = []
    for name in given.sets:
        task = read(name, given.rows)
        for seed in range(given.seeds):
            for budget in given.budgets:
                one = search(task, model, budget, seed)
                found.append(one)
                said = f"lead {one.lead:+.3f} ± {one.error:.3f}, test fixed {one.fixed:.3f}, neighbours {one.near:.3f}"
                print(f"{name:18} {budget:4} labels, seed {seed}: {said}", flush=True)
    rules(found)


if __name__ == "__main__":
    main()
