"""Where answers are written: how likely a program makes the labelled answers, and what it writes itself."""

from __future__ import annotations

__all__ = [
    "DEV_ROWS",
    "LIKELIHOOD_ROWS",
    "SHOWN_TOKENS",
    "choose_program",
    "layouts_for",
    "likelihoods",
    "likeliest",
    "shown_within",
    "written_score",
]

from collections.abc import Mapping, Sequence

import numpy as np

from crossover.candidate import PromptedCandidate, PromptProgram
from crossover.candidate.defaults import PARAGRAPH
from crossover.candidate.program import LAYOUTS, Layout
from crossover.candidate.prompted import prompt_tokens, target_answers, write
from crossover.methods.choosing import out_of_bag_score
from crossover.metrics import Metric
from crossover.model.base import FloatArray, LanguageModel
from crossover.records import Configuration, Example, Json, TaskSpec

DEV_ROWS = 16
"""Labelled rows that a chosen configuration answers, for its dev score: a written answer costs as much as fifty read
labels."""

LIKELIHOOD_ROWS = 32
"""Labelled rows by whose answers' likelihood configurations are chosen."""

SHOWN_TOKENS = 1_500
"""Demonstrations together: longer prompts cost more than they gain with small models, and contexts end."""


def layouts_for(spec: TaskSpec, rows: Sequence[Example]) -> tuple[Layout, ...]:
    """Return the layouts that can hold the task's answers: in the plain one an empty line ends an answer.

    Requests that stand by themselves (chat, generation) are turns of a conversation and nothing else.
    """
    if spec.kind in ("chat", "generation") or any(PARAGRAPH in (row.target or "") for row in rows):
        return ("chat",)
    return LAYOUTS


def likelihoods(
    program: PromptProgram,
    rows: Sequence[Example],
    model: LanguageModel,
    prompts: Sequence[tuple[int, ...]] | None = None,
) -> FloatArray:
    """Return the mean log-probability of a token of each row's answer, [rows]; `prompts` in place of the program's."""
    answers = target_answers(program, [str(row.target) for row in rows], model)
    if prompts is None:
        prompts = prompt_tokens(program, [row.inputs for row in rows], model)
    return model.score_own(prompts, answers) / np.array([len(answer) for answer in answers], dtype=np.float64)


def likeliest(programs: Sequence[PromptProgram], rows: Sequence[Example], model: LanguageModel) -> PromptProgram:
    """Return the program that makes the rows' answers most likely; the first of equals."""
    if len(programs) == 1:
        return programs[0]
    found = [float(likelihoods(program, rows, model).mean()) for program in programs]
    return programs[found.index(max(found))]


def written_score(
    program: PromptProgram,
    rows: Sequence[Example],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
    prompts: Sequence[tuple[int, ...]] | None = None,
) -> float | None:
    """Let the model, as it stands, answer rows; return their mean score, None without rows."""
    scores = _written_scores(program, rows, spec, metric, model, prompts)
    return float(scores.mean()) if len(scores) else None


def choose_program(
    programs: Mapping[str, PromptProgram],
    labelled: Sequence[Example],
    dev: Sequence[Example],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
    **settings: Json,
) -> tuple[PromptedCandidate, tuple[Configuration, ...], float | None]:
    """Return the program that answers the dev rows best, and what choosing so scores.

    A bare prompt that makes the right answers likely need not write them: nothing shows it where an answer ends. So
    each program writes, and the likelihood of all labelled answers decides between those that write alike (dialogsum:
    the likelier layout scored .04, the other .20; docs/log.md, 2026-11-25).

    Args:
        programs: name -> program; the first one is taken where there is no label to choose by.
        labelled: rows whose answers' likelihood counts; the dev rows are the first of them.
        dev: rows that every program answers.
        spec: the task.
        metric: the study's.
        model: the frozen model.
        settings: what the store keeps beside each program's name.
    """
    names = list(programs)
    if not labelled:
        (name, program) = next(iter(programs.items()))
        only = Configuration(settings={**settings, "program": name, "layout": program.layout}, dev_score=None)
        return PromptedCandidate(program=program), (only,), None
    likely = np.stack([likelihoods(programs[name], labelled, model) for name in names])
    answered = np.stack([_written_scores(programs[name], dev, spec, metric, model) for name in names])
    rows = min(answered.shape[1], likely.shape[1])
    keys = answered.mean(axis=1) + np.exp(likely.mean(axis=1))
    best = int(keys.argmax())
    score = out_of_bag_score(answered[:, :rows], likely[:, :rows])
    tried = tuple(
        Configuration(
            settings={
                **settings,
                "program": name,
                "layout": programs[name].layout,
                "log_likelihood": round(float(likely[place].mean()), 4),
            },
            dev_score=float(answered[place].mean()),
        )
        for place, name in enumerate(names)
    )
    return PromptedCandidate(program=programs[names[best]]), tried, score


def _written_scores(
    program: PromptProgram,
    rows: Sequence[Example],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
    prompts: Sequence[tuple[int, ...]] | None = None,
) -> FloatArray:
    """Let the model answer rows; return their scores, [rows]."""
    if prompts is None:
        prompts = prompt_tokens(program, [row.inputs for row in rows], model)
    answers = write(program, prompts, model) if rows else []
    scores = [metric.score(one.answer or "", row, spec) for one, row in zip(answers, rows, strict=True)]
    return np.array(scores, dtype=np.float64)


def shown_within(rows: Sequence[Example], program: PromptProgram, model: LanguageModel, most: int) -> int:
    """Return how many demonstrations of middling length fit beside an input: at least 1 and at most `most`."""
    prompts = prompt_tokens(program, [row.inputs for row in rows], model)
    answers = target_answers(program, [str(row.target) for row in rows], model)
    sizes = sorted(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True))
    room = min(SHOWN_TOKENS, model.identity.context_tokens // 2 - program.answer_tokens)
    return max(1, min(most, room // sizes[len(sizes) // 2]))
