"""The planner's figures: how long prompts are, and how fast this machine is."""

from __future__ import annotations

__all__ = ["check_lengths", "measure_pace", "task_shape"]

import time
from collections.abc import Callable, Sequence

from crossover.candidate.program import PromptProgram
from crossover.candidate.prompted import label_answers, prompt_tokens, scored_answers
from crossover.errors import DataError
from crossover.methods import Shape
from crossover.model.base import LanguageModel, TrainRow, TrainSettings
from crossover.model.engine.forest import Forest, common_prefix
from crossover.records import Inputs, TaskSpec
from crossover.study.plan import Pace
from crossover.task import Task

_SAMPLE = 64
_TRIES = 2
_STEPS = 5
_WARMING_SECONDS = 12.0


def check_lengths(task: Task, programs: Sequence[PromptProgram], model: LanguageModel) -> None:
    """Check that every row, training and test, fits into the model's context with each prompt.

    Only rows whose text alone could be too long are turned into tokens: a token is at least one byte.

    Raises:
        DataError: a row does not fit; the message names it.
    """
    limit = model.identity.context_tokens
    for program in programs:
        empty = prompt_tokens(program, [dict.fromkeys(program.fields, "")], model)[0]
        answer = max(map(len, label_answers(program, model)))
        sides = ((task.train, task.check.files[0]), (task.test, task.check.files[-1]))
        for example, file in ((e, f) for side, f in sides for e in side):
            n_bytes = sum(len(value.encode("utf-8", "surrogatepass")) for value in example.inputs.values())
            # A template may name a field more than once.
            if 2 * n_bytes + len(empty) + answer <= limit:
                continue
            found = len(prompt_tokens(program, [example.inputs], model)[0]) + answer
            if found > limit:
                raise DataError(
                    f"{file.name}, row {example.row} is {found:,} tokens long; {model.identity.name} reads {limit:,}.",
                    "shorten the row or drop it, or take a model with a longer context: --model",
                )


def task_shape(
    spec: TaskSpec, inputs: Sequence[Inputs], n_test: int, model: LanguageModel, *, longest: Inputs | None = None
) -> Shape:
    """Return the task's lengths in the model's tokens, from up to 64 inputs of the training split.

    Args:
        spec: the task.
        inputs: of the training split.
        n_test: held-out rows.
        model: whose tokens count.
        longest: the row with the longest text, which need not be among the inputs.
    """
    program = PromptProgram.default(spec)
    prompts = prompt_tokens(program, inputs[:_SAMPLE], model)
    extremes = prompts if longest is None else [*prompts, *prompt_tokens(program, [longest], model)]
    answers = label_answers(program, model)
    shared = common_prefix(prompts)
    tree = Forest()
    for answer in scored_answers(program, model):
        tree.add(answer[:-1])
    return Shape(
        prefix=shared,
        row=round(sum(len(p) - shared for p in prompts) / max(len(prompts), 1)),
        answer_tree=len(tree),
        answer=round(sum(map(len, answers)) / max(len(answers), 1)),
        n_test=n_test,
        longest=max(map(len, extremes), default=0) + max(map(len, answers), default=0),
    )


def measure_pace(spec: TaskSpec, inputs: Sequence[Inputs], model: LanguageModel, *, trains: bool = True) -> Pace:
    """Return tokens a second, read and trained on, from a few passes over training inputs: a few seconds.

    Where nothing of the plan trains (`trains`), no step is taken.
    """
    program = PromptProgram.default(spec)
    prompts = prompt_tokens(program, inputs[:16], model)
    answers = label_answers(program, model)
    model.score(prompts, answers)  # the first passes of a process are slower than all that follow
    read = max(_speed(model, lambda: _read(model, prompts, answers)) for _ in range(_TRIES))
    if not trains or "train" not in model.capabilities:
        return Pace(read=read, trained=read)
    rows = [TrainRow(prompt=p, completion=answers[0]) for p in prompts[:8]]
    speeds: list[float] = []
    begin = time.perf_counter()
    with model.training(TrainSettings(total_steps=_STEPS)) as trainer:
        # Memory that a step touches for the first time costs more than the step: go on until that is over.
        while len(speeds) < 2 or (len(speeds) < _STEPS and time.perf_counter() - begin < _WARMING_SECONDS):
            speeds.append(_speed(model, lambda: trainer.step(rows)))
    return Pace(read=read, trained=max(speeds) / 3)


def _read(model: LanguageModel, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> None:
    model.forget(results=True)
    model.score(prompts, answers)


def _speed(model: LanguageModel, work: Callable[[], object]) -> float:
    before, start = model.token_passes, time.perf_counter()
    work()
    return (model.token_passes - before) / (time.perf_counter() - start)
