"""The best two of many continuations, exactly, without computing all of them.

A token tree of 77 labels has hundreds of nodes, and nearly all belong to labels that cannot win: a label is at most as
probable as its beginning. Best-first search computes what may still be among the best two, round by round for all
prompts of a pass together. A round costs a pass of its own, so each takes the best few open nodes of every prompt and
goes down where there is nothing to decide; prompts that are done take part no more.
"""

from __future__ import annotations

__all__ = ["BEST_FIRST_NODES", "LabelTree", "score_best"]

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from crossover.model.engine.forest import Forest, pack
from crossover.model.engine.forward import Growth, Prefix, token_logprobs
from crossover.model.engine.score import ScoreResult
from crossover.model.sizes import Sizes

BEST_FIRST_NODES = 32
"""Trees up to this size are computed whole: a round of the search costs a pass, which is about so many tokens."""

_FIRST_QUOTA = 4
_SIZES = Sizes()
FloatArray = npt.NDArray[np.float64]


class LabelTree:
    """The continuations' tokens but each one's last, as a tree below every prompt. Node 0 is the prompt's end."""

    def __init__(self, continuations: Sequence[Sequence[int]]) -> None:
        """Merge the continuations' beginnings."""
        tree = Forest()
        self.paths = [[0, *(node + 1 for node in tree.add(c[:-1]))] for c in continuations]
        n = len(tree) + 1
        through: list[list[int]] = [[] for _ in range(n)]
        following: list[list[int]] = [[] for _ in range(n)]
        self.tokens = [0] * n
        self.parents = [0] * n
        self.branches = [False] * n
        for label, (path, continuation) in enumerate(zip(self.paths, continuations, strict=True)):
            for place, (node, token) in enumerate(zip(path, continuation, strict=True)):
                self.branches[node] |= bool(through[node]) and following[node][0] != token
                through[node].append(label)
                following[node].append(token)
                if place + 1 < len(path):
                    self.tokens[path[place + 1]], self.parents[path[place + 1]] = token, node
        self.through = [np.array(labels, dtype=np.int64) for labels in through]
        self.following = [np.array(tokens, dtype=np.int64) for tokens in following]

    def __len__(self) -> int:
        """Return the number of nodes, the prompt's end not counted."""
        return len(self.tokens) - 1


class _Row:
    """The search below one prompt: where its nodes stand in the forest, and what is known of each label."""

    def __init__(self, tree: LabelTree, end: int, offsets: FloatArray) -> None:
        self._tree = tree
        self._offsets = offsets
        self.place = {0: end}
        self.values = np.zeros(len(tree.paths))
        self._left = np.array([len(path) for path in tree.paths])

    def read(self, node: int, logprobs: FloatArray) -> None:
        """Take in the log-probabilities of the tokens that follow a node, in the order of `LabelTree.following`."""
        labels = self._tree.through[node]
        self.values[labels] += logprobs
        self._left[labels] -= 1

    def wanted(self, quota: int) -> list[int]:
        """Return up to about `quota` nodes to compute next, parents before children; none when the best two stand."""
        bounds = self.values - self._offsets
        is_open = self._left > 0
        exact = np.sort(bounds[~is_open])
        second = exact[-2] if len(exact) > 1 else -np.inf
        found: dict[int, None] = {}
        for label in np.argsort(-bounds, kind="stable"):
            if bounds[label] < second or len(found) >= quota:
                break
            if is_open[label]:
                found.update(dict.fromkeys(self._down(int(label))))
        return list(found)

    def _down(self, label: int) -> list[int]:
        """Return a label's open nodes down to the first one at which there is something to decide."""
        nodes = []
        for node in self._tree.paths[label]:
            if node not in self.place:
                nodes.append(node)
                if self._tree.branches[node]:
                    break
        return nodes


def score_best(
    network: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    continuations: Sequence[Sequence[int]],
    offsets: Sequence[float],
    *,
    prefix: Prefix | None = None,
    max_tokens: int = _SIZES.pack_tokens,
    head_rows: int = _SIZES.head_rows,
) -> ScoreResult:
    """Return log p(continuation | prompt), exact for the two that are best once their offset is taken off.

    The others are upper bounds, with their offsets off never above the second best.
    """
    tree = LabelTree(continuations)
    taken_off = np.array(offsets, dtype=np.float64)
    result = np.zeros((len(prompts), len(continuations)))
    computed = 0
    start = prefix.n_tokens if prefix else 0
    with torch.inference_mode():
        for group in pack(prompts, start, 0, max_tokens):
            forest, growth = Forest(start), Growth(network, prefix)
            rows = [_Row(tree, forest.add(prompts[i][start:])[-1], taken_off) for i in group]
            states = growth.states(forest)
            asked = [(row, 0) for row in rows]
            quota = _FIRST_QUOTA
            while asked:
                _read(network, states, asked, tree, head_rows)
                asked = [(row, node) for row in rows for node in row.wanted(quota)]
                for row, node in asked:
                    # Another prompt may go on with this very token: then the node stands there already.
                    row.place[node] = forest.add((tree.tokens[node],), at=row.place[tree.parents[node]])[0]
                if len(forest) > len(states):
                    states = torch.cat([states, growth.states(forest)])
                quota *= 2
            computed += len(forest)
            for i, row in zip(group, rows, strict=True):
                result[i] = row.values
    return ScoreResult(values=result, tokens=computed)


def _read(
    network: PreTrainedModel,
    states: torch.Tensor,
    asked: Sequence[tuple[_Row, int]],
    tree: LabelTree,
    head_rows: int,
) -> None:
    """Apply the output head at the nodes asked for, in chunks that bound its memory."""
    for start in range(0, len(asked), head_rows):
        chunk = asked[start : start + head_rows]
        logprobs = token_logprobs(network, states[[row.place[node] for row, node in chunk]])
        for (row, node), found in zip(chunk, logprobs, strict=True):
            row.read(node, found[torch.from_numpy(tree.following[node])].double().cpu().numpy())
