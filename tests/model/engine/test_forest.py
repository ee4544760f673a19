"""Forests: shared beginnings once, ancestors only, groups within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.model.engine.forest import Forest, common_prefix, pack

sequences = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=12)


@given(sequences)
def test_every_beginning_is_one_node(drawn: list[list[int]]) -> None:
    forest = Forest()
    for sequence in drawn:
        forest.add(sequence)
    assert len(forest) == len({tuple(s[: n + 1]) for s in drawn for n in range(len(s))})


@given(sequences, st.integers(0, 20))
def test_a_node_sees_its_ancestors_and_itself(drawn: list[list[int]], offset: int) -> None:
    forest = Forest(offset)
    paths = [forest.add(sequence) for sequence in drawn]
    tokens, positions, sees = forest.tensors()
    for sequence, path in zip(drawn, paths, strict=True):
        assert tokens[path].tolist() == sequence
        assert positions[path].tolist() == list(range(offset, offset + len(sequence)))
        if sees is None:
            assert path == list(range(len(path))), "plain causal attention is for one chain only"
        else:
            for depth, node in enumerate(path):
                assert sees[node].nonzero().flatten().tolist() == sorted(path[: depth + 1])


def test_a_sequence_goes_below_a_node() -> None:
    forest = Forest(3)
    end = forest.add([7, 8])[-1]
    assert forest.add([9], at=end) == [2]
    assert forest.add([9], at=end) == [2]
    assert forest.add([9]) == [3]
    assert forest.tensors()[1].tolist() == [3, 4, 5, 3]


def test_adding_nothing_adds_nothing() -> None:
    forest = Forest()
    assert forest.add([]) == []
    assert len(forest) == 0


@given(sequences, st.integers(0, 3), st.integers(1, 30))
def test_pack_takes_each_index_once_within_bounds(drawn: list[list[int]], extra: int, max_tokens: int) -> None:
    offset = common_prefix(drawn)
    groups = list(pack(drawn, offset, extra, max_tokens))
    assert sorted(i for group in groups for i in group) == list(range(len(drawn)))
    for group in groups:
        forest = Forest(offset)
        for i in group:
            forest.add(drawn[i][offset:])
        nodes = len(forest) + extra * len(group)
        assert nodes <= max_tokens or len(group) == 1


@given(sequences)
def test_pack_makes_one_group_where_all_fit(drawn: list[list[int]]) -> None:
    assert len(list(pack(drawn, 0, 0, 10_000))) == 1


@given(sequences)
def test_the_common_prefix_is_the_longest_short_of_the_shortest(drawn: list[list[int]]) -> None:
    n = common_prefix(drawn)
    shortest = min(map(len, drawn))
    assert n <= shortest - 1
    assert len({tuple(s[:n]) for s in drawn}) == 1
    assert n == shortest - 1 or len({tuple(s[: n + 1]) for s in drawn}) > 1


@pytest.mark.parametrize(("drawn", "expected"), [([], 0), ([[5, 6, 7]], 2), ([[], [1]], 0), ([[1, 2], (1, 2)], 1)])
def test_common_prefix_of_few(drawn: list[list[int]], expected: int) -> None:
    assert common_prefix(drawn) == expected
