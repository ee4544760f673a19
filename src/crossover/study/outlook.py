"""What is known of a plan before its first trial: the rows' lengths, this machine's pace, what fits into memory."""

from __future__ import annotations

__all__ = ["Outlook", "look_ahead"]

from collections.abc import Container, Sequence
from dataclasses import dataclass

from crossover.methods import Shape
from crossover.model.base import LanguageModel
from crossover.model.sizes import Sizes
from crossover.records import Example, LeftOut, Probe, TrialKey
from crossover.study.cells import Plan
from crossover.study.pace import Pace
from crossover.study.room import Room, fit_memory
from crossover.study.shape import measure_pace, task_shape
from crossover.task import Task, sample

_SAMPLE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a plan of one precision looks like on this machine.

    Attributes:
        plan: what fits into the memory that people allow.
        crowded: what does not.
        shape: the task's lengths.
        sizes: how much the model computes at once; None where the model chooses.
        pace: this machine's, with this model.
        once: seconds that are taken once for all trials that are not finished.
    """

    plan: Plan
    crowded: Sequence[LeftOut]
    shape: Shape
    sizes: Sizes | None
    pace: Pace
    once: float = 0.0


def look_ahead(
    plan: Plan,
    task: Task,
    model: LanguageModel,
    room: Room | None,
    *,
    finished: Container[TrialKey],
    probes: Sequence[Probe] = (),
) -> Outlook:
    """Measure lengths and pace, and bound the model's passes by the room: a few seconds.

    Args:
        plan: the cells of the model's precision.
        task: the task.
        model: loaded in this precision; its passes are made smaller where the room asks for it.
        room: what memory there is; None: passes stay as they are.
        finished: what the study has already.
        probes: what every trial is asked beside the task.
    """
    rows = sample(task.train, min(_SAMPLE, len(task.train)), 0, task.spec.labels)
    shape = task_shape(task.spec, rows, len(task.test), model, longest=_longest(task), probes=probes)
    crowded: Sequence[LeftOut] = ()
    sizes = None
    if room is not None:
        if room.asked:
            plan, crowded = fit_memory(plan, room, shape, done=finished)
        sizes = room.sizes(plan, shape)
        model.resize(sizes)
    trains = any("train" in cell.method.needs for cell in plan.cells if cell.key not in finished)
    pace = measure_pace(task.spec, rows, model, trains=trains)
    # Where a trial has finished, the base model has written its text and answered the probes.
    begun = any(cell.key in finished for cell in plan.cells if cell.method.needs)
    once = 0.0 if begun else pace.once(plan.cells, shape)
    return Outlook(plan=plan, crowded=crowded, shape=shape, sizes=sizes, pace=pace, once=once)


def _longest(task: Task) -> Example:
    """Return the row with the most input text, training or test: lengths are planned with, nothing else is read."""
    return max((*task.train, *task.test), key=lambda row: sum(map(len, row.inputs.values())))
