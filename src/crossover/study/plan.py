"""Which trials a study runs, in which order, and how long they take."""

from __future__ import annotations

__all__ = [
    "at_precisions",
    "check_budgets",
    "default_budgets",
    "fit_time",
    "make_plan",
]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from crossover.errors import OptionError
from crossover.methods import Method, Shape, default_methods, get_method
from crossover.model.base import Capability
from crossover.records import LeftOut, TaskSpec, TrialKey
from crossover.study.cells import VALIDATION_ROWS, WRITTEN_VALIDATION_ROWS, Cell, Plan, Validated
from crossover.study.pace import Pace
from crossover.task.sample import FEWEST_VALIDATION

_CORE = 2
"""The place of the core methods at the largest budget in the order of `fit_time`."""


def default_budgets(n_train: int, n_labels: int) -> tuple[int, ...]:
    """Return budgets when the user named none: 0, a few, and as many as a laptop's study takes.

    The largest is 64, or 4 for each label where there are many labels, within the training rows.
    """
    largest = min(max(64, 4 * n_labels), n_train)
    smallest = max(16, n_labels)
    return (0, largest) if smallest >= largest else (0, smallest, largest)


def check_budgets(budgets: Sequence[int], n_train: int) -> None:
    """Check that the training rows are enough.

    Raises:
        OptionError: they are not.
    """
    for budget in budgets:
        if not 0 <= budget <= n_train:
            raise OptionError(
                f"budget {budget:,} is not possible: there are {n_train:,} labelled training rows.",
                f"allowed: 0 to {n_train:,}; --budgets takes numbers with commas between",
            )


