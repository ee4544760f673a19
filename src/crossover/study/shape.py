"""The planner's figures: how long prompts are, and how fast this machine is."""

from __future__ import annotations

__all__ = ["measure_pace", "task_shape"]

import time
from collections.abc import Callable, Sequence

from crossover.candidate.program import PromptProgram
from crossover.candidate.prompted import label_answers, prompt_tokens
from crossover.model.base import LanguageModel, TrainRow, TrainSettings
from crossover.model.engine.forest import Forest, common_prefix
from crossover.methods import Shape
from crossover.records import Inputs, TaskSpec
from crossover.study.plan import Pace

_SAMPLE = 64


def task_shape(spec: TaskSpec, inputs: Sequence[Inputs], n_test: int, model: LanguageModel) -> Shape:
    """Return the task's lengths in the model's tokens, from up to 64 inputs of the training split."""
    program = PromptProgram.default(spec)
    prompts = prompt_tokens(program, inputs[:_SAMPLE], model)
    answers = label_answers(program, model)
    shared = common_prefix(prompts)
    tree = Forest()
    for answer in answers:
        tree.add(answer[:-1])
    return Shape(
        prefix=shared,
        row=round(sum(len(p) - shared for p in prompts) / max(len(prompts), 1)),
        answer_tree=len(tree),
        answer=round(sum(map(len, answers)) / max(len(answers), 1)),
        n_test=n_test,
    )


def measure_pace(spec: TaskSpec, inputs: Sequence[Inputs], model: LanguageModel) -> Pace:
    """Return tokens a second, read and trained on, from a few passes over training inputs: a few seconds."""
    program = PromptProgram.default(spec)
    prompts = prompt_tokens(program, inputs[:16], model)
    answers = label_answers(program, model)
    model.score(prompts[:2], answers)  # the first pass of a process is slower than all that follow
    read = _speed(model, lambda: model.score(prompts, answers))
    if "train" not in model.capabilities:
        return Pace(read=read, trained=read)
    rows = [TrainRow(prompt=p, completion=answers[0]) for p in prompts[:8]]
    with model.training(TrainSettings(total_steps=3)) as trainer:
        trainer.step(rows)
        trained = _speed(model, lambda: trainer.step(rows)) / 3
    return Pace(read=read, trained=trained)


def _speed(model: LanguageModel, work: Callable[[], object]) -> float:
    before, start = model.token_passes, time.perf_counter()
    work()
    return (model.token_passes - before) / (time.perf_counter() - start)
