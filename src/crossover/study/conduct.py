"""A study's run from plan to last cell: what makes a trial the same trial, what fits into the time, what is told."""

from __future__ import annotations

__all__ = ["conduct", "digest", "programs", "trial_key"]

import hashlib
import json
import time
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Protocol

from crossover.candidate import PromptProgram
from crossover.methods import Method, Shape
from crossover.methods.prompt.zero_shot import UserPrompt
from crossover.metrics import Metric
from crossover.model.base import LanguageModel, ModelIdentity
from crossover.records import TaskSpec, TrialKey
from crossover.study.plan import Cell, Pace, Plan, fit_time
from crossover.study.run import Spent, Watcher, run_cells
from crossover.study.shape import measure_pace, task_shape
from crossover.study.store import StudyStore
from crossover.task import Task, unlabelled

_SAMPLE = 64


class PlanWatcher(Watcher, Protocol):
    """Told the plan, and then what happens."""

    def plan(self, cells: Sequence[tuple[str, int, int]], seconds: float | None) -> None:
        """These (method, budget, seed) will run and take about so long."""


def trial_key(method: Method, spec: TaskSpec, identity: ModelIdentity, effort: float) -> TrialKey:
    """Return a method's key with everything but budget and seed. A method without a model has no model's name in it."""
    if not method.needs:
        return TrialKey(method=method.name, budget=0, seed=0, model="", precision="", effort=effort)
    said: list[object] = [spec.instruction, sorted(spec.label_names.items())]
    if isinstance(method, UserPrompt):
        said.append(method.program(spec).template)
    return TrialKey(
        method=method.name,
        budget=0,
        seed=0,
        model=identity.name,
        precision=identity.precision,
        effort=effort,
        wording=digest(said),
    )


def programs(methods: Sequence[Method], spec: TaskSpec) -> dict[str, PromptProgram]:
    """Return what is said to the model without demonstrations: the default program and the user's own prompts."""
    own = {method.name: method.program(spec) for method in methods if isinstance(method, UserPrompt)}
    return {"default": PromptProgram.default(spec), **own}


def digest(value: object) -> str:
    """Return a short digest of JSON values."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]


def conduct(
    plan: Plan,
    task: Task,
    store: StudyStore,
    model: LanguageModel,
    metric: Metric,
    watcher: PlanWatcher,
    *,
    effort: float,
    deadline: float | None,
) -> None:
    """Run the plan's cells that the store does not have, as far as they fit before `deadline` (`time.monotonic()`)."""
    finished = store.finished()

    def run(cells: Sequence[Cell]) -> Spent:
        return run_cells(cells, task, store, model, metric, watcher, seconds_of=seconds_of, passes_of=passes_of)

    seconds_of: dict[tuple[str, int], float] = {}
    passes_of: dict[tuple[str, int], int] = {}
    if any(cell.key not in finished for cell in plan.cells):
        inputs = unlabelled(task.train, 0, _SAMPLE)
        shape = task_shape(task.spec, inputs, len(task.test), model)
        pace = measure_pace(task.spec, inputs, model)
        for cell in plan.cells:
            arm = (cell.method.name, cell.key.budget)
            cost = cell.method.cost(shape, cell.key.budget, effort)
            seconds_of[arm] = pace.seconds(cell.method, shape, cell.key.budget, effort)
            passes_of[arm] = round(cost.read + 3 * cost.trained)
        if deadline is not None:
            kept = fit_time(plan, pace, shape, deadline - time.monotonic(), done=frozenset(finished))
            _announce(kept, finished, seconds_of, watcher)
            _run_what_fits(plan, kept, pace, shape, deadline, run, watcher, store)
            return
    _announce(plan, finished, seconds_of, watcher)
    for left in plan.left_out:
        watcher.left_out(left.method, left.budget, left.reason)
    run(plan.cells)


def _announce(
    plan: Plan, finished: Container[TrialKey], seconds_of: Mapping[tuple[str, int], float], watcher: PlanWatcher
) -> None:
    todo = [cell.key for cell in plan.cells if cell.key not in finished]
    watcher.plan(
        [(cell.key.method, cell.key.budget, cell.key.seed) for cell in plan.cells],
        sum(seconds_of[key.method, key.budget] for key in todo),
    )


def _run_what_fits(
    plan: Plan,
    kept: Plan,
    pace: Pace,
    shape: Shape,
    deadline: float,
    run: Callable[[Sequence[Cell]], Spent],
    watcher: PlanWatcher,
    store: StudyStore,
) -> None:
    """Run arm after arm, the most important first, and plan anew after each: an estimate is only an estimate."""
    finished: frozenset[TrialKey] = frozenset()
    spent = Spent()
    while True:
        waiting = [cell for cell in kept.cells if cell.key not in finished]
        if not waiting:
            break
        arm = (waiting[0].method.name, waiting[0].key.budget)
        taken = run([cell for cell in waiting if (cell.method.name, cell.key.budget) == arm])
        spent = spent.plus(taken.expected, taken.taken)
        finished = frozenset(store.finished())
        kept = fit_time(plan, pace.slowed(spent.ratio), shape, deadline - time.monotonic(), done=finished)
    for left in kept.left_out:
        watcher.left_out(left.method, left.budget, left.reason)
