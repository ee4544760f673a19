"""How much of the base model is left after its weights were adapted, measured without any data."""

from __future__ import annotations

__all__ = ["OPENINGS", "REQUESTS", "OwnText", "own_text", "retained", "share_kept"]

import math
import time
from dataclasses import dataclass

from crossover.model.base import Adapter, LanguageModel
from crossover.records import Retained

OPENINGS = (
    "The old bridge at the edge of the village",
    "Water boils sooner on a mountain because",
    "Preheat the oven, then mix the flour with",
    "Dear Ms Hartmann, thank you for your letter of",
    "In the second half the visitors pressed forward and",
    "The committee met on Tuesday to discuss",
    "def mean(values):\n    ",
    "Once the rain had stopped, the two sisters",
    "A contract is binding on both parties when",
    "The patient was told to rest and to",
    "Prices rose again last month, as",
    "To fold the paper crane, first",
)
"""Beginnings of different registers that the model continues."""

REQUESTS = (
    "Explain in simple words how a rainbow comes about.",
    "Suggest three names for a small bakery.",
    "What should I pack for a week by the sea?",
    "Write a short note that thanks a neighbour for help.",
)
"""Requests that the model answers in its chat template: it is as a rule adapted in that form."""

ANSWER_TOKENS = 128
"""Tokens of each text at most: about 2,000 in all."""

_SEED = 20_260_101


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnText:
    """Token ids: neutral beginnings, and what the base model wrote after each."""

    prompts: tuple[tuple[int, ...], ...]
    written: tuple[tuple[int, ...], ...]


def own_text(model: LanguageModel) -> OwnText:
    """Let the base model write after neutral beginnings, drawn at temperature 1 with a fixed seed: the same each time.

    Text drawn from the model is a sample of what it knows how to say, weighted as it says it. It needs no corpus, which
    for most models is not public, and no rows of the user's.
    """
    prompts = [model.plain_prompt(text) for text in OPENINGS]
    prompts += [model.render([{"role": "user", "content": text}]) for text in REQUESTS]
    answers = model.generate(prompts, max_tokens=ANSWER_TOKENS, temperature=1.0, seed=_SEED)
    pairs = [(prompt, one.tokens) for prompt, one in zip(prompts, answers, strict=True) if one.tokens]
    return OwnText(prompts=tuple(prompt for prompt, _ in pairs), written=tuple(tokens for _, tokens in pairs))


def retained(adapter: Adapter, text: OwnText, model: LanguageModel) -> Retained:
    """Measure how far an adapter, a soft prompt or other weights move the base model on its own text.

    The divergence KL(base ‖ adapted) is taken over the whole vocabulary at each token: the cross-entropy with the base
    model's own predictions by which Kalajdzievski (2024, arXiv:2401.05605) measures forgetting, less the base model's
    entropy, which no adapter changes. The rise of the loss on the tokens that were drawn estimates the same with more
    noise; the two far apart would say that the text is too short.
    """
    start = time.perf_counter()
    found = model.divergence(text.prompts, text.written, adapter)
    return Retained(
        divergence=max(float(found.kl.mean()), 0.0),  # rounding may leave it a hair below
        loss_rise=float((found.loss - found.base_loss).mean()),
        tokens=len(found.kl),
        seconds=time.perf_counter() - start,
    )


def share_kept(divergence: float) -> float:
    """Return retention, 0..1, from the mean divergence in nats a token: exp(-KL).

    exp(-KL(p ‖ q)) is the geometric mean, over what the base model would say, of q/p: the part of the probability of
    its own next token that it still gives. 1 where nothing changed, .5 where a token it would have said is half as
    likely, near 0 where it no longer says it. It is to KL what the perplexity's reciprocal is to the entropy.

    >>> share_kept(0.0), round(share_kept(0.6931), 3)
    (1.0, 0.5)
    """
    return math.exp(-divergence)
