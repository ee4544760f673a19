"""What fits into a bound on memory (`--memory`): said before anything runs."""

from __future__ import annotations

__all__ = ["Room", "fit_memory", "free_rooms", "in_words", "resident_bytes", "rooms_for"]

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

import psutil
import torch

from crossover.errors import OptionError
from crossover.methods import Shape
from crossover.methods.effort import n_steps
from crossover.model.footprint import LEAST_HEAD_ROWS, Footprint
from crossover.model.hardware import memory_limit
from crossover.model.precision import device_name
from crossover.model.sizes import ON_GPU, Sizes
from crossover.records import LeftOut, TrialKey
from crossover.study.cells import Cell, Plan

_CUDA_BASE = 600_000_000
"""What CUDA and its libraries take of a GPU's memory before anything is computed, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A bound on memory and what is known to be taken of it, in bytes.

    Attributes:
        asked: whether people set the bound: what does not fit is then left out. Otherwise it is what is free now, and
            only how much is computed at once depends on it.
        largest: how much may be computed at once where there is memory enough.
        bound: of the process where models run on the processor, of the GPU's memory where there is one.
        base: what is taken before the model is loaded: Python, torch and the data.
        footprint: the model's.
    """

    bound: int
    base: int
    footprint: Footprint
    asked: bool = True
    largest: Sizes = field(default_factory=Sizes)

    @property
    def left(self) -> int:
        """Bytes beside the loaded model."""
        return self.bound - self.base - self.footprint.weights

    def need(self, cell: Cell, shape: Shape) -> int:
        """Return the least memory that a trial can do with, everything in it: passes of its longest prompt alone."""
        cost = cell.method.cost(shape, cell.key.budget, cell.key.effort)
        longest, prefix = shape.longest + cost.added, shape.prefix + cost.added
        working = self.footprint.reading(longest + shape.answer_tree, prefix, LEAST_HEAD_ROWS)
        if cost.trained:
            working = max(working, self.footprint.training(longest))
        if "train all weights" in cell.method.needs:
            working += self.footprint.all_trained
        return self.base + self.footprint.weights + working

    def working(self, cell: Cell, shape: Shape, sizes: Sizes) -> int:
        """Return the bytes that a trial's passes are likely to take of this process beside the loaded model.

        On a GPU they take the card's memory, and none here.
        """
        if not cell.method.needs or device_name() == "cuda":
            return 0
        cost = cell.method.cost(shape, cell.key.budget, cell.key.effort)
        longest, prefix = shape.longest + cost.added, shape.prefix + cost.added
        working = self.footprint.reading(max(sizes.pack_tokens, longest), prefix, sizes.head_rows)
        if cost.trained:
            a_step = cost.trained // max(n_steps(cell.key.budget, cell.key.effort), 1)
            working = max(working, self.footprint.training(max(min(sizes.train_tokens, a_step), longest)))
        if "train all weights" in cell.method.needs:
            working += self.footprint.all_trained
        return working

    def sizes(self, plan: Plan, shape: Shape) -> Sizes:
        """Return how much may be computed at once so that every trial of the plan keeps to the bound."""
        added = [c.method.cost(shape, c.key.budget, c.key.effort).added for c in plan.cells if c.method.needs]
        most = max(added, default=0)
        longest = shape.longest + most
        read = longest + shape.answer_tree
        return self.footprint.sizes(
            self.left, prefix=shape.prefix + most, read=read, trained=longest, largest=self.largest
        )


def rooms_for(
    bound: int, base: int, name: str, precisions: Sequence[str], footprints: Mapping[str, Footprint]
) -> dict[str, Room]:
    """Return the room in each precision that was asked for.

    Args:
        bound: bytes allowed in all.
        base: bytes taken before a model is loaded (`resident_bytes`).
        name: the model's.
        precisions: what was asked for.
        footprints: the model's in every precision that works here: the others are the way out.

    Raises:
        OptionError: the model alone does not fit; the message says in which precision it would.
    """
    rooms = {p: Room(bound=bound, base=base, footprint=footprints[p]) for p in precisions}
    least = {p: base + f.weights + f.layer for p, f in footprints.items()}
    for precision in precisions:
        needed = least[precision]
        if needed < bound:
            continue
        fitting = [f"{p} (about {in_words(n)})" for p, n in least.items() if n < bound]
        raise OptionError(
            f"--memory {in_words(bound)} is too little for {name} in {precision}: about {in_words(needed)} is taken "
            f"before anything is computed, {in_words(base)} of it by Python and its libraries.",
            f"allowed: more than {in_words(needed)}",
            "fits: --precision " + " or ".join(fitting) if fitting else "or take a smaller model: --model",
        )
    return rooms


def free_rooms(footprints: Mapping[str, Footprint], beside: int = 0) -> dict[str, Room]:
    """Return the room in each precision where nobody set a bound: nine tenths of what is free.

    Args:
        footprints: the model's, by precision.
        beside: bytes that another model will take.
    """
    base = resident_bytes()
    on_gpu = device_name() == "cuda"
    free = torch.cuda.mem_get_info()[0] if on_gpu else psutil.virtual_memory().available
    if not on_gpu and (limit := memory_limit()) is not None:  # a container's: what is free on its host is not ours
        free = min(free, max(limit - base, 0))
    return {
        p: Room(
            bound=base + free * 9 // 10,
            base=base + beside,
            footprint=f,
            asked=False,
            largest=ON_GPU if on_gpu else Sizes(),
        )
        for p, f in footprints.items()
    }


def fit_memory(plan: Plan, room: Room, shape: Shape, *, done: Container[TrialKey]) -> tuple[Plan, tuple[LeftOut, ...]]:
    """Return the cells of a plan that keep to the bound, and the arms that do not. What is done takes no memory."""
    reasons: dict[tuple[str, int], LeftOut] = {}
    cells = []
    for cell in plan.cells:
        if not cell.method.needs or cell.key in done or (needed := room.need(cell, shape)) <= room.bound:
            cells.append(cell)
            continue
        reason = f"needs about {in_words(needed)}, --memory allows {in_words(room.bound)}"
        reasons[cell.arm] = LeftOut(method=cell.label, budget=cell.key.budget, reason=reason)
    return Plan(cells=tuple(cells), left_out=plan.left_out), tuple(reasons.values())


def resident_bytes() -> int:
    """Return what is taken before a model is loaded: of this process, or of the GPU's memory."""
    return _CUDA_BASE if device_name() == "cuda" else int(psutil.Process().memory_info().rss)


def in_words(n_bytes: int) -> str:
    """Return "812 MB" or "3.4 GB": powers of ten."""
    return f"{n_bytes / 1e6:,.0f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:,.1f} GB"
