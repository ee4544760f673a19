"""`few-shot`: the same solved examples in every prompt, chosen among a few seeded draws."""

from __future__ import annotations

__all__ = ["FewShot"]

import random
from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, Demonstration, PromptedCandidate, PromptProgram
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import best_of, folds, prior_of
from crossover.methods.effort import Meter, allowance
from crossover.methods.frozen import PRIOR_ROWS, dev_choices, label_scores, prior_settings
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import Configuration, Example, Family, Inputs, TaskSpec

DEMONSTRATIONS = 8
DRAWS = 4
DEV_ROWS = 48


class FewShot(Method):
    """Up to 8 demonstrations, labels spread evenly. Draws compete on labelled rows that are not among them."""

    name: ClassVar[str] = "few-shot"
    family: ClassVar[Family] = "prompt"
    needs: ClassVar[frozenset[Capability]] = frozenset({"score"})
    min_budget: ClassVar[int] = 2
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
        """Draw, score on the rest of the labels, keep the best draw and whether its prior is corrected."""
        if model is None:
            raise TrialError("few-shot needs a language model")
        meter = Meter(model)
        program = PromptProgram.default(spec)
        labels = list(program.label_words)
        bound = allowance(program, labelled, model, effort)
        tried, choices, candidates = [], [], []
        for draw in _draws(labelled, round(DRAWS * max(effort, 1)), seed):
            if candidates and meter.token_passes >= bound:
                break
            demonstrated = program.with_demonstrations([Demonstration.of(labelled[i]) for i in draw.shown])
            rows = [labelled[i] for i in draw.dev]
            inputs = [*(row.inputs for row in rows), *unlabelled[:PRIOR_ROWS]]
            logprobs = label_scores(demonstrated, inputs, model)
            prior = prior_of(logprobs[len(rows) :] if unlabelled else logprobs, labels)
            for i, choice in enumerate(dev_choices(logprobs[: len(rows)], prior, rows, labels, spec, metric)):
                settings = {"demonstrations": [labelled[d].id for d in draw.shown], **prior_settings(corrected=i == 1)}
                tried.append(Configuration(settings=settings, dev_score=choice.score))
                choices.append(choice)
                candidates.append(PromptedCandidate(program=demonstrated, prior=prior if i == 1 else None))
        best = best_of(choices)
        return Fitted(
            candidate=candidates[best],
            tried=tuple(tried),
            dev_score=choices[best].score,
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """A prefix for each draw, dev rows and prior rows below it, then the test."""
        shown = min(DEMONSTRATIONS, max(budget // 2, 1))
        prefix = shape.prefix + shown * (shape.row + shape.answer)
        dev = min(budget - shown, DEV_ROWS) + PRIOR_ROWS
        draws = round(DRAWS * max(effort, 1))
        return Cost(read=draws * (prefix + dev * (shape.row + shape.answer_tree)) + prefix + shape.n_test * (shape.row + shape.answer_tree))


class _Draw:
    def __init__(self, shown: Sequence[int], dev: Sequence[int]) -> None:
        self.shown = shown
        self.dev = dev


def _draws(labelled: Sequence[Example], n: int, seed: int) -> list[_Draw]:
    """Return draws of demonstrations and the rows that judge them; never a row on both sides."""
    k = min(DEMONSTRATIONS, max(len(labelled) // 2, 1))
    draws = []
    for draw in range(n):
        generator = random.Random(f"crossover.few-shot/{seed}/{draw}")
        parts = folds(labelled, max(len(labelled) // k, 1), seed * 1000 + draw)
        shown = sorted(parts, key=len)[-1][:k]
        generator.shuffle(shown)
        rest = sorted(set(range(len(labelled))) - set(shown))
        dev = rest if len(rest) <= DEV_ROWS else sorted(generator.sample(rest, DEV_ROWS))
        draws.append(_Draw(shown, dev))
    return draws
