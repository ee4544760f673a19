"""Demonstrations that are chosen for each input: which labelled rows are near, and prompts that show them."""

from __future__ import annotations

__all__ = ["agreement", "near_rows", "nearer", "prompts_beside", "spread"]

from collections.abc import Mapping, Sequence

import numpy as np

from crossover.candidate import Demonstration, PromptProgram
from crossover.candidate.head import head_tokens
from crossover.candidate.neighbours import Neighbours, nearest_states
from crossover.candidate.program import Nearness
from crossover.candidate.prompted import prompt_tokens
from crossover.candidate.wording import joined
from crossover.methods.choosing import folds
from crossover.model.base import LanguageModel
from crossover.records import Example, TaskSpec


def near_rows(
    labelled: Sequence[Example], spec: TaskSpec, k: int, model: LanguageModel
) -> dict[Nearness, list[list[int]]]:
    """Return each row's k nearest others, nearest first, by words and, where the model can, by its states."""
    texts = [joined(e.inputs, spec.input_fields) for e in labelled]
    everyone = range(len(labelled))
    near: dict[Nearness, list[list[int]]] = {"words": Neighbours(texts).nearest(texts, k, without=everyone)}
    if "embed" in model.capabilities:
        states = model.embed([head_tokens(model, e.inputs, spec.input_fields) for e in labelled])
        near["states"] = nearest_states(states, states, k, without=everyone)
    return near


def nearer(
    labelled: Sequence[Example], spec: TaskSpec, k: int, model: LanguageModel
) -> tuple[Nearness, list[list[int]]]:
    """Return what is near, words or the model's states, and each row's k nearest others by it.

    Taken is that by which more of a row's neighbours have the row's own label: demonstrations help by their labels.
    """
    near = near_rows(labelled, spec, k, model)
    same = agreement(labelled, near)
    best = max(near, key=lambda by: same[by])
    return best, near[best]


def agreement(labelled: Sequence[Example], near: Mapping[Nearness, Sequence[Sequence[int]]]) -> dict[Nearness, int]:
    """Return how many of all rows' neighbours have their row's own label, for each sort of nearness."""
    return {
        by: sum(labelled[j].target == labelled[i].target for i, row in enumerate(rows) for j in row)
        for by, rows in near.items()
    }


def prompts_beside(
    program: PromptProgram,
    rows: Sequence[Example],
    near: Sequence[Sequence[int]],
    pool: Sequence[Demonstration],
    model: LanguageModel,
) -> list[tuple[int, ...]]:
    """Return each row's prompt below its own demonstrations, the nearest last.

    Args:
        program: its own demonstrations are not shown.
        rows: the rows to ask.
        near: for each row places in `pool`, nearest first.
        pool: solved examples.
        model: whose tokens they are.
    """
    prompts: list[tuple[int, ...]] = []
    for row, neighbours in zip(rows, near, strict=True):
        shown = program.with_demonstrations([pool[j] for j in reversed(neighbours)])
        prompts += prompt_tokens(shown, [row.inputs], model)
    return prompts


def spread(rows: Sequence[Example], n: int, seed: int) -> list[int]:
    """Return up to n row indices, labels spread evenly."""
    if len(rows) <= n:
        return list(range(len(rows)))
    parts = folds(rows, -(-len(rows) // n), seed)
    return sorted(np.concatenate(parts[:1]).astype(int).tolist())[:n]
