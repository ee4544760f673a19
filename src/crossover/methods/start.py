"""Where a method begins: with the default prompt and the base model, or with what the step before it left."""

from __future__ import annotations

__all__ = ["PROMPTED", "Beginning", "begin"]

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from crossover.candidate import Candidate, PromptedCandidate, PromptProgram
from crossover.errors import TrialError
from crossover.model.base import Adapter, LanguageModel
from crossover.records import Family, TaskSpec

PROMPTED: tuple[Family, ...] = ("prompt", "weights", "both")
"""Families that may leave a prompt or an adapter to go on from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A program, and the adapter with which it is read; None for the base model."""

    program: PromptProgram
    adapter: Adapter | None = None

    @property
    def is_trained(self) -> bool:
        """Whether weights were trained for the task: correcting the label prior of such a model harms it."""
        return self.adapter is not None

    @property
    def bare(self) -> PromptProgram:
        """The program without its demonstrations, for methods that choose their own."""
        return replace(self.program, demonstrations=(), retrieval=None)

    def put_on(self, model: LanguageModel) -> AbstractContextManager[None]:
        """Let the model compute with the adapter for a block."""
        return model.adapted(self.adapter)

    def with_adapter(self, candidate: PromptedCandidate) -> PromptedCandidate:
        """Return the candidate, read with this beginning's adapter."""
        return replace(candidate, adapter=self.adapter)


def begin(spec: TaskSpec, start: Candidate | None) -> Beginning:
    """Return where to begin: `start`'s prompt and adapter, or the default program with the base model.

    Raises:
        TrialError: `start` asks no language model.
    """
    if start is None:
        return Beginning(program=PromptProgram.default(spec))
    if not isinstance(start, PromptedCandidate):
        raise TrialError(f"a sequence goes on from a prompt or an adapter, not from a {start.type} candidate")
    return Beginning(program=start.program, adapter=start.adapter)
