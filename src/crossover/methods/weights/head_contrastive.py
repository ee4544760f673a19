"""`head-contrastive`: a linear head on states that were first drawn together within each label."""

from __future__ import annotations

__all__ = ["HeadContrastive"]

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar

import numpy as np

from crossover.candidate import Candidate, HeadCandidate, PromptProgram
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import folds
from crossover.methods.effort import BATCH as LORA_BATCH
from crossover.methods.effort import Meter, allowance, n_steps
from crossover.methods.regression import choose_strength, fit_at
from crossover.methods.weights.head import STRENGTHS, rows_of, standardised
from crossover.methods.weights.lora import BEFORE, DEV_ROWS, DEV_SHARE, short_of_memory
from crossover.methods.weights.together import Together
from crossover.metrics import Metric
from crossover.model.base import Adapter, Capability, FloatArray, LanguageModel, TrainSettings, TrainStep
from crossover.model.sizes import Sizes
from crossover.records import Example, Family, Inputs, TaskSpec

LEARNING_RATE = 1e-3
TEMPERATURE = 0.1
BATCH = 16
_SAMPLED_BATCHES = 4


class HeadContrastive(Method):
    """A LoRA adapter brings the pooled states of a label's rows near each other, then a head is fitted on them.

    The two stages are SetFit's (Tunstall et al. 2022, arXiv:2209.11055); the loss is the supervised contrastive one
    (Khosla et al. 2020, arXiv:2004.11362), with each label's words among its rows (`Together`).

    A quarter of the labels is kept out of the first three quarters of the steps. Then heads of several strengths are
    fitted on the others' states and scored on it: that is the choice, and the dev score. After it these rows are
    trained on with the rest, as in `lora`, and the head is fitted on the states of all. Where the rows have one label
    there is nothing to train, and the states are the frozen model's.
    """

    name: ClassVar[str] = "head-contrastive"
    family: ClassVar[Family] = "weights"
    needs: ClassVar[frozenset[Capability]] = frozenset({"embed", "train"})
    min_budget: ClassVar[int] = 8
    summary: ClassVar[str] = "a linear head on hidden states that were trained to differ by label"

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
        """Train the states, with the dev rows kept out at first; choose the strength on these; fit the head on all."""
        if model is None:
            raise TrialError("head-contrastive needs a language model")
        meter = Meter(model)
        together = Together(spec, labelled, model)
        dev = folds(labelled, DEV_SHARE, seed)[-1][:DEV_ROWS]
        steps = _n_steps(together, allowance(PromptProgram.default(spec), labelled, model, effort), effort, seed)
        settings = TrainSettings(learning_rate=LEARNING_RATE, total_steps=steps, seed=seed)
        states = _states(together, dev, settings, model)
        half_way = rows_of(standardised(states.before)[0])
        tried, strength, dev_score = choose_strength(half_way, labelled, STRENGTHS, spec, metric, name="C", parts=[dev])
        features, mean, scale = standardised(states.after)
        training = {
            "rank": settings.rank,
            "learning_rate": LEARNING_RATE,
            "temperature": TEMPERATURE,
            "steps": len(states.steps),
            "batch": BATCH,
            **short_of_memory(states.steps),
        }
        return Fitted(
            candidate=HeadCandidate(
                fields=spec.input_fields,
                mean=mean,
                scale=scale,
                head=fit_at(features, labelled, strength),
                adapter=states.adapter,
            ),
            tried=tuple(replace(one, settings={**one.settings, **training}) for one in tried),
            dev_score=dev_score,
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Its steps on bare texts, no longer than LoRA's; every row read twice, then the test."""
        of_one = min(BATCH * shape.row, shape.prefix + LORA_BATCH * shape.row)
        return Cost(read=(2 * budget + shape.n_test) * shape.row, trained=n_steps(budget, effort) * of_one)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Trained:
    """Pooled states of the rows [rows, features], before the dev rows were trained on and after, and what made them."""

    before: FloatArray
    after: FloatArray
    steps: tuple[TrainStep, ...] = ()
    adapter: Adapter | None = None


def _states(together: Together, dev: Sequence[int], settings: TrainSettings, model: LanguageModel) -> _Trained:
    """Train an adapter on all rows, on the dev rows only in the last quarter of the steps."""
    if together.n_labels == 1:
        frozen = model.embed(together.rows)
        return _Trained(before=frozen, after=frozen)
    every = range(len(together.rows))
    kept = sorted(set(every) - set(dev))
    n_before = round(settings.total_steps * BEFORE)
    with model.training(settings) as trainer:

        def trained(n: int, among: Sequence[int], seed: int) -> tuple[list[TrainStep], FloatArray]:
            steps = [
                trainer.contrast(
                    [together.tokens[i] for i in batch],
                    [together.groups[i] for i in batch],
                    temperature=TEMPERATURE,
                )
                for batch in islice(together.batches(among, BATCH, seed), n)
            ]
            states = model.embed(together.rows)
            if not np.isfinite(states).all():
                raise TrialError(f"head-contrastive: training diverged at learning rate {settings.learning_rate}")
            return steps, states

        first, before = trained(n_before, kept, settings.seed)
        last, after = trained(settings.total_steps - n_before, every, settings.seed + 1)
        return _Trained(before=before, after=after, steps=(*first, *last), adapter=trainer.adapter())


def _n_steps(together: Together, allowed: int, effort: float, seed: int) -> int:
    """Return how many steps these token passes allow, besides reading all rows twice; as many as a LoRA fit at most.

    A batch that is too large for one pass is read once more (`Sizes.train_tokens`, counted at its default).
    """
    rows = together.rows
    sample = list(islice(together.batches(range(len(rows)), BATCH, seed), _SAMPLED_BATCHES))
    sizes = [together.n_tokens(batch) for batch in sample]
    of_one = sum(3 * n if n <= Sizes().train_tokens else 4 * n for n in sizes) / len(sizes)
    left = allowed - 2 * sum(map(len, rows))
    return max(min(n_steps(len(rows), effort), round(left / of_one)), 2)
