"""`few-shot`: the same solved examples in every prompt, chosen among a few seeded draws."""

from __future__ import annotations

__all__ = ["FewShot", "random_draws"]

import random
from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import folds
from crossover.methods.shown import DRAWS, Draw, choose_shown, judged_by, shown_cost
from crossover.methods.start import PROMPTED, begin
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import KINDS, Example, Family, Inputs, Kind, TaskSpec


class FewShot(Method):
    """Up to 8 demonstrations, labels spread evenly. Draws compete on labelled rows that are not among them."""

    name: ClassVar[str] = "few-shot"
    family: ClassVar[Family] = "prompt"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score"})
    min_budget: ClassVar[int] = 2
    is_core: ClassVar[bool] = True
    goes_on_from: ClassVar[tuple[Family, ...]] = PROMPTED
    summary: ClassVar[str] = "up to 8 fixed demonstrations, the best of a few draws"

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
        """Let seeded draws compete."""
        if model is None:
            raise TrialError("few-shot needs a language model")
        n = round(DRAWS * max(effort, 1))
        return choose_shown(
            lambda most: random_draws(labelled, most, n, seed),
            begin(spec, start),
            labelled,
            unlabelled,
            spec,
            model,
            metric,
            effort,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Each draw once, the first in both layouts, and the winner once more."""
        return shown_cost(shape, budget, round(DRAWS * max(effort, 1)))


def random_draws(labelled: Sequence[Example], most: int, n: int, seed: int) -> list[Draw]:
    """Return draws of up to `most` demonstrations, never more than half of the labels."""
    k = min(most, max(len(labelled) // 2, 1))
    draws = []
    for draw in range(n):
        generator = random.Random(f"crossover.few-shot/{seed}/{draw}")
        parts = folds(labelled, max(len(labelled) // k, 1), seed * 1000 + draw)
        shown = max(reversed(parts), key=len)[:k]
        generator.shuffle(shown)
        draws.append(judged_by(len(labelled), shown, generator))
    return draws
