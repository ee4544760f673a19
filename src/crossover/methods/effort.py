"""Effort: the compute that every method may spend on fitting and choosing, in token passes."""

from __future__ import annotations

__all__ = ["BATCH", "STEPS", "Meter", "allowance", "n_steps", "planned_allowance"]

import time
from collections.abc import Sequence

from crossover.candidate.program import PromptProgram
from crossover.candidate.prompted import prompt_tokens, target_answers
from crossover.methods.base import Shape
from crossover.model.base import LanguageModel
from crossover.model.engine.forest import common_prefix
from crossover.records import Example

STEPS = 48
"""Most steps of a default LoRA fit. Steps and rate on snips, 32 / 128 labels, 150 test rows, one seed (docs/log.md,
2026-11-23): 24 at 1e-3 .73 / .61, 24 at 2e-3 .85 / .80, 40 at 1e-3 .79 / .85, 64 at 5e-4 .80 / .87;
three seeds, 32 labels: 24 at 2e-3 .79 to .81, 36 to 40 at 2e-3 .82; TREC the same with 24 and 32 steps."""

BATCH = 8
_FEWEST_STEPS = 16
_LABELS_A_STEP = 4


def allowance(program: PromptProgram, labelled: Sequence[Example], model: LanguageModel, effort: float) -> int:
    """Return the token passes of `effort` default LoRA fits on this task: `n_steps` of 8 rows, 3 passes a token.

    The engine computes the prompts' shared beginning once a step, so it counts once.
    """
    rows = labelled[:32]
    prompts = prompt_tokens(program, [e.inputs for e in rows], model)
    shared = common_prefix(prompts)
    targets = list(program.label_words) or [str(e.target) for e in rows]
    answer = sum(map(len, target_answers(program, targets, model))) / max(len(targets), 1)
    row = sum(len(p) - shared for p in prompts) / max(len(prompts), 1) + answer - 1
    return 3 * n_steps(len(labelled), effort) * round(shared + BATCH * row)


def planned_allowance(shape: Shape, budget: int, effort: float) -> int:
    """Return about what `allowance` will be, from what a plan knows."""
    return 3 * n_steps(budget, effort) * (shape.prefix + BATCH * (shape.row + shape.answer - 1))


def n_steps(n_rows: int, effort: float) -> int:
    """Return how many steps a fit on so many rows takes: 16, one more for every 4 labels, and at most 48."""
    return max(round(effort * min(STEPS, _FEWEST_STEPS + n_rows / _LABELS_A_STEP)), 2)


class Meter:
    """Counts token passes and seconds since it was made."""

    def __init__(self, model: LanguageModel | None) -> None:
        """Start counting."""
        self._model = model
        self._passes = model.token_passes if model else 0
        self._start = time.perf_counter()

    @property
    def token_passes(self) -> int:
        """Token passes since the start."""
        return (self._model.token_passes if self._model else 0) - self._passes

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start
