"""What a study will take before it runs: time, memory, calls, energy and money."""

from __future__ import annotations

__all__ = ["ESTIMATE_SCHEMA", "Estimated", "estimate"]

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crossover.api.economics import check_stated
from crossover.api.preparing import prepare
from crossover.listener import Listener, Silent
from crossover.measure import WATTS_A_CORE
from crossover.model.catalog import DEFAULT_MODEL
from crossover.model.hardware import allowed_cores
from crossover.records import Prices, TrialKey
from crossover.study import Estimate, StudyKey, StudyStore, at_precisions, estimate_plans
from crossover.task import Task

ESTIMATE_SCHEMA = "crossover.estimate/1"
_JOULES_A_KWH = 3.6e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """What a study will take, and what that costs.

    Attributes:
        estimate: arm by arm.
        kwh: of what runs, at a stated wattage of all cores that this process may use; None where a GPU computes.
        money: of what runs: the machine's hours and the energy; None where nobody said what one of them costs.
        prices: what was stated.
        looked_seconds: what this estimate took itself.
        name, kind, model, precisions, n_test: what it is about.
    """

    estimate: Estimate
    kwh: float | None
    money: float | None
    prices: Prices
    looked_seconds: float
    name: str
    kind: str
    model: str
    precisions: tuple[str, ...]
    n_test: int

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON values, schema crossover.estimate/1; keys are only ever added.

        {"schema", "task": {"name", "kind", "n_test"}, "model", "precisions", "time_limit", "seconds", "kept_seconds",
        "either_way_seconds", "peak_memory_mb", "calls", "kwh", "energy_source": "estimated", "money", "prices",
        "looked_seconds", "arms": [{"method", "budget", "precision", "seeds", "kept", "fit_seconds", "test_seconds",
        "test_either_way", "validation_seconds", "trial_seconds", "peak_memory_mb", "needed_mb", "prompt_tokens",
        "token_passes", "calls"}],
        "left_out": [{"method", "budget", "reason"}]}
        """
        found = self.estimate
        return {
            "schema": ESTIMATE_SCHEMA,
            "task": {"name": self.name, "kind": self.kind, "n_test": self.n_test},
            "model": self.model,
            "precisions": list(self.precisions),
            "time_limit": found.time_limit,
            "seconds": round(found.seconds, 3),
            "kept_seconds": round(found.kept_seconds, 3),
            "either_way_seconds": round(found.either_way, 3),
            "peak_memory_mb": None if found.peak_memory_mb is None else round(found.peak_memory_mb, 1),
            "calls": sum(arm.calls for arm in found.arms),
            "kwh": self.kwh,
            "energy_source": None if self.kwh is None else "estimated",
            "money": self.money,
            "prices": asdict(self.prices),
            "looked_seconds": round(self.looked_seconds, 3),
            "arms": [_rounded(asdict(arm)) for arm in found.arms],
            "left_out": [asdict(left) for left in found.left_out],
        }


def estimate(  # noqa: PLR0913  # as many as `compare` has
    task: Task | Path | str,
    *,
    model: str = DEFAULT_MODEL,
    methods: Sequence[str] | None = None,
    budgets: Sequence[int] | None = None,
    seeds: int = 3,
    effort: float = 1.0,
    precision: str | Sequence[str] = "auto",
    time_limit: float | None = None,
    memory: int | None = None,
    prompts: Sequence[Path | str] = (),
    predictions: Sequence[Path | str] = (),
    probes: Sequence[Path | str] = (),
    race: bool = False,
    reflector: str | None = None,
    constrain: str | None = None,
    margin: float | None = None,
    prices: Prices | None = None,
    calls_per_month: float | None = None,
    study: Path | str | None = None,
    listener: Listener | None = None,
) -> Estimated:
    """Say what `compare` with the same arguments would take on this machine; no study is made and no trial runs.

    The model is loaded, and fetched where it is not here, and a few passes measure its pace: seconds. A race may stop
    arms by their scores, which nobody knows before: it is left out, and takes less.

    Args:
        task, model, methods, budgets, seeds, effort, precision, time_limit, memory, prompts, predictions, probes,
        reflector, constrain, prices, listener: as for `compare`.
        race, margin, calls_per_month: for the run, so that it takes the same arguments: they change nothing here.
        study: a study that would go on: its finished trials take nothing. A folder that is not there is a new one.

    Raises:
        UserError: as `compare` would.
    """
    start = time.monotonic()
    check_stated(prices, calls_per_month)
    ready = prepare(
        task,
        model=model,
        methods=methods,
        budgets=budgets,
        seeds=seeds,
        effort=effort,
        precision=precision,
        time_limit=time_limit,
        memory=memory,
        prompts=prompts,
        predictions=predictions,
        probes=probes,
        reflector=reflector,
        constrain=constrain,
        margin=margin,
        listener=listener or Silent(),
    )
    key = StudyKey(
        data_sha256=ready.task.info.data_sha256, model=ready.identity.name, model_sha256=ready.identity.sha256
    )
    finished: frozenset[TrialKey] = frozenset()
    if study is not None and Path(study).is_dir():
        store = StudyStore.open(Path(study))
        store.check(key)
        finished = frozenset(store.finished())
    found = estimate_plans(
        at_precisions(ready.plan, ready.precisions),
        ready.task,
        ready.models,
        rooms=ready.rooms,
        time_limit=ready.time_limit,
        finished=finished,
        probes=ready.probes,
    )
    stated = prices or Prices()
    kwh = None
    if ready.identity.device == "cpu":
        kwh = found.kept_seconds * WATTS_A_CORE * allowed_cores() / _JOULES_A_KWH
    return Estimated(
        estimate=found,
        kwh=kwh,
        money=_money(found.kept_seconds, kwh, stated),
        prices=stated,
        looked_seconds=time.monotonic() - start,
        name=ready.task.spec.name,
        kind=ready.task.spec.kind,
        model=ready.identity.name,
        precisions=ready.precisions,
        n_test=len(ready.task.test),
    )


def _money(seconds: float, kwh: float | None, prices: Prices) -> float | None:
    if prices.machine_hour is None and prices.kwh is None:
        return None
    if prices.kwh is not None and kwh is None:
        return None
    return seconds / 3600 * (prices.machine_hour or 0.0) + (kwh or 0.0) * (prices.kwh or 0.0)


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}
