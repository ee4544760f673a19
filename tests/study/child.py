"""What tests run in processes of their own, to kill them."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from crossover.candidate import Candidate
from crossover.cli import main
from crossover.listener import Silent
from crossover.methods import Cost, Fitted, Method, Shape, get_method
from crossover.metrics import Metric, get_metric
from crossover.model.base import LanguageModel
from crossover.model.tiny import tiny_model
from crossover.records import Example, Family, Inputs, TaskSpec
from crossover.study import StudyStore, make_plan, trial_key
from crossover.study.run import run_cells
from crossover.task import Task


def command(arguments: Sequence[str], out: Path, largest_file: int | None = None) -> None:
    """Run the command line; what it prints goes to two files."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(out / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
    if largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    sys.argv = ["crossover", *arguments]
    code: object = 1
    try:
        main()
    except SystemExit as error:
        code = error.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


class Poison(Method):
    """Ends its process."""

    name: ClassVar[str] = "poison"
    family: ClassVar[Family] = "prompt"
    summary: ClassVar[str] = "ends its process"

    def fit(
        self,
        spec: TaskSpec,
        labelled: Sequence[Example],
        unlabelled: Sequence[Inputs],
        *,
        model: LanguageModel | None,
        metric: Metric,
        effort: float,
        seed: int,
        start: Candidate | None = None,
    ) -> Fitted:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still here")

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        return Cost()


def poisoned(data: Path, folder: Path) -> None:
    """Run a study with a method that kills."""
    task, model = Task.from_file(data), tiny_model()
    methods = [Poison(), get_method("majority")]
    keys = {m.name: trial_key(m, task.spec, model.identity, 1.0) for m in methods}
    plan = make_plan(
        methods,
        [8],
        2,
        task.spec,
        model.capabilities,
        n_train=len(task.train),
        n_inputs=len(task.train),
        asked=frozenset(),
        keys=keys,
    )
    store = StudyStore.open(folder, create=True)
    with store.writing():
        metric = get_metric(task.spec.metric)
        run_cells(plan.cells, task, store, model, metric, Silent(), seconds_of={}, passes_of={})
