"""Methods one after the other: `prompt-search/lora` trains on the prompt that the search has found."""

from __future__ import annotations

__all__ = ["SEPARATOR", "Steps"]

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from crossover.candidate import Candidate
from crossover.errors import OptionError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import folds
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import KINDS, Configuration, Example, Family, Inputs, TaskSpec

SEPARATOR = "/"

_SHARES: dict[Family, int] = {"prompt": 1, "weights": 2, "both": 2, "baseline": 1}
"""How a sequence's effort is divided: training takes more of it than choosing."""

_HELD = 3
"""Every third label is kept out of a training step that is not the last: what comes after it chooses on them."""


class Steps(Method):
    """A method that fits others in sequence, each going on from what the one before left (BetterTogether, Soylu et al.
    2024, arXiv:2407.10930).

    The effort is divided among the steps. A training step that another one follows learns from two thirds of the
    labels; the step after it chooses on the last third. On rows that were trained on, every prompt looks right, and a
    dev score would be none.
    """

    def __init__(self, steps: Sequence[Method]) -> None:
        """Take the steps in order.

        Raises:
            OptionError: one cannot go on from the one before it.
        """
        self._steps = tuple(steps)
        for before, after in pairwise(self._steps):
            if before.family not in after.goes_on_from:
                follows = " or ".join(after.goes_on_from)
                cure = f"it goes on from {follows} methods" if follows else "it can only be the first step"
                raise OptionError(
                    f'"{after.name}" cannot go on from "{before.name}": {cure}.', "methods: crossover methods"
                )
        families = {step.family for step in self._steps}
        # Class attributes in all other methods: a sequence is put together when it is named.
        self.name = SEPARATOR.join(step.name for step in self._steps)  # type: ignore[misc]
        self.family = families.pop() if len(families) == 1 else "both"  # type: ignore[misc]
        self.kinds = tuple(kind for kind in KINDS if all(kind in step.kinds for step in self._steps))  # type: ignore[misc]
        self.needs = frozenset[Capability]().union(*(step.needs for step in self._steps))  # type: ignore[misc]
        self.min_budget = max(8, *(_HELD * step.min_budget for step in self._steps))  # type: ignore[misc]
        self.min_unlabelled = max(step.min_unlabelled for step in self._steps)  # type: ignore[misc]
        self.summary = ", then ".join(step.name for step in self._steps)  # type: ignore[misc]

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
        """Fit step after step."""
        shares = [_SHARES[step.family] for step in self._steps]
        fits: list[Fitted] = []
        for step, share, rows in zip(self._steps, shares, self._divided(labelled, seed), strict=True):
            fitted = step.fit(
                spec,
                rows,
                unlabelled,
                model=model,
                metric=metric,
                effort=effort * share / sum(shares),
                seed=seed,
                start=start,
            )
            fits.append(fitted)
            start = fitted.candidate
        return Fitted(
            candidate=fits[-1].candidate,
            tried=tuple(
                _named(one, f"{place}: {step.name}")
                for place, (step, fitted) in enumerate(zip(self._steps, fits, strict=True), start=1)
                for one in fitted.tried
            ),
            dev_score=fits[-1].dev_score,
            labels_used=len(labelled),
            token_passes=sum(fitted.token_passes for fitted in fits),
            seconds=sum(fitted.seconds for fitted in fits),
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """The steps' costs; only the last one's candidate is measured, demonstrations found before it inside."""
        shares = [_SHARES[step.family] for step in self._steps]
        fitting = replace(shape, n_test=0)
        costs = [
            step.cost(fitting if place < len(shares) - 1 else shape, budget, effort * share / sum(shares))
            for place, (step, share) in enumerate(zip(self._steps, shares, strict=True))
        ]
        last = costs[-1]
        # A prompt found before is the one that is trained and served; the last step's own demonstrations replace it.
        found = last if last.added else max(costs[:-1], key=lambda cost: cost.added)
        anew = 0 if found is last else found.each
        return Cost(
            read=sum(cost.read for cost in costs) + shape.n_test * anew,
            trained=sum(cost.trained for cost in costs),
            added=max(cost.added for cost in costs),
            written=sum(cost.written for cost in costs),
            shown=found.added if found.shown is None else found.shown,
            each=found.each,
        )

    def wording(self, spec: TaskSpec) -> tuple[str, ...]:
        """Return what its steps say."""
        return tuple(text for step in self._steps for text in step.wording(spec))

    def lacks(self) -> str | None:
        """Return what the first step lacks that lacks something."""
        return next((lacking for step in self._steps if (lacking := step.lacks())), None)

    def unsuitable(self, spec: TaskSpec, budget: int, capabilities: frozenset[Capability] | None) -> str | None:
        """Return the first step's reason that there is, or the sequence's own."""
        reasons = [step.unsuitable(spec, max(budget, step.min_budget), capabilities) for step in self._steps]
        own = [f"{self.name}: {reason}" for reason in reasons if reason is not None]
        return own[0] if own else super().unsuitable(spec, budget, capabilities)

    def _divided(self, labelled: Sequence[Example], seed: int) -> list[list[Example]]:
        """Return each step's labels: all, but for a training step that is not the last and the steps after it."""
        parts = folds(labelled, _HELD, seed)
        held = [labelled[i] for i in parts[0]]
        taught = [labelled[i] for i in sorted(i for part in parts[1:] for i in part)]
        last = len(self._steps) - 1
        rows: list[list[Example]] = []
        was_trained = False
        for place, step in enumerate(self._steps):
            trains = "train" in step.needs
            if trains and place < last:
                rows.append(taught)
                was_trained = True
            else:
                rows.append(held if was_trained and not trains else list(labelled))
        return rows


def _named(one: Configuration, step: str) -> Configuration:
    return replace(one, settings={"step": step, **one.settings})
