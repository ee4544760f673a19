"""`lora`: low-rank adapters on all linear layers, trained on the labels' answers."""

from __future__ import annotations

__all__ = ["Lora", "fit_lora"]

import random
from collections.abc import Iterator, Sequence
from typing import ClassVar

from crossover.candidate import Candidate, PromptedCandidate, PromptProgram
from crossover.candidate.prompted import label_answers, prompt_tokens
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import Choice, folds
from crossover.methods.effort import BATCH, Meter, n_steps
from crossover.methods.frozen import LAYOUT_ROWS, label_scores, likelier_layout
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel, TrainRow, TrainSettings, TrainStep
from crossover.records import Configuration, Example, Family, Inputs, Json, TaskSpec

LEARNING_RATE = 2e-3
_DEV_SHARE = 4
_DEV_ROWS = 48
_BEFORE = 3 / 4
"""Share of the steps taken before the dev rows are scored and join the training rows."""


class Lora(Method):
    """Rank 16, alpha 32, all linear layers (Hu et al. 2021, arXiv:2106.09685), 16 to 48 steps of 8 rows
    at effort 1, more with more labels.

    A quarter of the labels is kept out of the first three quarters of the steps and scored then: that is the dev score.
    After it they are trained on with the rest, so that no label is lost to choosing and no step is spent twice.
    """

    name: ClassVar[str] = "lora"
    family: ClassVar[Family] = "weights"
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "train"})
    min_budget: ClassVar[int] = 4
    is_core: ClassVar[bool] = True
    summary: ClassVar[str] = "low-rank adapters on all linear layers"

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
        """Train on the default prompt."""
        if model is None:
            raise TrialError("lora needs a language model")
        return fit_lora(PromptProgram.default(spec), labelled, spec, model, metric, effort, seed, len(labelled))

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Its steps below one prefix, the dev rows, then the test."""
        trained = n_steps(budget, effort) * (shape.prefix + BATCH * (shape.row + shape.answer - 1))
        dev = min(budget // _DEV_SHARE, _DEV_ROWS)
        read = shape.prefix * 2 + (dev + 2 * LAYOUT_ROWS) * (shape.row + shape.answer_tree)
        read += shape.n_test * shape.test_row
        return Cost(read=read, trained=trained)


def fit_lora(
    program: PromptProgram,
    rows: Sequence[Example],
    spec: TaskSpec,
    model: LanguageModel,
    metric: Metric,
    effort: float,
    seed: int,
    labels_used: int,
) -> Fitted:
    """Train an adapter on a program's prompts and the rows' answers."""
    meter = Meter(model)
    program = likelier_layout(program, rows, spec, metric, model)
    answers = dict(zip(program.label_words, label_answers(program, model), strict=True))
    prompts = prompt_tokens(program, [e.inputs for e in rows], model)
    train = [TrainRow(prompt=p, completion=answers[str(e.target)]) for p, e in zip(prompts, rows, strict=True)]
    dev = folds(rows, _DEV_SHARE, seed)[-1][:_DEV_ROWS]
    kept = sorted(set(range(len(rows))) - set(dev))

    steps = n_steps(len(rows), effort)
    before = round(steps * _BEFORE)
    settings = TrainSettings(learning_rate=LEARNING_RATE, total_steps=steps, seed=seed)
    with model.training(settings) as trainer:
        batches = _batches(kept, seed)
        taken = [trainer.step([train[i] for i in next(batches)]) for _ in range(before)]
        dev_rows = [rows[i] for i in dev]
        scored = label_scores(program, [e.inputs for e in dev_rows], model)
        choice = Choice.of(scored, dev_rows, list(program.label_words), spec, metric)
        batches = _batches([*kept, *dev], seed + 1, first=dev)
        taken += [trainer.step([train[i] for i in next(batches)]) for _ in range(steps - before)]
        adapter = trainer.adapter()
    if not all(bool(w.isfinite().all()) for w in adapter.weights.values()):
        raise TrialError(f"lora: training diverged at learning rate {LEARNING_RATE}")
    return Fitted(
        candidate=PromptedCandidate(program=program, adapter=adapter),
        tried=(
            Configuration(
                settings={
                    "layout": program.layout,
                    "rank": settings.rank,
                    "learning_rate": settings.learning_rate,
                    "steps": steps,
                    "batch": BATCH,
                    **_short_of_memory(taken),
                },
                dev_score=choice.score,
                token_passes=meter.token_passes,
            ),
        ),
        dev_score=choice.score,
        labels_used=labels_used,
        token_passes=meter.token_passes,
        seconds=meter.seconds,
    )


def _short_of_memory(steps: Sequence[TrainStep]) -> dict[str, Json]:
    """Return how often memory ran out and in how many parts a batch was computed then; nothing where it never did."""
    times = sum(step.out_of_memory for step in steps)
    return {"out_of_memory": times, "micro_batches": max(s.micro_batches for s in steps)} if times else {}


def _batches(indices: Sequence[int], seed: int, first: Sequence[int] = ()) -> Iterator[list[int]]:
    """Yield batches that go through the rows in shuffled rounds; the first round begins with `first`."""
    generator = random.Random(f"crossover.batches/{seed}")
    queue: list[int] = list(first)
    size = min(BATCH, len(indices))
    while True:
        while len(queue) < size:
            rest = [i for i in indices if i not in queue]
            queue += generator.sample(rest, len(rest))
        yield queue[:size]
        queue = queue[size:]
