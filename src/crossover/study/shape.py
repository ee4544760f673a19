"""The planner's figures: how long prompts are, and how fast this machine is."""

from __future__ import annotations

__all__ = ["check_lengths", "measure_pace", "task_shape", "with_room"]

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil

from crossover.candidate.program import PromptProgram
from crossover.candidate.prompted import answer_room, label_answers, prompt_tokens, scored_answers, target_answers
from crossover.errors import DataError
from crossover.methods import Shape
from crossover.model.base import LanguageModel, TrainRow, TrainSettings
from crossover.model.engine.forest import Forest, common_prefix
from crossover.records import Example, Probe, TaskSpec
from crossover.study.pace import WRITTEN, Pace
from crossover.task import Task

_SAMPLE = 64
_TRIES = 2
_CALLS = 4
_STEPS = 5
_WARMING_SECONDS = 12.0
_WRITTEN_TOKENS = 32
_LEAST_ROOM = 16
_MOST_ROOM = 1024
_RESERVE = 1.1
_MEASURED_TARGETS = 2_000
_SHARE_WITHIN = {"chat": 0.95, "generation": 0.95}
"""Share of the training targets that fit into an answer's room, where it is not .99: an answer that may say anything
has no end that it must reach, and a frozen model that repeats itself would go on for the longest of all."""


def with_room(task: Task, model: LanguageModel) -> Task:
    """Return the task with room for its answers in the model's own tokens: all but the longest training targets fit.

    A task whose user said how long an answer may be, and one whose answers are labels, are returned as they are.
    """
    if task.room_said or not task.spec.answer_tokens:
        return task
    targets = [row.target for row in task.train[:_MEASURED_TARGETS] if row.target is not None]
    sizes = sorted(map(len, target_answers(PromptProgram.default(task.spec), targets, model)))
    within = sizes[min(len(sizes) - 1, int(_SHARE_WITHIN.get(task.spec.kind, 0.99) * len(sizes)))]
    room = min(max(ceil(within * _RESERVE), _LEAST_ROOM), _MOST_ROOM)
    return replace(task, spec=replace(task.spec, answer_tokens=room))


def check_lengths(task: Task, programs: Sequence[PromptProgram], model: LanguageModel) -> None:
    """Check that every row, training and test, fits into the model's context with each prompt and its answer.

    Where answers are written, room for the longest one allowed is needed, and for a training row's own. Only rows whose
    text alone could be too long are turned into tokens: a token is at least one byte.

    Raises:
        DataError: a row does not fit; the message names it.
    """
    limit = model.identity.context_tokens
    for program in programs:
        empty = prompt_tokens(program, [program.blank()], model)[0]
        room = answer_room(_longest_way(program, task.spec), model)
        sides = ((task.train, task.check.files[0]), (task.test, task.check.files[-1]))
        for example, file in ((e, f) for side, f in sides for e in side):
            target = example.target if program.is_open and example.target is not None else ""
            n_bytes = sum(map(_bytes, example.inputs.values()))
            # A template may name a field more than once.
            if 2 * n_bytes + len(empty) + room + _bytes(target) <= limit:
                continue
            answer = max(room, *map(len, target_answers(program, [target], model))) if target else room
            read = len(prompt_tokens(program, [example.inputs], model)[0])
            if read + answer > limit:
                shorter = (
                    ("or allow shorter answers: --answer-tokens",) if read + len(target) < limit and target else ()
                )
                raise DataError(
                    f"{file.name}, row {example.row} is {read:,} tokens long, its answer up to {answer:,}; "
                    f"{model.identity.name} reads {limit:,}.",
                    "shorten the row or drop it, or take a model with a longer context: --model",
                    *shorter,
                )


