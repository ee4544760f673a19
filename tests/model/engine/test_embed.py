"""Pooled states are those of each sequence alone."""

from __future__ import annotations

import numpy as np

from crossover.model.local import LocalModel
from tests.model.plain import plain_states


def test_states_equal_those_of_each_sequence_alone(tiny: LocalModel) -> None:
    beginning = tuple(range(30))
    sequences = [(*beginning, 1, 2), (*beginning, 1, 3, 4), (9,), (*beginning, 1, 2), (50, 51), beginning]
    states = tiny.embed(sequences)
    assert states.shape == (6, 2 * 32)
    expected = np.stack([plain_states(tiny._network, sequence) for sequence in sequences])
    np.testing.assert_allclose(states, expected, atol=1e-4)


def test_many_sequences_take_several_passes(tiny: LocalModel) -> None:
    generator = np.random.default_rng(1)
    sequences = [tuple(generator.integers(0, 258, size=60).tolist()) for _ in range(25)]
    together = tiny.embed(sequences)
    alone = np.concatenate([tiny.embed([sequence]) for sequence in sequences])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_nothing_gives_nothing(tiny: LocalModel) -> None:
    assert tiny.embed([]).shape == (0, 64)
