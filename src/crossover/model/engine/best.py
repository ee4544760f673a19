"""The best two of many continuations, exactly, without computing all of them.

A token tree of 77 labels has hundreds of nodes, and nearly all belong to labels that cannot win: a label is at most as
probable as its beginning. Best-first search computes what may still be among the best two, round by round for all
prompts of a pass together, since a round costs a pass of its own. How probable the rest of a label is depends little on
the prompt: what other prompts found says about where the second best will end, and what lies below is not begun. The
search ends only when every bound is below what was computed, whatever was expected.
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

_ROUND_TOKENS = 512
"""Tokens of a round over all prompts: fewer make a pass dearer a token."""

_QUOTA = 4
"""Nodes of a round below each prompt, at least."""

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
        for label, (path, continuation) in enumerate(zip(self.paths, continuations, strict=True)):
            for place, (node, token) in enumerate(zip(path, continuation, strict=True)):
                through[node].append(label)
                following[node].append(token)
                if place + 1 < len(path):
                    self.tokens[path[place + 1]], self.parents[path[place + 1]] = token, node
        self.through = [np.array(labels, dtype=np.int64) for labels in through]
        self.following = [np.array(tokens, dtype=np.int64) for tokens in following]

    def __len__(self) -> int:
        """Return the number of nodes, the prompt's end not counted."""
        return len(self.tokens) - 1


class _Expected:
    """What the prompts so far say of each label's tokens: their mean log-probability."""

    def __init__(self, tree: LabelTree) -> None:
        n_tokens = np.array([len(path) for path in tree.paths])
        shape = (len(tree.paths), int(n_tokens.max()))
        self._exists = np.arange(shape[1]) < n_tokens[:, None]
        self._total, self._count = np.zeros(shape), np.zeros(shape)
        self.step = np.zeros(shape)
        self.rest = np.zeros((shape[0], shape[1] + 1))

    def read(self, labels: npt.NDArray[np.int64], place: int, logprobs: FloatArray) -> None:
        """Take in the log-probabilities of these labels' tokens number `place`."""
        self._total[labels, place] += logprobs
        self._count[labels, place] += 1

    def settle(self) -> None:
        """Work out `step`, what each token of a label is expected to add, and `rest`, all tokens from one on."""
        known = self._count > 0
        later = known[:, 1:]  # the first tokens say nothing of those that follow
        usual = self._total[:, 1:][later].sum() / max(self._count[:, 1:][later].sum(), 1)
        mean = np.divide(self._total, self._count, out=np.full_like(self._total, usual), where=known)
        self.step = np.where(self._exists, mean, 0.0)
        self.rest[:, :-1] = self.step[:, ::-1].cumsum(axis=1)[:, ::-1]


class _Row:
    """The search below one prompt: where its nodes stand in the forest, and what is known of each label."""

    def __init__(self, tree: LabelTree, end: int, offsets: FloatArray, expected: _Expected) -> None:
        self._tree = tree
        self._offsets = offsets
        self._expected = expected
        self.place = {0: end}
        self.values = np.zeros(len(tree.paths))
        self._read = np.zeros(len(tree.paths), dtype=np.int64)
        self._lengths = np.array([len(path) for path in tree.paths])

    def read(self, node: int, logprobs: FloatArray) -> None:
        """Take in the log-probabilities of the tokens that follow a node, in the order of `LabelTree.following`."""
        labels = self._tree.through[node]
        self._expected.read(labels, int(self._read[labels[0]]), logprobs)
        self.values[labels] += logprobs
        self._read[labels] += 1

    def wanted(self, quota: int) -> list[int]:
        """Return up to about `quota` nodes to compute next, parents before children; none when the best two stand."""
        bounds = self.values - self._offsets
        is_open = self._read < self._lengths
        exact = np.sort(bounds[~is_open])
        second = exact[-2] if len(exact) > 1 else -np.inf
        ends = bounds + self._expected.rest[np.arange(len(bounds)), self._read]
        likely = np.argsort(-ends, kind="stable")[:2]
        # Where the second best will end. Among the labels that reach so far is an open one, or the best two stand.
        least = max(second, float(ends[likely[-1]]))
        found: dict[int, None] = {}
        for label in dict.fromkeys([*likely.tolist(), *np.argsort(-bounds, kind="stable").tolist()]):
            if len(found) >= quota:
                break
            if is_open[label] and bounds[label] >= least:
                found.update(dict.fromkeys(self._down(label, float(bounds[label]), least)))
        return list(found)

    def _down(self, label: int, bound: float, least: float) -> list[int]:
        """Return a label's next node, and those below it as long as it is expected to reach `least`."""
        nodes = []
        for place in range(self._read[label], self._lengths[label]):
            if bound < least:
                break
            node = self._tree.paths[label][place]
            if node not in self.place:
                nodes.append(node)
            bound += self._expected.step[label, place]
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
    expected = _Expected(tree)
    taken_off = np.array(offsets, dtype=np.float64)
    result = np.zeros((len(prompts), len(continuations)))
    computed = 0
    start = prefix.n_tokens if prefix else 0
    with torch.inference_mode():
        for group in pack(prompts, start, 0, max_tokens):
            forest, growth = Forest(start), Growth(network, prefix)
            rows = [_Row(tree, forest.add(prompts[i][start:])[-1], taken_off, expected) for i in group]
            states = growth.states(forest)
            asked = [(row, 0) for row in rows]
            while asked:
                _read(network, states, asked, tree, head_rows)
                expected.settle()
                quota = max(_QUOTA, _ROUND_TOKENS // len({id(row) for row, _ in asked}))
                asked = [(row, node) for row in rows for node in row.wanted(quota)]
                for row, node in asked:
                    # Another prompt may go on with this very token: then the node stands there already.
                    row.place[node] = forest.add((tree.tokens[node],), at=row.place[tree.parents[node]])[0]
                if len(forest) > len(states):
                    states = torch.cat([states, growth.states(forest)])
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
