"""`knn-few-shot`: for each input its nearest labelled examples as demonstrations."""

from __future__ import annotations

__all__ = ["KnnFewShot"]

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from crossover.candidate import Candidate, Demonstration, PromptedCandidate, PromptProgram
from crossover.candidate.neighbours import Neighbours
from crossover.candidate.program import LAYOUTS
from crossover.candidate.prompted import label_answers, prompt_tokens
from crossover.candidate.wording import joined
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import Choice, best_of, folds, prior_of
from crossover.methods.effort import Meter
from crossover.methods.frozen import dev_choices, settings_of
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import Configuration, Example, Family, Inputs, TaskSpec

NEIGHBOURS = 8
DEV_ROWS = 24


class KnnFewShot(Method):
    """8 nearest of the labelled examples, the nearest last (Liu et al. 2022, arXiv:2101.06804).

    Dev scores are leave-one-out: a row is answered with the nearest of the others.
    """

    name: ClassVar[str] = "knn-few-shot"
    family: ClassVar[Family] = "prompt"
    needs: ClassVar[frozenset[Capability]] = frozenset({"score"})
    min_budget: ClassVar[int] = 2
    summary: ClassVar[str] = "for each input its 8 nearest labelled examples"

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
        """Score some labelled rows with the nearest of the others; keep whether the prior is corrected."""
        if model is None:
            raise TrialError("knn-few-shot needs a language model")
        meter = Meter(model)
        program = PromptProgram.default(spec)
        labels = list(program.label_words)
        pool = [Demonstration.of(e) for e in labelled]
        k = min(NEIGHBOURS, len(pool))

        dev = _spread(labelled, round(DEV_ROWS * max(effort, 1)), seed)
        index = Neighbours([joined(e.inputs, spec.input_fields) for e in labelled])
        queries = [joined(labelled[i].inputs, spec.input_fields) for i in dev]
        near = index.nearest(queries, k, without=dev)
        rows = [labelled[i] for i in dev]
        choices: list[Choice] = []
        candidates: list[PromptedCandidate] = []
        for layout in LAYOUTS:
            laid_out = program.in_layout(layout)
            prompts = []
            for row, found in zip(rows, near, strict=True):
                shown = laid_out.with_demonstrations([pool[j] for j in reversed(found)])
                prompts += prompt_tokens(shown, [row.inputs], model)
            logprobs = model.score(prompts, label_answers(laid_out, model)).logprobs
            # The prior is read off the dev rows' inputs: with demonstrations in every prompt, more rows cost too much.
            prior = prior_of(logprobs, labels)
            choices += dev_choices(logprobs, prior, rows, labels, spec, metric)
            retrieving = laid_out.with_retrieval(pool, k)
            candidates += [PromptedCandidate(program=retrieving, prior=p) for p in (None, prior)]
        best = best_of(choices)
        return Fitted(
            candidate=candidates[best],
            tried=tuple(
                Configuration(
                    settings={"k": k, **settings_of(c.program, corrected=c.prior is not None)}, dev_score=choice.score
                )
                for c, choice in zip(candidates, choices, strict=True)
            ),
            dev_score=choices[best].score,
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Every prompt has its own demonstrations."""
        k = min(NEIGHBOURS, budget)
        row = (k + 1) * shape.row + k * shape.answer + shape.answer_tree
        dev = min(budget, round(DEV_ROWS * max(effort, 1)))
        return Cost(read=(2 * dev + shape.n_test) * row + 3 * shape.prefix)


def _spread(rows: Sequence[Example], n: int, seed: int) -> list[int]:
    """Return up to n row indices, labels spread evenly."""
    if len(rows) <= n:
        return list(range(len(rows)))
    parts = folds(rows, -(-len(rows) // n), seed)
    return sorted(np.concatenate(parts[:1]).astype(int).tolist())[:n]
