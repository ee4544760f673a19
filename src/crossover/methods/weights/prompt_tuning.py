"""`prompt-tuning`: the beginning that all prompts share becomes a soft prompt, trained on the labels' answers."""

from __future__ import annotations

__all__ = ["MOST_TOKENS", "PromptTuning", "beginning_of"]

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from typing import ClassVar

from crossover.candidate import Candidate, PromptProgram
from crossover.candidate.prompted import prompt_tokens
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.start import begin
from crossover.methods.weights.lora import Lora, fit_lora
from crossover.methods.weights.recipe import Recipe, around
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.model.engine.forest import common_prefix
from crossover.records import KINDS, Example, Family, Inputs, Kind, TaskSpec

LEARNING_RATE = 1e-2
"""A guess, not yet judged (docs/log.md, 2026-11-25)."""
MOST_TOKENS = 128
_FEWEST_TOKENS = 8
_TOKENS_BEFORE = 16
_INVENTED = ("a", "0")


class PromptTuning(Method):
    """Embeddings in the place of instruction, label list and demonstrations (Lester et al. 2021, arXiv:2104.08691), on
    the steps and rows of `lora`. They begin as those of the words: the fit starts from the hard prompt's answers.
    """

    name: ClassVar[str] = "prompt-tuning"
    family: ClassVar[Family] = "weights"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "train"})
    min_budget: ClassVar[int] = 4
    is_default: ClassVar[bool] = False
    goes_on_from: ClassVar[tuple[Family, ...]] = ("prompt",)
    summary: ClassVar[str] = "a soft prompt that begins as the instruction's words"

    def fit(
        self,
        spec: TaskSpec,
        labelled: Sequence[Example],
        unlabelled: Sequence[Inputs],
        *,
        model: LanguageModel | None,
        metric: Metric,
        effort: float,
        seed: int,
        start: Candidate | None = None,
    ) -> Fitted:
        """Train the beginning of the default prompt, or of the one that the step before found."""
        if model is None:
            raise TrialError("prompt-tuning needs a language model")
        program = begin(spec, start).program
        inputs = [*(row.inputs for row in labelled), *unlabelled]
        recipe = Recipe(
            name=self.name,
            adapter="soft",
            learning_rate=LEARNING_RATE,
            begins_as=partial(beginning_of, inputs=inputs, model=model),
        )
        layouts = None if start is None else (program.layout,)
        return fit_lora(program, labelled, spec, model, metric, effort, seed, layouts=layouts, recipes=around(recipe))

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """As `lora`: gradients reach the embeddings through all layers."""
        return Lora().cost(shape, budget, effort)


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
