"""How prompted candidates answer: within the labels or the schema, freely, or both ways (`TaskSpec.constrain`)."""

from __future__ import annotations

__all__ = ["answer_freely", "as_measured", "check_schema", "constrained"]

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from crossover.candidate import PromptedCandidate, PromptProgram, predict
from crossover.candidate.base import Candidate
from crossover.candidate.prompted import prompt_tokens
from crossover.errors import OptionError
from crossover.measure import score_answers
from crossover.methods import Fitted
from crossover.metrics import Metric
from crossover.model.base import Constraint, LanguageModel
from crossover.records import Constrain, ExampleResult, Inputs, TaskSpec
from crossover.task import Task

COMPARED_ROWS = 32
"""Inputs on which free answers are compared with the labels that would be chosen."""


def constrained(task: Task, way: str | None) -> Task:
    """Return the task, its answers taken in this way: "yes", "no", "both", or None for its kind's own.

    A way that is the kind's own is the same as None, so that its trials are the same trials.

    Raises:
        OptionError: the way is unknown, or the task has neither labels nor a schema to constrain answers by.
    """
    ways: tuple[Constrain, ...] = get_args(Constrain)
    chosen = next((one for one in ways if one == way), None)
    if way is not None and chosen is None:
        raise OptionError(
            f"--constrain {way} is not possible.",
            f"allowed: {', '.join(ways)}; without it labels are chosen and all other answers written freely",
        )
    if chosen == ("yes" if task.spec.labels else "no"):
        chosen = None
    if chosen is not None and not task.spec.labels and task.spec.schema is None:
        raise OptionError(
            f"--constrain {way}: there is nothing to constrain {task.spec.kind} answers by.",
            "it takes labels (--kind classification) or a JSON schema (--kind extraction); leave it out",
        )
    return replace(task, spec=replace(task.spec, constrain=chosen))


def check_schema(spec: TaskSpec, model: LanguageModel) -> None:
    """Check that the model can write by the task's schema where it shall: before a study, not in each of its trials.

    Raises:
        OptionError: what reads schemas is not installed, or cannot read this one.
    """
    program = PromptProgram.default(spec)
    if program.schema is not None:
        prompt = prompt_tokens(program, [program.blank()], model)
        model.generate(prompt, max_tokens=1, constraint=Constraint(json_schema=program.schema))


def as_measured(fitted: Fitted, spec: TaskSpec, inputs: Sequence[Inputs], model: LanguageModel) -> Fitted:
    """Return what a method left, answering as the task asks, with a dev score of that way of answering.

    Methods choose among labels by likelihood whatever the way. Where labels are to be written freely, the dev score is
    multiplied by the share of inputs to which the model writes the very label that it would have chosen: what it says
    of answers that are chosen, times how often they come out. No label is looked at for that.

    Args:
        fitted: what the method left.
        spec: the task.
        inputs: of the training split, best without the budget's: a trained candidate knows those by heart.
        model: the model.
    """
    candidate = fitted.candidate
    if not isinstance(candidate, PromptedCandidate) or spec.constrain is None:
        return fitted
    if not spec.labels:
        form = candidate.program.by_schema(spec)
        return replace(fitted, candidate=replace(candidate, program=form))
    if spec.constrain == "both":
        return fitted
    free = _freely(candidate)
    if fitted.dev_score is None or not inputs:
        return replace(fitted, candidate=free)
    asked, before = inputs[:COMPARED_ROWS], model.token_passes
    pairs = zip(predict(candidate, asked, model), predict(free, asked, model), strict=True)
    same = [chosen.answer == written.answer for chosen, written in pairs]
    return replace(
        fitted,
        candidate=free,
        dev_score=fitted.dev_score * sum(same) / len(same),
        token_passes=fitted.token_passes + model.token_passes - before,
    )


def answer_freely(
    candidate: Candidate, task: Task, metric: Metric, model: LanguageModel | None
) -> tuple[ExampleResult, ...]:
    """Return the test answered freely by a candidate that is measured with constrained answers, where both were asked.

    Empty for candidates that ask no model for words.
    """
    if task.spec.constrain != "both" or not isinstance(candidate, PromptedCandidate):
        return ()
    answers = predict(_freely(candidate), [example.inputs for example in task.test], model)
    return score_answers(answers, task.test, task.spec, metric)


def _freely(candidate: PromptedCandidate) -> PromptedCandidate:
    return replace(candidate, program=candidate.program.freely())
