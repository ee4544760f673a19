"""What an edit of the prompt does: how soon there is an answer under it, and whether the answer follows it."""

from __future__ import annotations

__all__ = ["INPUTS", "Wish", "interaction", "wish_for"]

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from crossover.candidate import Candidate, PromptedCandidate, PromptProgram
from crossover.candidate.defaults import PARAGRAPH
from crossover.candidate.prompted import answer_room, prompt_tokens
from crossover.model.base import LanguageModel
from crossover.records import Inputs, Interaction, TaskSpec

INPUTS = 5
"""Inputs that are tried: a cheap look, which says "all", "some" or "none" and no more."""

_WRITTEN_TOKENS = 24
"""Tokens of each answer that are looked at: capital letters show early."""

_NEW_LABEL = "none of these"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Something that an edited instruction asks of every answer's form.

    Attributes:
        called: in words: "capital letters".
        sentence: added to the instruction.
        is_met: whether a written answer has it.
    """

    called: str
    sentence: str
    is_met: Callable[[str], bool]


_WISHES = (
    Wish(called="capital letters", sentence="Write the answer in CAPITAL LETTERS only.", is_met=str.isupper),
    Wish(called="small letters", sentence="Write the answer in small letters only.", is_met=str.islower),
    Wish(
        called="square brackets",
        sentence="Write the answer in square brackets, [like this].",
        is_met=lambda text: text.startswith("[") and text.endswith("]"),
    ),
)


def wish_for(answers: Sequence[str]) -> Wish:
    """Return what to ask for: the first wish that the answers shown so far do not fulfil by themselves.

    Answers with any small letter can be asked for in capitals, those in capitals in small letters, and those without
    letters that have a case in brackets.

    >>> wish_for(["refund"]).called, wish_for(["HUM"]).called, wish_for(["42"]).called
    ('capital letters', 'small letters', 'square brackets')
    """
    joined = " ".join(answers)
    if joined.upper() != joined:
        return _WISHES[0]
    return _WISHES[1] if joined.lower() != joined else _WISHES[2]


def interaction(candidate: Candidate, inputs: Sequence[Inputs], spec: TaskSpec, model: LanguageModel) -> Interaction:
    """Edit a candidate's prompt and look at what it then does; weights stay as they are.

    Args:
        candidate: what a method left. One without a prompt cannot be edited: it is fitted again.
        inputs: of the training split, best such as the candidate was not fitted on; the first `INPUTS` are taken.
        spec: the task.
        model: the model.
    """
    if not isinstance(candidate, PromptedCandidate):
        return Interaction(editable=False)
    tried = list(inputs[:INPUTS])
    if not tried:
        return Interaction(editable=True)
    program = candidate.program
    with candidate.opened(model):
        # The adapter is on already; what is asked inside are prompts.
        bare = replace(candidate, adapter=None)
        seconds = _first_answer(bare, tried[0], model)
        labels = _new_labels(bare, tried, model) if program.label_words else None
        if program.reasoning is not None:  # what is written first is reasoning: its form is not the answer's
            return Interaction(editable=True, inputs=len(tried), first_answer_s=seconds, new_labels_s=labels)
        wish = wish_for(_shown(program, spec))
        before = _written(program, tried, model)
        after = _written(_asked(program, wish.sentence), tried, model)
    return Interaction(
        editable=True,
        inputs=len(tried),
        first_answer_s=seconds,
        new_labels_s=labels,
        in_form=_share(set(program.label_words.values()).__contains__, before) if program.label_words else None,
        asked=wish.called,
        follows_before=_share(wish.is_met, before),
        follows=_share(wish.is_met, after),
    )


def _asked(program: PromptProgram, sentence: str) -> PromptProgram:
    """Return the program with a sentence more in its instruction; a conversation's turns bring their own."""
    return replace(program, instruction=f"{program.instruction} {sentence}".strip())


def _first_answer(candidate: PromptedCandidate, one: Inputs, model: LanguageModel) -> float:
    """Return the seconds from an edited prompt to the answer to one input.

    The edit stands in the prompt's first turn, so that nothing behind it can have been read before.
    """
    start = time.perf_counter()
    edited = replace(candidate, program=_asked(candidate.program, "Be exact."))
    edited.predictor(model)([one])
    return time.perf_counter() - start


def _new_labels(candidate: PromptedCandidate, inputs: Sequence[Inputs], model: LanguageModel) -> float:
    """Return the seconds until a prompt with one label more has been built and what its calls share has been read."""
    model.forget()  # where the labels stand in no prompt it begins as the one before
    start = time.perf_counter()
    words = {**candidate.program.label_words, _NEW_LABEL: _NEW_LABEL}
    edited = replace(candidate, program=replace(candidate.program, label_words=words), prior=None)
    edited.predictor(model)(inputs[:2])
    return time.perf_counter() - start


def _shown(program: PromptProgram, spec: TaskSpec) -> list[str]:
    """Return answers as the prompt shows them; where it shows none, any text will do."""
    if program.label_words:
        return list(program.label_words.values())
    shown = [one.target for one in (program.retrieval.pool if program.retrieval else program.demonstrations)]
    return shown or [spec.kind]


def _written(program: PromptProgram, inputs: Sequence[Inputs], model: LanguageModel) -> list[str]:
    free = program.freely()
    stop = [PARAGRAPH] if free.layout == "plain" else []
    room = min(answer_room(free, model), _WRITTEN_TOKENS)
    written = model.generate(prompt_tokens(free, inputs, model), max_tokens=room, stop=stop)
    return [one.text.strip() for one in written]


def _share(is_met: Callable[[str], bool], texts: Sequence[str]) -> float:
    return sum(map(is_met, texts)) / len(texts)
