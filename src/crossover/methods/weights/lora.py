"""`lora`: low-rank adapters on all linear layers, trained on the labels' answers; and how any adapter is."""

from __future__ import annotations

__all__ = ["BEFORE", "DEV_ROWS", "DEV_SHARE", "Lora", "fit_lora", "recipes", "short_of_memory"]

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from crossover.candidate import Candidate, PromptedCandidate, PromptProgram
from crossover.candidate.program import Layout
from crossover.candidate.prompted import scored_answers
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import Choice, folds
from crossover.methods.effort import BATCH, Meter, n_steps
from crossover.methods.frozen import LAYOUT_ROWS, likelier_layout
from crossover.methods.start import begin
from crossover.methods.weights.batches import batches
from crossover.methods.weights.lessons import Lessons
from crossover.methods.weights.looking import CHOOSING, choose_recipe
from crossover.methods.weights.recipe import Recipe, around
from crossover.methods.written import DEV_ROWS as WRITTEN_ROWS
from crossover.methods.written import layouts_for, likeliest, written_score
from crossover.metrics import Metric
from crossover.model.base import Capability, FloatArray, LanguageModel, TrainRow, TrainStep
from crossover.records import KINDS, Configuration, Example, Family, Inputs, Json, Kind, TaskSpec

LEARNING_RATE = 2e-3
DEV_SHARE = 4
DEV_ROWS = 48
BEFORE = 3 / 4
"""Share of the steps taken before the dev rows are scored and join the training rows."""