def task_shape(
    spec: TaskSpec,
    rows: Sequence[Example],
    n_test: int,
    model: LanguageModel,
    *,
    longest: Example | None = None,
    probes: Sequence[Probe] = (),
) -> Shape:
    """Return the task's lengths in the model's tokens, from up to 64 rows of the training split.

    Args:
        spec: the task.
        rows: of the training split.
        n_test: held-out rows.
        model: whose tokens count.
        longest: the row with the longest text, which need not be among the rows.
        probes: what every trial is asked beside the task.
    """
    program = PromptProgram.default(spec)
    rows = rows[:_SAMPLE]
    prompts = prompt_tokens(program, [row.inputs for row in rows], model)
    extremes = prompts if longest is None else [*prompts, *prompt_tokens(program, [longest.inputs], model)]
    shared = common_prefix(prompts)
    tree = Forest()
    if program.is_open:
        answers = target_answers(program, [row.target or "" for row in rows], model)
    else:
        answers = label_answers(program, model)
        for answer in scored_answers(program, model):
            tree.add(answer[:-1])
    mean = sum(map(len, answers)) / max(len(answers), 1)
    longest_answer = answer_room(_longest_way(program, spec), model)
    # A frozen model seldom ends where the wanted answers do: between their length and what is allowed.
    written = round((mean + longest_answer) / 2)
    return Shape(
        prefix=shared,
        row=round(sum(len(p) - shared for p in prompts) / max(len(prompts), 1)),
        answer_tree=len(tree),
        answer=round(mean),
        n_test=n_test,
        longest=max(map(len, extremes), default=0) + longest_answer,
        written=written if program.is_open else 0,
        freely=written if _writes_beside(spec) else 0,
        probes=sum(_probe_tokens(probe, model) for probe in probes),
    )


def _probe_tokens(probe: Probe, model: LanguageModel) -> int:
    """Return the tokens of a probe: each context once, and what may continue it."""
    contexts = sum(len(model.plain_prompt(row.context)) for row in probe.rows)
    return contexts + sum(len(model.encode(f" {option}")) for row in probe.rows for option in row.options)


def _writes_beside(spec: TaskSpec) -> bool:
    """Return whether answers are written where their kind does not write, or a second time."""
    return spec.constrain == "both" or (spec.constrain == "no" and bool(spec.labels))


def _longest_way(program: PromptProgram, spec: TaskSpec) -> PromptProgram:
    """Return the program as it answers at the greatest length."""
    return program.freely() if _writes_beside(spec) else program


def measure_pace(spec: TaskSpec, rows: Sequence[Example], model: LanguageModel, *, trains: bool = True) -> Pace:
    """Return tokens a second, read, trained on and written, from a few passes over training rows: a few seconds.

    Where nothing of the plan trains (`trains`), no step is taken.
    """
    program = PromptProgram.default(spec)
    rows = rows[:16]
    prompts = prompt_tokens(program, [row.inputs for row in rows], model)
    if program.is_open:
        answers = target_answers(program, [row.target or "" for row in rows], model)
    else:
        answers = label_answers(program, model)

    def read_all() -> None:
        model.forget(results=True)
        if program.is_open:
            model.score_own(prompts, answers)
        else:
            model.score(prompts, answers)

    read_all()  # the first passes of a process are slower than all that follow
    read = max(_speed(model, read_all) for _ in range(_TRIES))
    call = min(_call_seconds(prompts[i : i + 1], answers, program, model) for i in range(min(_CALLS, len(prompts))))
    writes = program.is_open or _writes_beside(spec)
    written = _writing_speed(_longest_way(program, spec), prompts, model) if writes else WRITTEN
    if not trains or "train" not in model.capabilities:
        return Pace(read=read, trained=read, written=written, call=call)
    taught = answers if program.is_open else answers[:1] * len(prompts)
    batch = [TrainRow(prompt=p, completion=a) for p, a in zip(prompts[:8], taught[:8], strict=True)]
    speeds: list[float] = []
    begin = time.perf_counter()
    with model.training(TrainSettings(total_steps=_STEPS)) as trainer:
        # Memory that a step touches for the first time costs more than the step: go on until that is over.
        while len(speeds) < 2 or (len(speeds) < _STEPS and time.perf_counter() - begin < _WARMING_SECONDS):
            speeds.append(_speed(model, lambda: trainer.step(batch)))
    return Pace(read=read, trained=max(speeds) / 3, written=written, call=call)


def _writing_speed(program: PromptProgram, prompts: Sequence[Sequence[int]], model: LanguageModel) -> float:
    """Return tokens a second of answers that are written side by side."""
    start = time.perf_counter()
    written = model.generate(prompts, max_tokens=min(answer_room(program, model), _WRITTEN_TOKENS))
    return max(sum(one.output_tokens for one in written), 1) / (time.perf_counter() - start)


def _call_seconds(
    prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], program: PromptProgram, model: LanguageModel
) -> float:
    """Return the seconds of one prompt alone, its beginning computed before."""
    start = time.perf_counter()
    if program.is_open:
        model.score_own(prompts, answers[:1])
    else:
        model.score(prompts, answers)
    return time.perf_counter() - start


def _speed(model: LanguageModel, work: Callable[[], object]) -> float:
    before, start = model.token_passes, time.perf_counter()
    work()
    return (model.token_passes - before) / (time.perf_counter() - start)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
