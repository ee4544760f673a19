"""Log-probabilities of given continuations: the shared prefix once, all continuations of a prompt in one pass."""

from __future__ import annotations

__all__ = ["ScoreResult", "score", "score_own"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from crossover.model.engine.forest import Forest, pack
from crossover.model.engine.forward import Prefix, hidden_states, token_logprobs
from crossover.model.sizes import Sizes

_SIZES = Sizes()


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """Numbers for each prompt, [prompts, continuations] or [sequences, features], and how many tokens were computed."""

    values: npt.NDArray[np.float64]
    tokens: int


def score(
    network: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    continuations: Sequence[Sequence[int]],
    *,
    prefix: Prefix | None = None,
    max_tokens: int = _SIZES.pack_tokens,
    head_rows: int = _SIZES.head_rows,
) -> ScoreResult:
    """Return log p(continuation | prompt) for every pair.

    Prompts must not be empty. With `prefix`, all prompts begin with its tokens. `max_tokens` and `head_rows` are those
    of `Sizes`.
    """
    result = np.zeros((len(prompts), len(continuations)))
    computed = 0
    offset = prefix.n_tokens if prefix else 0

    with torch.inference_mode():
        for group in pack(prompts, offset, _tree_size(continuations), max_tokens):
            forest = Forest(offset)
            places = []
            for i in group:
                end = forest.add(prompts[i][offset:])[-1]
                # The last token of a continuation is only read off its predecessor: it is no node.
                places.append([[end, *forest.add(c[:-1], at=end)] for c in continuations])
            states = hidden_states(network, forest, prefix)
            computed += len(forest)
            _read(network, states, group, places, [continuations] * len(group), result, head_rows)
    return ScoreResult(values=result, tokens=computed)


def score_own(
    network: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    continuations: Sequence[Sequence[int]],
    *,
    prefix: Prefix | None = None,
    max_tokens: int = _SIZES.pack_tokens,
    head_rows: int = _SIZES.head_rows,
) -> ScoreResult:
    """Return log p(continuation | prompt) of each prompt's own continuation, [prompts, 1]; see `score`."""
    result = np.zeros((len(prompts), 1))
    computed = 0
    offset = prefix.n_tokens if prefix else 0
    whole = [(*prompt, *own[:-1]) for prompt, own in zip(prompts, continuations, strict=True)]
    with torch.inference_mode():
        for group in pack(whole, offset, 0, max_tokens):
            forest = Forest(offset)
            places = [[forest.add(whole[i][offset:])[len(prompts[i]) - offset - 1 :]] for i in group]
            states = hidden_states(network, forest, prefix)
            computed += len(forest)
            _read(network, states, group, places, [[continuations[i]] for i in group], result, head_rows)
    return ScoreResult(values=result, tokens=computed)


def _read(
    network: PreTrainedModel,
    states: torch.Tensor,
    group: Sequence[int],
    places: Sequence[Sequence[Sequence[int]]],
    continuations: Sequence[Sequence[Sequence[int]]],
    result: npt.NDArray[np.float64],
    head_rows: int,
) -> None:
    """Apply the output head where a log-probability is needed, in chunks that bound its memory, and add up.

    `places` and `continuations` are lists for each prompt of the group.
    """
    wanted = sorted({node for paths in places for path in paths for node in path})
    row_of = {node: row for row, node in enumerate(wanted)}
    rows, tokens, where = [], [], []
    for i, paths, own in zip(group, places, continuations, strict=True):
        for j, (path, continuation) in enumerate(zip(paths, own, strict=True)):
            for node, token in zip(path, continuation, strict=True):
                rows.append(row_of[node])
                tokens.append(token)
                where.append(i * result.shape[1] + j)
    row_index, token_index = np.array(rows), np.array(tokens)
    values = np.empty(len(rows))
    for start in range(0, len(wanted), head_rows):
        chunk = wanted[start : start + head_rows]
        logprobs = token_logprobs(network, states[chunk])
        inside = np.flatnonzero((row_index >= start) & (row_index < start + len(chunk)))
        picked = logprobs[torch.from_numpy(row_index[inside] - start), torch.from_numpy(token_index[inside])]
        values[inside] = picked.double().cpu().numpy()
    np.add.at(result.reshape(-1), np.array(where), values)


def _tree_size(continuations: Sequence[Sequence[int]]) -> int:
    tree = Forest()
    for continuation in continuations:
        tree.add(continuation[:-1])
    return len(tree)
