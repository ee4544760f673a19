"""`prompt-tuning`: the beginning that all prompts share becomes a soft prompt, trained on the labels' answers."""

from __future__ import annotations

__all__ = ["MOST_TOKENS", "PromptTuning", "beginning_of"]

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from typing import ClassVar

from crossover.candidate import PromptProgram
from crossover.candidate.prompted import prompt_tokens
from crossover.methods.weights.lora import Lora
from crossover.methods.weights.recipe import Recipe, around
from crossover.model.base import LanguageModel
from crossover.model.engine.forest import common_prefix
from crossover.records import Inputs

LEARNING_RATE = 3e-2
"""Better than 1e-2 on each set of three, and that than 3e-3 (docs/log.md, 2026-11-25)."""
MOST_TOKENS = 128
_FEWEST_TOKENS = 8
_TOKENS_BEFORE = 16
_INVENTED = ("a", "0")


class PromptTuning(Lora):
    """Embeddings in the place of instruction, label list and demonstrations (Lester et al. 2021, arXiv:2104.08691), on
    the steps and rows of `lora`. They begin as those of the words: the fit starts from the hard prompt's answers.
    """

    name: ClassVar[str] = "prompt-tuning"
    is_core: ClassVar[bool] = False
    is_default: ClassVar[bool] = False
    summary: ClassVar[str] = "a soft prompt that begins as the instruction's words"

    def recipes(self, inputs: Sequence[Inputs], model: LanguageModel) -> Sequence[Recipe]:
        """Return a soft prompt in the place of what all prompts begin with, at a rate, half and twice of it."""
        begins_as = partial(beginning_of, inputs=inputs, model=model)
        return around(Recipe(name=self.name, adapter="soft", learning_rate=LEARNING_RATE, begins_as=begins_as))


def beginning_of(program: PromptProgram, inputs: Sequence[Inputs], model: LanguageModel) -> tuple[int, ...]:
    """Return the tokens that a soft prompt takes the place of, at most 128: with these all prompts of a program begin.

    The last token that they share is not among them: before some other input it may be merged with what follows.
    Prompts that share hardly anything, as conversations do, get 16 tokens put before them, begun as words of theirs.

    Args:
        program: a program.
        inputs: what it is known to be asked.
        model: whose tokens they are.
    """
    bare = replace(program, retrieval=None)  # demonstrations that are chosen stand where an input stands
    prompts = prompt_tokens(bare, [*inputs, *(program.saying(text) for text in _INVENTED)], model)
    shared = prompts[0][: max(common_prefix(prompts) - 1, 0)][:MOST_TOKENS]
    if len(shared) >= _FEWEST_TOKENS:
        return shared
    words = model.encode(program.instruction or ", ".join(program.label_words.values()) or program.template)
    return tuple(islice(cycle(words), _TOKENS_BEFORE))
