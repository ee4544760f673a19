"""A study's run from plan to last cell: what makes a trial the same trial, what fits into time and memory, what is
told.
"""

from __future__ import annotations

__all__ = ["Models", "conduct", "digest", "programs", "trial_key"]

import hashlib
import json
import time
from collections.abc import Callable, Container, Mapping, Sequence
from statistics import fmean
from typing import Protocol

from crossover.candidate import PromptProgram
from crossover.methods import Method, Shape
from crossover.methods.prompt.zero_shot import UserPrompt
from crossover.metrics import Metric
from crossover.model.base import LanguageModel, ModelIdentity
from crossover.records import Probe, TaskSpec, TrialKey, TrialRecord
from crossover.study.cells import Cell, Plan
from crossover.study.late import late_probes, late_validation, unanswered
from crossover.study.outlook import look_ahead
from crossover.study.pace import Pace
from crossover.study.plan import fit_time
from crossover.study.race import Race
from crossover.study.room import Room
from crossover.study.run import Spent, Watcher, run_cells
from crossover.study.store import StudyStore
from crossover.study.validating import Validating
from crossover.task import Task


class PlanWatcher(Watcher, Protocol):
    """Told the plan, and then what happens."""

    def expected(self, seconds_of: Mapping[tuple[str, int], float]) -> None:
        """A trial of each (method, budget) will take about so long."""

    def plan(self, cells: Sequence[tuple[str, int, int]], seconds: float | None) -> None:
        """These (method, budget, seed) will run and take about so long."""


class Models(Protocol):
    """One model in several precisions, of which one at a time is in memory."""

    def at(self, precision: str) -> LanguageModel:
        """Return it in this precision; the one before is gone."""


def trial_key(method: Method, spec: TaskSpec, identity: ModelIdentity, effort: float) -> TrialKey:
    """Return a method's key with everything but budget and seed. A method without a model has no model's name in it."""
    if not method.needs:
        return TrialKey(method=method.name, budget=0, seed=0, model="", precision="", effort=effort)
    said: list[object] = [spec.instruction, sorted(spec.label_names.items())]
    if spec.kind != "classification":
        said += [spec.input_template, spec.schema, spec.answer_tokens]
    elif spec.input_template is not None:
        said.append(spec.input_template)
    said += method.wording(spec)
    if spec.constrain is not None:
        said += ["constrain", spec.constrain]
        if spec.constrain != "no":
            said.append(spec.schema)
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


def conduct(  # noqa: PLR0913  # a run has as many parts
    plans: Mapping[str, Plan],
    task: Task,
    store: StudyStore,
    models: Models,
    metric: Metric,
    watcher: PlanWatcher,
    *,
    effort: float,
    deadline: float | None,
    rooms: Mapping[str, Room] | None = None,
    race: bool = False,
    probes: Sequence[Probe] = (),
) -> None:
    """Run the cells that the store does not have, precision by precision.

    Args:
        plans: precision -> plan, in the order in which they run.
        task: the task.
        store: the study's.
        models: asked for a precision when its cells run, and not where nothing of it is left to run.
        metric: the study's.
        watcher: told what happens.
        effort: of each trial.
        deadline: `time.monotonic()`; what does not fit before it is left out and named. None: everything runs.
        race: whether arms that cannot win are stopped, the test unseen (`Race`).
        probes: the user's own, answered by what each trial leaves.
        rooms: precision -> what memory there is; where people set the bound, what does not fit is left out and named.
    """
    later = [cell for plan in list(plans.values())[1:] for cell in plan.cells]
    for place, (precision, plan) in enumerate(plans.items()):
        finished = store.finished()
        if all(cell.key in finished for cell in plan.cells) and not _asked_anew(plan, task, store, metric, probes):
            _announce(plan.cells, finished, {}, watcher)
            _name(plan, watcher)
            for cell in plan.cells:
                watcher.cell_finished(finished[cell.key])
        elif place and deadline is not None and time.monotonic() >= deadline:
            _out_of_time(plan, finished, watcher)
        else:
            stage = _Stage(task, store, metric, watcher, effort=effort, deadline=deadline, race=race, probes=probes)
            # No name here holds the model: it must be gone when the next one is loaded.
            stage.run(plan, models.at(precision), rooms[precision] if rooms else None, () if place else later)


def _asked_anew(plan: Plan, task: Task, store: StudyStore, metric: Metric, probes: Sequence[Probe]) -> bool:
    """Return whether something is to be asked of what finished trials left: probes, validation rows."""
    finished, answered, rated = store.finished(), late_probes(store), late_validation(store)
    validating = Validating(task, metric)
    there = [(cell, finished[cell.key]) for cell in plan.cells if cell.key in finished]
    return any(
        unanswered(record, probes, answered) or validating.lacking(cell, record, rated) for cell, record in there
    )