def make_plan(
    methods: Sequence[Method],
    budgets: Sequence[int],
    seeds: int,
    spec: TaskSpec,
    capabilities: frozenset[Capability],
    *,
    n_train: int,
    n_inputs: int,
    asked: frozenset[str],
    keys: Mapping[str, TrialKey],
    unavailable: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """Return the cells of a study.

    The largest budget comes first, where the decision is made, then 0, then the others; inside a budget seed by seed,
    so that an interrupted study has something to say. At budget 0 a frozen model with a fixed prompt has nothing to
    draw: one seed.

    Args:
        methods: methods in the order of the tables.
        budgets: label budgets.
        seeds: how many seeds.
        spec: the task.
        capabilities: what the model can do.
        n_train: labelled training rows.
        n_inputs: training rows, labelled or not.
        asked: methods that the user named: one that cannot serve any budget is an error.
        keys: method name -> a key with everything but budget and seed.
        unavailable: precision -> why the model cannot be loaded in it here.

    Raises:
        OptionError: a budget is larger than the training rows, or a method that was asked for cannot serve.
    """
    check_budgets(budgets, n_train)
    cells: list[Cell] = []
    left_out: list[LeftOut] = []

    def reason_against(method: Method, budget: int) -> str | None:
        left = n_inputs - budget
        if budget and left < method.min_unlabelled:
            return (
                f"{method.name} needs {method.min_unlabelled} training inputs without a label in the budget, "
                f"at {budget:,} labels there are {left:,}"
            )
        if (why := unavailable.get(method.precision or "")) is not None:
            return f"{method.name} needs the model in {method.precision}: {why}"
        return method.unsuitable(spec, budget, capabilities)

    for method in methods:
        reasons = {budget: reason_against(method, budget) for budget in budgets}
        refused = [(budget, reason) for budget, reason in reasons.items() if reason is not None]
        if len(refused) == len(budgets):
            if method.name in asked:
                another = any(reason_against(method, budget) is None for budget in range(n_train + 1))
                raise OptionError(
                    f"{refused[-1][1]}.",
                    *([f"budgets asked for: {', '.join(map(str, budgets))}"] if another else []),
                    f"methods that can: {', '.join(_able(spec, budgets, capabilities)) or 'none'}",
                    "leave it out of --methods" + ", or add a budget" * another,
                )
            left_out.append(LeftOut(method=method.name, budget=refused[-1][0], reason=refused[-1][1]))
    largest = max(budgets)
    ordered = sorted(set(budgets), key=lambda b: (b != largest, b != 0, -b))
    for budget in ordered:
        for seed in range(seeds if budget else 1):
            validated = _validated(budget, largest, range(seeds) if not budget else (seed,), spec, n_train)
            cells += [
                Cell(
                    key=replace(keys[method.name], budget=budget, seed=seed),
                    method=method,
                    label=method.name,
                    validated=None if method.family == "baseline" else validated,
                )
                for method in methods
                if reason_against(method, budget) is None
            ]
    return Plan(cells=tuple(cells), left_out=tuple(left_out))


def _validated(budget: int, largest: int, seeds: Sequence[int], spec: TaskSpec, n_train: int) -> Validated | None:
    """Return which validation rows the trials of a budget answer: at the largest families nominate, and what uses no
    labels is compared with what is fitted there, on the rows of all seeds.
    """
    if budget not in (0, largest):
        return None
    wanted = VALIDATION_ROWS if spec.labels else WRITTEN_VALIDATION_ROWS
    size = min(wanted, (n_train - largest) // 2)
    return Validated(budget=largest, seeds=tuple(seeds), n=size * len(seeds)) if size >= FEWEST_VALIDATION else None


def _able(spec: TaskSpec, budgets: Sequence[int], capabilities: frozenset[Capability]) -> list[str]:
    """Return the methods that run unasked and can serve one of the budgets."""
    able = map(get_method, default_methods(spec.kind))
    return [m.name for m in able if any(m.unsuitable(spec, budget, capabilities) is None for budget in budgets)]


def at_precisions(plan: Plan, precisions: Sequence[str]) -> dict[str, Plan]:
    """Return precision -> plan, in the order in which they run: one model is in memory at a time.

    The first is what the verdict is about; it also has the cells that need no model, which run once. A method with a
    precision of its own runs in that one alone, after the others where nobody asked for it.
    """
    own = [cell.method.precision for cell in plan.cells if cell.method.precision is not None]
    plans: dict[str, Plan] = {}
    for precision in dict.fromkeys((*precisions, *own)):
        cells = []
        for cell in plan.cells:
            key = replace(cell.key, precision=precision)
            if not cell.method.needs:
                if not plans:
                    cells.append(cell)
            elif cell.method.precision == precision:
                cells.append(replace(cell, key=key))
            elif cell.method.precision is None and precision in precisions:
                label = cell.label if len(precisions) == 1 else f"{cell.label} · {precision}"
                cells.append(replace(cell, key=key, label=label))
        plans[precision] = Plan(cells=tuple(cells), left_out=() if plans else plan.left_out)
    return plans


def fit_time(plan: Plan, pace: Pace, shape: Shape, seconds: float, *, done: frozenset[TrialKey] = frozenset()) -> Plan:
    """Return the part of a plan that fits into `seconds`, the most important arms first, and what was left out.

    An arm (method × budget) is kept whole or not at all: half its seeds would decide nothing. First come baselines,
    then budget 0, then the core methods at the largest budget (without one on either side there is nothing to
    compare), then the others there, the cheapest first, then the other budgets. Cells that are `done` take no time.

    Where the core methods do not fit with all their seeds, they run with the first ones, each method's in turn: one
    seed on either side shows more than nothing, and the verdict says that it decides nothing.
    """
    arms: dict[tuple[str, int], list[Cell]] = {}
    for cell in plan.cells:
        arms.setdefault(cell.arm, []).append(cell)
    largest = max((budget for _, budget in arms), default=0)

    def seconds_of(cell: Cell) -> float:
        if cell.key in done:
            return 0.0
        return pace.seconds(cell, shape)

    cost = {arm: sum(map(seconds_of, cells)) for arm, cells in arms.items()}

    def rank(arm: tuple[str, int]) -> tuple[int, float]:
        method = arms[arm][0].method
        is_core = method.is_core and arm[1] == largest
        places = (method.family == "baseline", arm[1] == 0, is_core, arm[1] == largest, True)
        # The dearer core method goes first: what it leaves is enough for the other, seldom the other way round.
        return (places.index(True), -cost[arm] if is_core else cost[arm])

    cells: list[Cell] = []
    left = seconds
    left_out = list(plan.left_out)
    ordered = sorted(arms, key=rank)
    core = [arm for arm in ordered if rank(arm)[0] == _CORE]
    before = sum(cost[arm] for arm in ordered if rank(arm)[0] < _CORE)
    in_turn = sum(cost[arm] for arm in core) > max(left - before, 0.0)
    for arm in ordered:
        if in_turn and core and arm == core[0]:
            taken, out = _seeds_in_turn([arms[one] for one in core], seconds_of, max(left, 0.0))
            cells += taken
            left -= sum(map(seconds_of, taken))
            left_out += out
        if in_turn and arm in core:
            continue
        # What is done already costs nothing, also when the time is over.
        if cost[arm] <= max(left, 0.0):
            cells += arms[arm]
            left -= cost[arm]
        else:
            reason = f"about {cost[arm]:.0f} s, {max(left, 0):.0f} s left of the time limit"
            left_out.append(LeftOut(method=arms[arm][0].label, budget=arm[1], reason=reason))
    return Plan(cells=tuple(cells), left_out=tuple(left_out))


def _seeds_in_turn(
    arms: Sequence[Sequence[Cell]], seconds_of: Callable[[Cell], float], seconds: float
) -> tuple[list[Cell], list[LeftOut]]:
    """Return the cells that fit, every arm's first seed before any second one, arm by arm; and what does not."""
    kept: list[list[Cell]] = [[] for _ in arms]
    left = seconds
    for seed in range(max(map(len, arms))):
        for arm, mine in zip(arms, kept, strict=True):
            if len(mine) == seed < len(arm) and seconds_of(arm[seed]) <= left:
                mine.append(arm[seed])
                left -= seconds_of(arm[seed])
    left_out = []
    for arm, mine in zip(arms, kept, strict=True):
        rest = arm[len(mine) :]
        if rest:
            some = f"{len(rest)} of {len(arm)} seeds, " if mine else ""
            reason = f"{some}about {sum(map(seconds_of, rest)):.0f} s, {max(left, 0):.0f} s left of the time limit"
            left_out.append(LeftOut(method=arm[0].label, budget=arm[0].key.budget, reason=reason))
    return [cell for mine in kept for cell in mine], left_out
