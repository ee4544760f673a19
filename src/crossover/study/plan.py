"""Which trials a study runs, in which order, and how long they take."""

from __future__ import annotations

__all__ = [
    "Cell",
    "LeftOut",
    "Pace",
    "Plan",
    "Times",
    "at_precisions",
    "check_budgets",
    "default_budgets",
    "fit_time",
    "make_plan",
]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from crossover.errors import OptionError
from crossover.measure import single_calls_seconds
from crossover.methods import Cost, Method, Shape, default_methods, get_method
from crossover.model.base import Capability
from crossover.records import TaskSpec, TrialKey

_CORE = 2
"""The place of the core methods at the largest budget in the order of `fit_time`."""

_FIXED_SECONDS = 0.3
"""What every trial takes besides tokens and single calls: putting an adapter on, keeping the candidate."""

_RETENTION_TOKENS = 5_400
"""What is kept of the base model is read off about 2,000 tokens of its own text and their prompts, twice, with the
whole vocabulary's probabilities at each: with a model of 135M parameters on 2 cores 1.5 to 3.6 s, the median 2.3."""

_WRITTEN_ALONE = 8
"""One answer at a time takes about so many times as long a token as many at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One trial to run. `label` is what its method is called where people look: "lora", or "lora · nf4"."""

    key: TrialKey
    method: Method
    label: str

    @property
    def arm(self) -> tuple[str, int]:
        """Method and budget: the seeds of an arm are planned together."""
        return (self.method.name, self.key.budget)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A method × budget that is not run, and why."""

    method: str
    budget: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Cells in the order in which they run, and what was left out."""

    cells: tuple[Cell, ...]
    left_out: tuple[LeftOut, ...] = ()


WRITTEN = 100.0
"""Tokens a second where nobody measured it: nothing of the plan writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Tokens a second on this machine; `written`: many answers at once. `call`: seconds of one short call alone."""

    read: float
    trained: float
    written: float = WRITTEN
    call: float = 0.05

    def slowed(self, by: float) -> Pace:
        """Return the pace of a machine on which everything takes `by` times as long."""
        return Pace(read=self.read / by, trained=self.trained / by, written=self.written / by, call=self.call * by)

    def seconds(self, method: Method, shape: Shape, budget: int, effort: float) -> float:
        """Return the seconds that a trial takes, about."""
        return self.times(method, shape, budget, effort).trial

    def times(self, method: Method, shape: Shape, budget: int, effort: float) -> Times:
        """Return what parts of a trial take, about."""
        if not method.needs:
            return Times()
        cost = method.cost(shape, budget, effort)
        fitting = method.cost(replace(shape, n_test=0), budget, effort)
        fit = self._tokens(fitting)
        test = max(self._tokens(cost) - fit, 0.0)
        if shape.freely:
            test += shape.n_test * (shape.row / self.read + shape.freely / self.written)
        alone = self.call + cost.each / self.read + shape.written * _WRITTEN_ALONE / self.written
        unsure = shape.n_test * cost.each / self.read if cost.each < cost.added else 0.0
        kept = _RETENTION_TOKENS / self.read if "train" in method.needs else 0.0
        return Times(fit=fit, test=test, rest=_FIXED_SECONDS + single_calls_seconds(alone) + kept, either_way=unsure)

    def _tokens(self, cost: Cost) -> float:
        return cost.read / self.read + cost.trained / self.trained + cost.written / self.written


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds of a trial's parts. What needs no language model takes next to nothing.

    Attributes:
        fit: the fit.
        test: the pass over the test.
        rest: single calls, keeping the candidate, and of what was trained how much of the base model it keeps.
        either_way: how much less or more the test may take by what the fit will find: a short prompt, or one with
            demonstrations for each input.
    """

    fit: float = 0.0
    test: float = 0.0
    rest: float = 0.0
    either_way: float = 0.0

    @property
    def trial(self) -> float:
        """All of it."""
        return self.fit + self.test + self.rest


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
    ordered = sorted(set(budgets), key=lambda b: (b != max(budgets), b != 0, -b))
    for budget in ordered:
        for seed in range(seeds if budget else 1):
            cells += [
                Cell(key=replace(keys[method.name], budget=budget, seed=seed), method=method, label=method.name)
                for method in methods
                if reason_against(method, budget) is None
            ]
    return Plan(cells=tuple(cells), left_out=tuple(left_out))


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
        return pace.seconds(cell.method, shape, cell.key.budget, cell.key.effort)

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
