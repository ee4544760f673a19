"""The `gepa` package on one instruction: it draws rows and keeps a Pareto front, we answer rows and ask the reflector.

https://github.com/gepa-ai/gepa, `gepa.optimize` with an adapter. It writes no file here and reaches no network.
"""

from __future__ import annotations

__all__ = ["Evolved", "evolve"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gepa.api import optimize
from gepa.core.adapter import EvaluationBatch, ProposalFn
from gepa.core.result import GEPAResult
from gepa.core.state import GEPAState
from gepa.strategies.instruction_proposal import InstructionProposalSignature

from crossover.methods.prompt.rating import Rated, Rater
from crossover.model.base import LanguageModel
from crossover.model.reflector import Reflector
from crossover.records import Example

_PART = "instruction"

_SHOWN = 3
"""Rows that one reflection is about, as in the paper."""

_MOST_CHARACTERS = 1_500
"""Of one field of a row, for the reflector; the rest is cut."""

_ROUNDS = 60
"""Most reflections: rounds whose rows are all right cost nothing, and would never end."""

_SEEDS_APART = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Evolved:
    """What a search leaves.

    Attributes:
        instructions: those that all of the judging rows have rated, the one it began with first.
        token_passes: the reflector's, as far as the studied model has not counted them itself.
        replies: how often the reflector answered.
    """

    instructions: tuple[str, ...]
    token_passes: int
    replies: int


def evolve(
    instruction: str,
    rater: Rater,
    taught: Sequence[Example],
    judging: Sequence[Example],
    reflector: Reflector,
    model: LanguageModel,
    *,
    spent: Callable[[], int],
    bound: int,
    seed: int,
) -> Evolved:
    """Let a reflector rewrite an instruction, time and again, as long as token passes are left.

    Args:
        instruction: to begin with.
        rater: answers rows below an instruction.
        taught: rows that reflections are about.
        judging: rows that rate what is better on those.
        reflector: rewrites.
        model: the studied one; the reflector may be the same.
        spent: token passes of the studied model so far.
        bound: token passes that all may take together. One reflection is made in any case.
        seed: of what is drawn.

    Raises:
        ModelError: the reflector cannot be loaded or reached.
    """
    adapter = _Adapter(rater, reflector, model, seed)
    last, largest, rounds = 0, 0, 0

    def stop(gepa_state: GEPAState[Any, Any]) -> bool:
        nonlocal last, largest, rounds
        now = spent() + adapter.token_passes
        largest = max(largest, now - last) if rounds else 0
        last, rounds = now, rounds + 1
        return rounds > _ROUNDS or (rounds > 1 and now + largest > bound)

    result: GEPAResult[str, Any] = optimize(
        seed_candidate={_PART: instruction},
        trainset=list(taught),
        valset=list(judging),
        adapter=adapter,
        stop_callbacks=stop,
        reflection_minibatch_size=min(_SHOWN, len(taught)),
        logger=_Silent(),
        track_best_outputs=False,
        seed=seed,
    )
    kept = dict.fromkeys(candidate[_PART] for candidate in result.candidates)
    return Evolved(instructions=tuple(kept), token_passes=adapter.token_passes, replies=adapter.replies)


class _Adapter:
    """What `gepa` asks of a system that it improves."""

    propose_new_texts: ProposalFn | None

    def __init__(self, rater: Rater, reflector: Reflector, model: LanguageModel, seed: int) -> None:
        self._rater, self._reflector, self._model, self._seed = rater, reflector, model, seed
        self.token_passes = self.replies = 0
        self.propose_new_texts = self._propose

    def evaluate(
        self,
        batch: list[Example],
        candidate: dict[str, str],
        capture_traces: bool = False,  # noqa: FBT001, FBT002  # gepa's own
    ) -> EvaluationBatch[Rated, str]:
        """Answer rows below a candidate's instruction."""
        rated = self._rater.rate(candidate[_PART], batch)
        return EvaluationBatch(
            outputs=[one.answer for one in rated],
            scores=[one.score for one in rated],
            trajectories=rated if capture_traces else None,
        )

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: EvaluationBatch[Rated, str], components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the rows, their answers, and what would have been right."""
        return {_PART: [self._told(one) for one in eval_batch.trajectories or ()]}

    def _told(self, one: Rated) -> dict[str, Any]:
        feedback = "This is right."
        if one.score < 1:
            wanted = _cut(self._rater.wanted(one.row))
            feedback = f"This scores {one.score:.2f} of 1. The answer that is wanted:\n{wanted}"
        inputs = {name: _cut(text) for name, text in one.row.inputs.items()}
        return {"Inputs": inputs, "Generated Outputs": _cut(one.answer) or "(nothing)", "Feedback": feedback}

    def _propose(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """Return what the reflector says instead; where that is no instruction, the one there was."""
        told = list(reflective_dataset[_PART])
        while told:
            asked = InstructionProposalSignature.prompt_renderer(
                {"current_instruction_doc": candidate[_PART], "dataset_with_feedback": told}
            )
            assert isinstance(asked, str), "lists of messages are for images"
            before = self._model.token_passes
            reply = self._reflector.reply(asked, seed=self._seed * _SEEDS_APART + self.replies)
            if reply is None:  # too long for the reflector: it hears of fewer rows
                told.pop()
                continue
            # The studied model may reflect on itself: what its own counter has seen is not counted twice.
            self.token_passes += reply.token_passes - (self._model.token_passes - before)
            self.replies += 1
            said = InstructionProposalSignature.output_extractor(reply.text.strip())["new_instruction"]
            text = "".join(c for c in said if c.isprintable() or c in "\n\t").strip()
            return {_PART: text if self._rater.fits(text) else candidate[_PART]}
        return {_PART: candidate[_PART]}


class _Silent:
    def log(self, message: str) -> None:
        """Say nothing: a study has its own display."""


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} …"
