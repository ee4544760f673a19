"""`distill` beside its teacher: accuracy, prompt tokens, and how often the student says what the teacher says.

    CROSSOVER_BENCH_DATA=FOLDER python -m benchmarks.distilling --sets banking77-0 ag_news --budgets 32 64 --seeds 2

Sets are those of `benchmarks/defaults.py` (nothing is judged on them) and of `benchmarks/kinds.py`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import fmean

from benchmarks.defaults import COLUMNS, read
from benchmarks.kinds import SETS, task_of
from crossover.candidate import PromptProgram, predict
from crossover.methods import get_method
from crossover.methods.both.distill import choose_teacher
from crossover.methods.effort import allowance
from crossover.metrics import get_metric
from crossover.model.allocation import keep_memory
from crossover.model.load import load_model
from crossover.study.run import UNLABELLED
from crossover.task import Task, sample, unlabelled


def main() -> None:
    """Print a line for each set, budget and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["banking77-0", "banking77-1", "ag_news"])
    parser.add_argument("--budgets", nargs="+", type=int, default=[64])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--effort", type=float, default=1.0)
    given = parser.parse_args()
    keep_memory()
    model = load_model("smollm2-135m")
    for name in given.sets:
        task = _task(name, given.rows)
        for budget in given.budgets:
            shares = []
            for seed in range(given.seeds):
                labelled = sample(task.train, budget, seed, task.spec.labels)
                unseen = unlabelled(task.train, seed, UNLABELLED)
                metric, inputs = get_metric(task.spec.metric), [row.inputs for row in task.test]
                teacher, _ = choose_teacher(task.spec, labelled, unseen, model, metric, given.effort, seed)
                fitted = get_method("distill").fit(
                    task.spec, labelled, unseen, model=model, metric=metric, effort=given.effort, seed=seed
                )
                said = [predict(one, inputs, model) for one in (teacher, fitted.candidate)]
                scores = [
                    fmean(metric.score(p.answer or "", row, task.spec) for p, row in zip(one, task.test, strict=True))
                    for one in said
                ]
                tokens = [fmean(p.prompt_tokens for p in one) for one in said]
                same = fmean(a.answer == b.answer for a, b in zip(*said, strict=True))
                bound = allowance(PromptProgram.default(task.spec), labelled, model, given.effort)
                shares.append(scores[1] / max(scores[0], 1e-9))
                shown = "neighbours" if teacher.program.retrieval else "fixed demonstrations"
                print(
                    f"{name} {budget} labels, seed {seed}: teacher ({shown}) {scores[0]:.3f}, student {scores[1]:.3f}, "
                    f"{100 * shares[-1]:.0f}% with {100 * tokens[1] / tokens[0]:.0f}% of {tokens[0]:.0f} tokens; "
                    f"the same answer {100 * same:.0f}%; {fitted.tried[-1].settings['answers_of_teacher']} answers, "
                    f"{fitted.tried[-1].settings['steps']} steps, {fitted.seconds:.0f} s, "
                    f"{fitted.token_passes:,} token passes of {bound:,}",
                    flush=True,
                )
            print(f"{name} {budget}: {100 * fmean(shares):.0f}% of the teacher's score", flush=True)


def _task(name: str, rows: int) -> Task:
    if name.partition("-")[0] in COLUMNS and name not in SETS:
        return read(name, rows)
    with tempfile.TemporaryDirectory() as scratch:
        return task_of(name, rows, Path(scratch))


if __name__ == "__main__":
    main()
