"""Which recipe a fit follows, where the effort allows more than one fit: short fits, judged on labels kept out."""

from __future__ import annotations

__all__ = ["CHOOSING", "Chosen", "choose_recipe"]

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from crossover.candidate.prompted import scored_answers
from crossover.methods.choosing import Choice, folds
from crossover.methods.weights.batches import batches
from crossover.methods.weights.lessons import Lessons
from crossover.methods.weights.recipe import Recipe
from crossover.methods.written import likelihoods
from crossover.metrics import Metric
from crossover.model.base import FloatArray, LanguageModel
from crossover.records import Configuration, Example, TaskSpec

CHOOSING = 2.0
"""From this effort on a fit chooses its recipe."""

_LOOK = 0.5
"""Effort of one short fit."""

_FOLDS = 3
_FEW = 100
"""Below so many labels a third of them is too few to judge by: two folds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a fit shall do.

    Attributes:
        recipe: the best one.
        share: of the steps that the effort allows: one half where the short fits were better halfway.
        tried: every recipe, halfway and at its end, with its score on the labels that were kept out.
    """

    recipe: Recipe
    share: float
    tried: tuple[Configuration, ...]


@dataclass(slots=True, kw_only=True)
class _Looked:
    """A recipe as far as it was trained, and the kept labels' values: log-probabilities of the labels, or of the right
    answer.
    """

    recipe: Recipe
    share: float
    rows: list[Example] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)


def choose_recipe(
    recipes: Sequence[Recipe],
    lessons: Lessons,
    rows: Sequence[Example],
    free: Sequence[int],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
    effort: float,
    seed: int,
) -> Chosen | None:
    """Return the recipe whose short fits answer kept labels best, or None where the effort is too little for two.

    Args:
        recipes: the likeliest first: as many of them compete as the effort allows.
        lessons: what is trained on.
        rows: the label budget.
        free: rows that may judge: those that stand in no prompt.
        spec: the task.
        metric: the study's.
        model: the base model.
        effort: what may be spent on choosing.
        seed: of adapters, batches and folds.
    """
    n_looks = int(effort / _LOOK)
    n_folds = 2 if len(rows) < _FEW and n_looks >= 4 else 1
    competing = recipes[: n_looks // n_folds]
    parts = [[free[i] for i in part] for part in folds([rows[i] for i in free], _FOLDS, seed)]
    if len(competing) < 2 or len(parts) < _FOLDS:
        return None
    looked: list[_Looked] = []
    for recipe in competing:
        halfway, whole = _Looked(recipe=recipe, share=0.5), _Looked(recipe=recipe, share=1.0)
        for dev in parts[:n_folds]:
            _look(halfway, whole, lessons, rows, dev, model, seed)
        looked += [whole, halfway]  # of equals the first is taken: all steps
    keys, tried = [], []
    for one in looked:
        values = np.concatenate(one.values)
        choice = None
        if spec.labels:
            choice = Choice.of(values, one.rows, list(lessons.program.label_words), spec, metric)
        key = choice.key() if choice else float(values.mean())
        keys.append(key if np.isfinite(key) else -np.inf)
        told = one.recipe.told(one.recipe.settings(lessons.program, 1, seed))
        tried.append(
            Configuration(
                settings={**told, "share_of_steps": one.share, "key": round(keys[-1], 4)},
                dev_score=choice.score if choice else None,
            )
        )
    best = looked[keys.index(max(keys))]
    return Chosen(recipe=best.recipe, share=best.share, tried=tuple(tried))


def _look(
    halfway: _Looked,
    whole: _Looked,
    lessons: Lessons,
    rows: Sequence[Example],
    dev: Sequence[int],
    model: LanguageModel,
    seed: int,
) -> None:
    """Train one recipe for a short while on all rows but `dev`; note how it does on these halfway and at the end."""
    program = lessons.program
    kept = sorted(set(range(len(rows))) - set(dev))
    steps = lessons.n_steps(_LOOK, seed)
    with model.training(whole.recipe.settings(program, steps, seed)) as trainer:
        going = batches(kept, seed, lessons.rows_a_step)
        for step in range(1, steps + 1):
            trainer.step([row for i in next(going) for row in lessons.of(i, kept)])
            for one, at in ((halfway, steps // 2), (whole, steps)):
                if step == at:
                    one.rows += [rows[i] for i in dev]
                    one.values.append(_values(lessons, rows, dev, kept, model))


def _values(
    lessons: Lessons, rows: Sequence[Example], dev: Sequence[int], kept: Sequence[int], model: LanguageModel
) -> FloatArray:
    prompts = lessons.prompts(dev, kept)
    if lessons.program.is_open:
        return likelihoods(lessons.program, [rows[i] for i in dev], model, prompts)
    return model.score(prompts, scored_answers(lessons.program, model)).logprobs
