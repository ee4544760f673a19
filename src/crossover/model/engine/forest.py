"""Token sequences that share beginnings, computed together: each shared token once, no padding.

Prompts of one candidate share instruction and demonstrations; all labels of an example share its prompt; rows of a
training batch share the instruction. A `Forest` merges such sequences into a trie whose nodes are tokens. One forward
pass over the nodes, where each node attends to its ancestors only, gives for every sequence exactly the hidden states
that it would have alone: causal attention sees a token's predecessors, and these are its ancestors; positions are
depths.
(Tree attention: Miao et al. 2024, SpecInfer, arXiv:2305.09781.)
"""

from __future__ import annotations

__all__ = ["Forest", "common_prefix", "pack"]

from collections.abc import Iterator, Sequence

import numpy as np
import torch


class Forest:
    """A trie of token sequences below one (possibly empty) common prefix of `offset` tokens.

    Nodes are numbered in the order they were added; a parent's number is smaller than its children's.
    """

    def __init__(self, offset: int = 0) -> None:
        """Start an empty forest whose roots stand at position `offset`."""
        self._offset = offset
        self._tokens: list[int] = []
        self._parents: list[int] = []
        self._positions: list[int] = []
        self._children: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        """Return the number of nodes, which is the number of tokens that a pass computes."""
        return len(self._tokens)

    def add(self, sequence: Sequence[int], at: int = -1) -> list[int]:
        """Add a sequence below node `at` (-1: as a root) and return the nodes of its tokens, new or shared."""
        path = []
        for token in sequence:
            node = self._children.get((at, token))
            if node is None:
                node = len(self._tokens)
                self._children[at, token] = node
                self._tokens.append(token)
                self._parents.append(at)
                self._positions.append(self._offset if at < 0 else self._positions[at] + 1)
            path.append(node)
            at = node
        return path

    def tensors(self, since: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return what a pass over the nodes from number `since` on needs.

        Tokens [N] and positions [N] of these nodes, and which of all nodes each attends to, [N, T] (None: all before
        it).
        """
        tokens = torch.tensor(self._tokens[since:], dtype=torch.long)
        positions = torch.tensor(self._positions[since:], dtype=torch.long)
        n = len(self._tokens)
        if not since and self._parents == list(range(-1, n - 1)):
            return tokens, positions, None
        sees = np.zeros((n, n), dtype=np.bool_)
        for node, parent in enumerate(self._parents):
            if parent >= 0:
                sees[node, : parent + 1] = sees[parent, : parent + 1]
            sees[node, node] = True
        return tokens, positions, torch.from_numpy(sees[since:])


def common_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """Return the length of the longest beginning that all sequences share, short of the shortest one's last token."""
    if not sequences:
        return 0
    tuples = [tuple(sequence) for sequence in sequences]
    low, high = min(tuples), max(tuples)  # the lexicographic extremes bound every sequence between them
    limit = min(len(s) for s in sequences) - 1
    n = 0
    while n < limit and low[n] == high[n]:
        n += 1
    return max(n, 0)


def pack(sequences: Sequence[Sequence[int]], offset: int, extra: int, max_tokens: int) -> Iterator[list[int]]:
    """Yield groups of indices whose sequences, less their first `offset` tokens, make forests of `max_tokens` at most.

    Sequences are taken in lexicographic order, which puts shared beginnings side by side. `extra` nodes are counted for
    each sequence on top of its own (its labels' tree). A sequence that is too long alone makes a group of its own.
    """
    order = sorted(range(len(sequences)), key=lambda i: tuple(sequences[i]))
    group: list[int] = []
    nodes = 0
    for i in order:
        sequence = sequences[i]
        shared = offset
        if group:
            before = sequences[group[-1]]
            limit = min(len(before), len(sequence))
            while shared < limit and before[shared] == sequence[shared]:
                shared += 1
        new = len(sequence) - shared + extra
        if group and nodes + new > max_tokens:
            yield group
            group, nodes, new = [], 0, len(sequence) - offset + extra
        group.append(i)
        nodes += new
    if group:
        yield group