class Lora(Method):
    """Rank 16, alpha 32, all linear layers (Hu et al. 2021, arXiv:2106.09685), 16 to 48 steps of 8 rows
    at effort 1, more with more labels.

    A quarter of the labels is kept out of the first three quarters of the steps and scored then: that is the dev score.
    After it they are trained on with the rest, so that no label is lost to choosing and no step is spent twice.

    One default fit is effort 1, so that nothing is left of it to choose with. From effort 2 on, half of the effort lets
    learning rate, rank, kind of adapter and the number of steps compete (`choose_recipe`).
    """

    name: ClassVar[str] = "lora"
    family: ClassVar[Family] = "weights"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "train"})
    min_budget: ClassVar[int] = 4
    is_core: ClassVar[bool] = True
    goes_on_from: ClassVar[tuple[Family, ...]] = ("prompt",)
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
        """Train on the default prompt, or on what the step before found; an adapter before that is not gone on from."""
        if model is None:
            raise TrialError(f"{self.name} needs a language model")
        begun = begin(spec, start)
        layouts = None if start is None else (begun.program.layout,)
        competing = self.recipes([*(row.inputs for row in labelled), *unlabelled], model)
        return fit_lora(begun.program, labelled, spec, model, metric, effort, seed, layouts=layouts, recipes=competing)

    def recipes(self, inputs: Sequence[Inputs], model: LanguageModel) -> Sequence[Recipe]:
        """Return what is trained: the default, then what competes with it where the effort allows.

        Args:
            inputs: what the model will be asked, as far as it is known.
            model: the base model.
        """
        return recipes()

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Its steps below one prefix, the dev rows, then the test."""
        trained = n_steps(budget, effort) * (shape.prefix + BATCH * (shape.row + shape.answer - 1))
        if shape.written:
            answered = min(budget // DEV_SHARE, WRITTEN_ROWS) + shape.n_test
            read = shape.prefix * 4 + 2 * LAYOUT_ROWS * (shape.row + shape.answer) + answered * shape.row
            return Cost(read=read, trained=trained, written=answered * shape.written)
        dev = min(budget // DEV_SHARE, DEV_ROWS)
        read = shape.prefix * 2 + (dev + 2 * LAYOUT_ROWS) * (shape.row + shape.answer_tree)
        read += shape.n_test * shape.test_row
        return Cost(read=read, trained=trained)


def recipes() -> tuple[Recipe, ...]:
    """Return the default, and what competes with it where the effort allows, the likeliest first.

    rsLoRA: Kalajdzievski 2023, arXiv:2312.03732; DoRA: Liu et al. 2024, arXiv:2402.09353.
    """
    default = Recipe(name="lora", learning_rate=LEARNING_RATE)
    return (
        *around(default),
        replace(default, learning_rate=LEARNING_RATE / 2, rank=64, use_rslora=True),
        replace(default, use_dora=True),
        replace(default, learning_rate=LEARNING_RATE * 2, rank=4, alpha=8),
    )


def fit_lora(
    program: PromptProgram,
    rows: Sequence[Example],
    spec: TaskSpec,
    model: LanguageModel,
    metric: Metric,
    effort: float,
    seed: int,
    *,
    layouts: Sequence[Layout] | None = None,
    recipes: Sequence[Recipe],
    beliefs: FloatArray | None = None,
) -> Fitted:
    """Train an adapter on a program's prompts and the rows' answers.

    Args:
        program: what is trained with, and served; demonstrations that are chosen for each input are chosen among
            `rows`.
        rows: the label budget.
        spec: the task.
        model: the base model.
        metric: the study's.
        effort: the token passes of so many default fits: longer prompts leave fewer steps.
        seed: of the adapter and of the batches.
        layouts: where the program may be laid out anew; by default in all that can hold the task's answers.
        recipes: what is trained, and at which rate: the first, or with effort 2 and more the best of them.
        beliefs: probabilities of the program's labels, [rows, labels], to learn in place of the rows' targets alone.

    Raises:
        TrialError: training diverged.
    """
    meter = Meter(model)
    lessons = Lessons(_laid_out(program, rows, spec, metric, model, layouts), rows, model, beliefs=beliefs)
    program = lessons.program
    free = sorted(set(range(len(rows))) - set(lessons.shown))
    dev = [free[i] for i in folds([rows[i] for i in free], DEV_SHARE, seed)[-1]]
    dev = dev[: WRITTEN_ROWS if program.is_open else DEV_ROWS]
    chosen = None
    if effort >= CHOOSING:
        effort /= 2
        chosen = choose_recipe(recipes, lessons, rows, free, spec, metric, model, effort, seed)
    recipe = chosen.recipe if chosen else recipes[0]
    # Below a soft prompt a demonstration's own row is not asked: without it the prompt would begin otherwise.
    taught = free if recipe.begins_as and free else range(len(rows))
    kept = sorted(set(taught) - set(dev))
    every = [*kept, *dev]

    size = lessons.rows_a_step
    steps = lessons.n_steps(effort * (chosen.share if chosen else 1.0), seed)
    before = round(steps * BEFORE)
    settings = recipe.settings(program, steps, seed)

    def lesson(batch: Sequence[int], among: Sequence[int]) -> list[TrainRow]:
        return [row for i in batch for row in lessons.of(i, among)]

    with model.training(settings) as trainer:
        going = batches(kept, seed, size)
        taken = [trainer.step(lesson(next(going), kept)) for _ in range(before)]
        dev_score = _dev_score(program, [rows[i] for i in dev], lessons.prompts(dev, kept), spec, metric, model)
        going = batches(every, seed + 1, size, first=dev)
        taken += [trainer.step(lesson(next(going), every)) for _ in range(steps - before)]
        adapter = trainer.adapter().computed_in(model.identity.precision)
    if not all(bool(w.isfinite().all()) for w in adapter.weights.values()):
        raise TrialError(f"{recipe.name}: training diverged at learning rate {recipe.learning_rate:g}")
    return Fitted(
        candidate=PromptedCandidate(program=program, adapter=adapter),
        tried=(
            *(chosen.tried if chosen else ()),
            Configuration(
                settings={
                    "layout": program.layout,
                    **recipe.told(settings),
                    "steps": steps,
                    "batch": size * lessons.answers_a_row,
                    **short_of_memory(taken),
                },
                dev_score=dev_score,
                token_passes=meter.token_passes,
            ),
        ),
        dev_score=dev_score,
        labels_used=len(rows),
        token_passes=meter.token_passes,
        seconds=meter.seconds,
    )


def _laid_out(
    program: PromptProgram,
    rows: Sequence[Example],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
    layouts: Sequence[Layout] | None,
) -> PromptProgram:
    """Return the program in the layout to train in."""
    bare = replace(program, retrieval=None)  # whatever is shown, the layout is judged by the first rows
    if program.is_open:
        allowed = layouts_for(spec, rows) if layouts is None else layouts
        chosen = likeliest([bare.in_layout(layout) for layout in allowed], rows[:LAYOUT_ROWS], model)
    elif layouts is None:
        chosen = likelier_layout(bare, rows, spec, metric, model)
    else:
        chosen = bare.in_layout(layouts[0])
    return program.in_layout(chosen.layout)


def _dev_score(
    program: PromptProgram,
    rows: Sequence[Example],
    prompts: Sequence[tuple[int, ...]],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
) -> float | None:
    """Return what the adapter, as far as it is trained, scores on rows that it has not seen."""
    if program.is_open:
        return written_score(program, rows, spec, metric, model, prompts)
    if not rows:
        return None
    scored = model.score(prompts, scored_answers(program, model)).logprobs
    return Choice.of(scored, rows, list(program.label_words), spec, metric).score


def short_of_memory(steps: Sequence[TrainStep]) -> dict[str, Json]:
    """Return how often memory ran out and in how many parts a batch was computed then; nothing where it never did."""
    times = sum(step.out_of_memory for step in steps)
    return {"out_of_memory": times, "micro_batches": max(s.micro_batches for s in steps)} if times else {}
