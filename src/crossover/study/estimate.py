"""What a study will take, arm by arm, before its first trial runs: by the planner that the run itself uses."""

from __future__ import annotations

__all__ = ["ArmEstimate", "Estimate", "estimate_plans"]

import gc
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import psutil

from crossover.model.allocation import release_memory
from crossover.model.base import LanguageModel
from crossover.records import LeftOut, Probe, TrialKey
from crossover.study.cells import Cell, Plan
from crossover.study.conduct import Models
from crossover.study.outlook import Outlook, look_ahead
from crossover.study.plan import fit_time
from crossover.study.room import Room
from crossover.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmEstimate:
    """What a method will take at a label budget.

    Attributes:
        method: what it is called where people look: "lora", or "lora · nf4".
        budget: labels.
        precision: empty without a model.
        seeds: trials that are not in the study yet, and
        kept: how many of them run: fewer where the time limit ends before.
        fit_seconds: of one trial's fit.
        test_seconds: of its pass over the test; by `test_either_way` less or more, as the fit may find a short prompt
            or one with demonstrations for each input.
        validation_seconds: of its pass over the validation rows.
        trial_seconds: of one trial in all, on average: the first seed's is also edited, to see what that does.
        peak_memory_mb: highest resident memory, in MiB, as `Measurement.peak_memory_mb` has it.
        needed_mb: the least memory that it can do with, in MiB: what `--memory` is held against; None without a model.
        prompt_tokens: of one call.
        token_passes: of one trial, test and all: tokens read and written, and three times those trained on.
        calls: answers to test rows, of all seeds that run.
    """

    method: str
    budget: int
    precision: str
    seeds: int
    kept: int
    fit_seconds: float
    test_seconds: float
    test_either_way: float
    validation_seconds: float
    trial_seconds: float
    peak_memory_mb: float
    needed_mb: float | None
    prompt_tokens: int
    token_passes: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a study will take.

    Attributes:
        arms: in the order in which they begin.
        left_out: what is not run, and why: what no time or memory is left for, what cannot serve this task.
        seconds: of everything that was asked for and is not in the study yet.
        kept_seconds: of what runs within the time limit; `seconds` without one.
        either_way: how much less or more that may be, by which prompts are found.
        time_limit: seconds, or None.
    """

    arms: tuple[ArmEstimate, ...]
    left_out: tuple[LeftOut, ...]
    seconds: float
    kept_seconds: float
    either_way: float
    time_limit: float | None

    @property
    def peak_memory_mb(self) -> float | None:
        """The highest of all arms that run."""
        return max((arm.peak_memory_mb for arm in self.arms if arm.kept), default=None)


def estimate_plans(
    plans: Mapping[str, Plan],
    task: Task,
    models: Models,
    *,
    rooms: Mapping[str, Room],
    time_limit: float | None,
    finished: Container[TrialKey] = frozenset(),
    probes: Sequence[Probe] = (),
) -> Estimate:
    """Return what the plans will take on this machine: each precision is loaded and its pace measured.

    Args:
        plans: precision -> plan, in the order in which they run.
        task: the task.
        models: asked for each precision in turn.
        rooms: precision -> what memory there is.
        time_limit: seconds of the whole run, measuring the pace included; None: everything runs.
        finished: what the study has already: it takes nothing.
        probes: what every trial is asked beside the task.
    """
    arms: list[ArmEstimate] = []
    left_out: list[LeftOut] = []
    total = kept_total = 0.0
    for precision, plan in plans.items():
        if all(cell.key in finished for cell in plan.cells):
            left_out += plan.left_out
            continue
        start = time.monotonic()
        model = models.at(precision)
        ahead = look_ahead(plan, task, model, rooms[precision], finished=finished, probes=probes)
        looked = time.monotonic() - start + ahead.once
        kept = ahead.plan
        if time_limit is not None:
            done = frozenset(cell.key for cell in plan.cells if cell.key in finished)
            kept = fit_time(kept, ahead.pace, ahead.shape, max(time_limit - kept_total - looked, 0.0), done=done)
        found = _arms(ahead, kept, rooms[precision], len(task.test), _resident(model), finished)
        del model  # the next precision's is loaded when this one is gone
        arms += found
        total += looked + sum(arm.seeds * arm.trial_seconds for arm in found)
        kept_total += looked + sum(arm.kept * arm.trial_seconds for arm in found)
        left_out += [*ahead.crowded, *kept.left_out]
    return Estimate(
        arms=tuple(arms),
        left_out=tuple(left_out),
        seconds=total,
        kept_seconds=kept_total,
        either_way=sum(arm.kept * arm.test_either_way for arm in arms),
        time_limit=time_limit,
    )


_KEPT = 1.5
"""The allocator keeps what earlier trials had, and more than is asked for: on stored studies of the default model the
highest resident memory is .73 to .97 of what is resident at first and so many times the passes and the largest before
(docs/log.md, 2026-11-25)."""


def _arms(
    ahead: Outlook, kept: Plan, room: Room, n_test: int, resident: int, finished: Container[TrialKey]
) -> list[ArmEstimate]:
    """Return the arms of one precision that have a trial to run or to leave out."""
    running = {cell.key for cell in kept.cells}
    arms: dict[tuple[str, int], list[Cell]] = {}
    for cell in ahead.plan.cells:
        if cell.key not in finished:
            arms.setdefault(cell.arm, []).append(cell)
    working = {arm: _working(ahead, cells[0], room) for arm, cells in arms.items()}
    most = max(working.values(), default=0)
    return [
        _arm(
            ahead,
            cells,
            sum(cell.key in running for cell in cells),
            room,
            n_test,
            resident + _KEPT * (working[arm] + most),
        )
        for arm, cells in arms.items()
    ]


def _working(ahead: Outlook, cell: Cell, room: Room) -> int:
    return 0 if ahead.sizes is None else room.working(cell, ahead.shape, ahead.sizes)


def _arm(ahead: Outlook, cells: Sequence[Cell], kept: int, room: Room, n_test: int, peak: float) -> ArmEstimate:
    cell, shape = cells[0], ahead.shape
    budget, effort = cell.key.budget, cell.key.effort
    cost = cell.method.cost(shape, budget, effort)
    times = ahead.pace.times(cell, shape)
    shown = cost.added if cost.shown is None else cost.shown
    return ArmEstimate(
        method=cell.label,
        budget=budget,
        precision=cell.key.precision,
        seeds=len(cells),
        kept=kept,
        fit_seconds=times.fit,
        test_seconds=times.test,
        test_either_way=times.either_way,
        validation_seconds=times.validation,
        trial_seconds=fmean(ahead.pace.seconds(one, shape) for one in cells),
        peak_memory_mb=peak / 2**20,
        needed_mb=room.need(cell, shape) / 2**20 if cell.method.needs else None,
        prompt_tokens=shape.prefix + shape.row + shown if cell.method.needs else 0,
        token_passes=round(cost.read + cost.written + 3 * cost.trained),
        calls=kept * n_test,
    )


def _resident(model: LanguageModel) -> int:
    """Return what is resident with the model loaded, what is free given back."""
    model.forget(results=True)
    gc.collect()
    release_memory()
    return int(psutil.Process().memory_info().rss)
