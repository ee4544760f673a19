"""How a fit chooses its recipe where the effort allows it, and what training all weights leaves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from crossover.candidate import PromptedCandidate, PromptProgram, predict
from crossover.methods import get_method
from crossover.methods.effort import allowance
from crossover.methods.weights.lessons import Lessons
from crossover.methods.weights.looking import Chosen, choose_recipe
from crossover.methods.weights.lora import recipes
from crossover.methods.weights.recipe import Recipe, around
from crossover.metrics import get_metric
from crossover.model.local import LocalModel
from crossover.records import Example, TaskSpec
from tests.methods.test_open_kinds import task_of

METRIC = get_metric("accuracy")


def chosen(
    rows: Sequence[Example], spec: TaskSpec, model: LocalModel, effort: float, competing: Sequence[Recipe]
) -> Chosen | None:
    lessons = Lessons(PromptProgram.default(spec), rows, model)
    return choose_recipe(competing, lessons, rows, range(len(rows)), spec, METRIC, model, effort, 0)


PLAIN = tuple(
    Example(id=f"r:{i}", inputs={"text": text}, target=label, row=i)
    for i, (text, label) in enumerate(8 * [("a parcel", "delivery"), ("my money", "refund"), ("a password", "log_in")])
)
"""What is kept out was seen: whoever learns anything is right."""


def test_a_rate_that_learns_nothing_is_not_chosen(spec: TaskSpec, tiny: LocalModel) -> None:
    still = Recipe(name="lora", learning_rate=1e-9)
    found = chosen(PLAIN, spec, tiny, 2.0, [still, Recipe(name="lora", learning_rate=5e-3)])
    assert found is not None
    assert found.recipe.learning_rate == 5e-3
    assert [one.settings["share_of_steps"] for one in found.tried] == [1.0, 0.5, 1.0, 0.5]
    assert all(one.dev_score is not None for one in found.tried)


def test_a_rate_that_breaks_the_weights_is_not_chosen(spec: TaskSpec, tiny: LocalModel) -> None:
    broken = Recipe(name="lora", learning_rate=1e30)
    found = chosen(PLAIN, spec, tiny, 2.0, [broken, Recipe(name="lora", learning_rate=5e-3)])
    assert found is not None
    assert found.recipe.learning_rate == 5e-3


def test_where_answers_are_written_their_likelihood_judges(tiny: LocalModel) -> None:
    spec, rows = task_of("translation")
    broken, still = Recipe(name="lora", learning_rate=1e30), Recipe(name="lora", learning_rate=1e-9)
    found = chosen(rows, spec, tiny, 3.0, [broken, still, Recipe(name="lora", learning_rate=5e-3)])
    assert found is not None
    assert found.recipe.learning_rate == 5e-3
    assert not np.isfinite(float(str(found.tried[0].settings["key"]))), "it is told, and not chosen"


def test_too_little_effort_or_too_few_rows_choose_nothing(
    rows: Sequence[Example], spec: TaskSpec, tiny: LocalModel
) -> None:
    assert chosen(rows, spec, tiny, 0.5, recipes()) is None
    assert chosen(rows[:2], spec, tiny, 2.0, recipes()) is None


def test_one_default_fit_tries_one_and_more_effort_tries_more_within_it(
    rows: Sequence[Example], spec: TaskSpec, tiny: LocalModel
) -> None:
    plain = get_method("lora").fit(spec, rows, [], model=tiny, metric=METRIC, effort=1.0, seed=0)
    assert len(plain.tried) == 1
    assert plain.tried[0].settings["learning_rate"] == recipes()[0].learning_rate
    more = get_method("lora").fit(spec, rows, [], model=tiny, metric=METRIC, effort=2.0, seed=0)
    assert {one.settings.get("share_of_steps") for one in more.tried} == {1.0, 0.5, None}
    assert len({one.settings["learning_rate"] for one in more.tried}) == 2
    assert more.token_passes < 1.5 * allowance(PromptProgram.default(spec), rows, tiny, 2.0)


def test_short_fits_of_long_prompts_keep_to_the_effort(
    rows: Sequence[Example], spec: TaskSpec, tiny: LocalModel
) -> None:
    fitted = get_method("lora+few-shot").fit(spec, rows, [], model=tiny, metric=METRIC, effort=4.0, seed=0)
    assert len(fitted.tried) > 4
    assert fitted.token_passes < 1.2 * allowance(PromptProgram.default(spec), rows, tiny, 4.0)


def test_recipes_differ_and_the_default_comes_first() -> None:
    names = [(r.learning_rate, r.rank, r.use_rslora, r.use_dora) for r in recipes()]
    assert len(set(names)) == len(names)
    assert around(recipes()[0])[0] == recipes()[0]


def test_all_weights_are_kept_as_they_are_computed_with(
    rows: Sequence[Example], spec: TaskSpec, tiny: LocalModel
) -> None:
    fitted = get_method("full").fit(spec, rows, [], model=tiny, metric=METRIC, effort=0.2, seed=0)
    assert isinstance(fitted.candidate, PromptedCandidate)
    adapter = fitted.candidate.adapter
    assert adapter is not None
    assert adapter.is_full
    assert {weight.dtype for weight in adapter.weights.values()} == {torch.float32}, "the tiny model's"
    assert {weight.dtype for weight in adapter.computed_in("bf16").weights.values()} == {torch.bfloat16}
    inputs = [row.inputs for row in rows]
    trained = predict(fitted.candidate, inputs, tiny)
    frozen = predict(PromptedCandidate(program=fitted.candidate.program), inputs, tiny)
    assert [p.margin for p in trained] != [p.margin for p in frozen]


def test_quantized_weights_are_not_all_trained(spec: TaskSpec) -> None:
    reason = get_method("full").unsuitable(spec, 64, frozenset({"score", "generate", "embed", "train"}))
    assert reason == "full needs a model that can train all weights"
    assert get_method("lora").unsuitable(spec, 64, frozenset({"score", "train"})) is None