class _Stage:
    """The cells of one precision, from planning to the last."""

    def __init__(
        self,
        task: Task,
        store: StudyStore,
        metric: Metric,
        watcher: PlanWatcher,
        *,
        effort: float,
        deadline: float | None,
        race: bool,
        probes: Sequence[Probe],
    ) -> None:
        self._probes = probes
        self._task, self._store, self._metric, self._watcher = task, store, metric, watcher
        self._effort, self._deadline, self._race = effort, deadline, race

    def run(self, plan: Plan, model: LanguageModel, room: Room | None, later: Sequence[Cell]) -> None:
        """Work out what the cells take, say what will run, run it. `later` cells are announced with the first."""
        finished = self._store.finished()
        ahead = look_ahead(plan, self._task, model, room, finished=finished, probes=self._probes)
        plan, crowded, shape, pace = ahead.plan, ahead.crowded, ahead.shape, ahead.pace
        passes_of: dict[tuple[str, int], int] = {}
        of_arm: dict[tuple[str, int], list[float]] = {}
        for cell in (*plan.cells, *later):
            cost = cell.method.cost(shape, cell.key.budget, self._effort)
            of_arm.setdefault(cell.arm, []).append(pace.seconds(cell, shape))
            passes_of[cell.arm] = round(cost.read + cost.written + 3 * cost.trained)
        seconds_of = {arm: fmean(seconds) for arm, seconds in of_arm.items()}

        race = Race(plan.cells) if self._race else None

        def run(cells: Sequence[Cell]) -> Spent:
            return run_cells(
                cells,
                self._task,
                self._store,
                model,
                self._metric,
                self._watcher,
                seconds_of=seconds_of,
                passes_of=passes_of,
                race=race,
                probes=self._probes,
            )

        if self._deadline is None:
            _announce((*plan.cells, *later), finished, seconds_of, self._watcher, once=ahead.once)
            _name(Plan(cells=(), left_out=(*crowded, *plan.left_out)), self._watcher)
            run(plan.cells)
            return
        left = self._deadline - time.monotonic() - ahead.once
        kept = fit_time(plan, pace, shape, left, done=frozenset(finished))
        _announce(kept.cells, finished, seconds_of, self._watcher, once=ahead.once)
        _name(Plan(cells=(), left_out=tuple(crowded)), self._watcher)
        self._run_what_fits(plan, kept, pace, shape, self._deadline, run)

    def _run_what_fits(
        self,
        plan: Plan,
        kept: Plan,
        pace: Pace,
        shape: Shape,
        deadline: float,
        run: Callable[[Sequence[Cell]], Spent],
    ) -> None:
        """Run arm after arm, the most important first, and plan anew after each: an estimate is only an estimate."""
        finished: frozenset[TrialKey] = frozenset()
        spent = Spent()
        while True:
            waiting = [cell for cell in kept.cells if cell.key not in finished]
            if not waiting:
                break
            arm = [cell for cell in waiting if cell.arm == waiting[0].arm]
            taken = run(arm)
            spent = spent.plus(taken.expected, taken.taken)
            # What a race has stopped is done with, too.
            finished |= {*self._store.finished(), *(cell.key for cell in arm)}
            kept = fit_time(plan, pace.slowed(spent.ratio), shape, deadline - time.monotonic(), done=finished)
        _name(kept, self._watcher)


def _announce(
    cells: Sequence[Cell],
    finished: Container[TrialKey],
    seconds_of: Mapping[tuple[str, int], float],
    watcher: PlanWatcher,
    *,
    once: float = 0.0,
) -> None:
    watcher.expected({(c.label, c.key.budget): seconds_of[c.arm] for c in cells if c.arm in seconds_of})
    watcher.plan(
        [(cell.label, cell.key.budget, cell.key.seed) for cell in cells],
        once + sum(seconds_of[cell.arm] for cell in cells if cell.key not in finished),
    )


def _name(plan: Plan, watcher: Watcher) -> None:
    for left in plan.left_out:
        watcher.left_out(left.method, left.budget, left.reason)


def _out_of_time(plan: Plan, finished: Mapping[TrialKey, TrialRecord], watcher: PlanWatcher) -> None:
    """Show what is there, name what is not: for another precision no time is left."""
    there = [cell for cell in plan.cells if cell.key in finished]
    _announce(there, finished, {}, watcher)
    for cell in there:
        watcher.cell_finished(finished[cell.key])
    for label, budget in dict.fromkeys((c.label, c.key.budget) for c in plan.cells if c.key not in finished):
        watcher.left_out(label, budget, "no time is left of the time limit")
