"""`--race`: arms that cannot win are stopped, by validation or dev scores alone; the test is never looked at."""

from __future__ import annotations

__all__ = ["Race"]

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from crossover.methods.prompt.zero_shot import UserPrompt
from crossover.records import Family, TrialKey, TrialRecord
from crossover.stats import is_behind
from crossover.study.cells import Cell

_ALONE: tuple[Family, ...] = ("prompt", "weights")


class Race:
    """Says which cells need not run.

    A study's first budget is its largest, where each family nominates the arm with the best mean score on the
    validation rows; where there are none, the best mean dev score. By that score, after each seed there:

    - an arm stops that lies more than one standard error of a difference behind the best of its family (`is_behind`):
      it will not be nominated;
    - all arms of `both` stop when the best of them lies so far behind the better of prompt and weights: what costs
      more at every call is recommended only where it beats each alone.

    At the smaller budgets only each family's leader runs, that of `both` only where it is ahead of the other two: the
    crossover is read from the leaders' curves. The user's own prompts, baselines, arms without
    labels and arms without such a score always run. What is decided depends on records alone, so that a study that was
    interrupted goes on as if it had not been.
    """

    def __init__(self, cells: Iterable[Cell]) -> None:
        """Take all cells of one precision, in the order in which they will run."""
        self._family: dict[str, Family] = {}
        self._keys: dict[tuple[str, int], TrialKey] = {}
        self._rows = 0
        budgets = set()
        for cell in cells:
            if cell.method.family == "baseline" or not cell.key.budget:
                continue
            budgets.add(cell.key.budget)
            self._family[cell.method.name] = cell.method.family
            self._keys[(cell.method.name, cell.key.seed)] = cell.key
            self._rows = max(self._rows, cell.validated.n if cell.validated else 0)
        self._largest = max(budgets, default=0)
        self._seeds = 1 + max((seed for _, seed in self._keys), default=0)

    def reason_against(self, cell: Cell, finished: Mapping[TrialKey, TrialRecord]) -> str | None:
        """Return in one line why a cell need not run, or None when it must.

        Args:
            cell: the next one.
            finished: the trials of all cells before it that ran.
        """
        name, budget = cell.method.name, cell.key.budget
        if name not in self._family or not budget or isinstance(cell.method, UserPrompt):
            return None
        rounds = cell.key.seed if budget == self._largest else self._seeds
        by = self._by(finished)
        alive, reasons = self._after(rounds, finished, by)
        if name in reasons:
            return reasons[name]
        if budget == self._largest or name not in alive:
            return None
        rivals = [one for one in alive if self._family[one] == cell.method.family or cell.method.family == "both"]
        leader = max(rivals, key=lambda one: (alive[one], one == name))
        if name == leader:
            return None
        ahead = f"{by.word} {_two(alive[leader])}, not {_two(alive[name])}"
        return f"{leader} leads with {self._largest:,} labels: {ahead}"

    def _by(self, finished: Mapping[TrialKey, TrialRecord]) -> _By:
        """Return which score arms are compared by; where groups leave too few validation rows, it is the dev score."""
        keys = (replace(key, budget=self._largest) for key in self._keys.values())
        if self._rows and any(key in finished and finished[key].validation for key in keys):
            return _By(word="validation", rows=self._rows)
        return _By(word="dev", rows=self._largest)

    def _after(
        self, rounds: int, finished: Mapping[TrialKey, TrialRecord], by: _By
    ) -> tuple[dict[str, float], dict[str, str]]:
        """Return mean scores of what goes on after so many seeds at the largest budget, and why others stopped."""
        alive: dict[str, float] = {}
        reasons: dict[str, str] = {}
        for done in range(1, rounds + 1):
            running = [name for name in self._family if name not in reasons]
            scores = {name: self._scores(name, done, finished, by) for name in running}
            alive = {name: fmean(found) for name, found in scores.items() if len(found) == done}
            reasons |= self._stopped(alive, done, by)
            alive = {name: mean for name, mean in alive.items() if name not in reasons}
        return alive, reasons

    def _stopped(self, mean: Mapping[str, float], rounds: int, by: _By) -> dict[str, str]:
        n = by.rows * rounds
        leaders = {family: self._leader(mean, family) for family in (*_ALONE, "both")}
        alone = [leader for family in _ALONE if (leader := leaders[family]) is not None]
        best = max(alone, key=lambda name: mean[name]) if alone else None
        together = leaders["both"]
        behind = together is not None and best is not None and is_behind(mean[together], mean[best], n)
        reasons = {}
        for name, score in mean.items():
            rival = best if behind and self._family[name] == "both" else leaders[self._family[name]]
            if rival is not None and is_behind(score, mean[rival], n):
                seeds = f"{rounds} seed{'s' * (rounds != 1)}"
                reasons[name] = f"stopped after {seeds}: {by.word} {_two(score)}, {rival} has {_two(mean[rival])}"
        return reasons

    def _leader(self, mean: Mapping[str, float], family: Family) -> str | None:
        members: Sequence[str] = [name for name in mean if self._family[name] == family]
        return max(members, key=lambda name: mean[name]) if members else None

    def _scores(self, name: str, rounds: int, finished: Mapping[TrialKey, TrialRecord], by: _By) -> list[float]:
        """Return a method's scores with the first seeds."""
        found = []
        for seed in range(rounds):
            key = self._keys.get((name, seed))
            record = None if key is None else finished.get(replace(key, budget=self._largest))
            score = None if record is None else record.validation_score if by.word == "validation" else record.dev_score
            if score is not None:
                found.append(score)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _By:
    """Which score arms are compared by, and of how many rows a seed."""

    word: Literal["validation", "dev"]
    rows: int


def _two(score: float) -> str:
    return f"{score:.2f}".removeprefix("0")
