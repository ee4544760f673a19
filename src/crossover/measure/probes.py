"""The user's own probes: what a model knows beside the task, by log-likelihood alone."""

from __future__ import annotations

__all__ = ["score_probe"]

import numpy as np

from crossover.model.base import LanguageModel
from crossover.records import Probe


def score_probe(probe: Probe, model: LanguageModel) -> tuple[float, ...]:
    """Return the model's score on each row of a probe, 0 or 1, as it stands: without any prompt of the task's.

    Choice: the option with the highest log-likelihood after the context, divided by the option's length in characters,
    is the right one (`acc_norm` of EleutherAI's lm-evaluation-harness). Cloze: the model writes exactly the wanted
    tokens when it takes the likeliest each time (LAMBADA, Paperno et al. 2016, arXiv:1606.06031, as the harness scores
    it). A blank stands between context and continuation.

    Raises:
        ModelError: a row is longer than the model's context; the message has its index.
    """
    prompts = [model.plain_prompt(row.context) for row in probe.rows]
    if probe.kind == "cloze":
        wanted = [tuple(model.encode(f" {row.options[0]}")) for row in probe.rows]
        written = model.generate(prompts, max_tokens=max(map(len, wanted)))
        return tuple(float(one.tokens[: len(own)] == own) for one, own in zip(written, wanted, strict=True))
    asked = [(prompt, f" {option}") for prompt, row in zip(prompts, probe.rows, strict=True) for option in row.options]
    logprobs = model.score_own([prompt for prompt, _ in asked], [model.encode(text) for _, text in asked])
    lengths = [len(text) - 1 for _, text in asked]
    normed = iter(logprobs / np.array(lengths))
    return tuple(float(np.argmax([next(normed) for _ in row.options]) == row.right) for row in probe.rows)
