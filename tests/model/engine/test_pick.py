"""Picking a token: the likeliest, or a fair draw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crossover.model.engine.pick import Draws, pick

LOGITS = torch.tensor([1.0, -torch.inf, 0.0, 3.0, 2.0, -torch.inf])


class Fixed(Draws):
    """Draws that are given."""

    def __init__(self, number: float) -> None:
        super().__init__(0, 0)
        self.number = number

    def next(self) -> float:
        return self.number


def test_at_temperature_0_the_likeliest() -> None:
    assert pick(torch.stack([LOGITS, -LOGITS.abs(), LOGITS]), 0.0, []) == [3, 2, 3]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_distribution(temperature: float) -> None:
    n = 20_000
    draws = Draws(3, 1)
    picked = pick(LOGITS.expand(n, -1), temperature, [draws] * n)
    seen = np.bincount(picked, minlength=6) / n
    expected = torch.softmax(LOGITS / temperature, -1).numpy()
    assert (np.abs(seen - expected) <= 4 * np.sqrt(expected * (1 - expected) / n)).all()
    assert seen[[1, 5]].sum() == 0


@given(
    st.lists(st.floats(-1e4, 1e4, width=32) | st.just(-np.inf), min_size=1, max_size=8),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from([1e-300, 1e-6, 1e-3, 1.0, 1e6]),
)
def test_what_is_impossible_is_never_drawn(row: list[float], number: float, temperature: float) -> None:
    row[len(row) // 2] = max(0.0, row[len(row) // 2])
    (token,) = pick(torch.tensor([row], dtype=torch.float32), temperature, [Fixed(number)])
    assert row[token] > -np.inf


def test_the_last_number_below_one_draws_the_last_possible() -> None:
    assert pick(LOGITS[None], 1.0, [Fixed(1 - 2**-53)]) == [4]
    assert pick(LOGITS[None], 1.0, [Fixed(0.0)]) == [0]


def test_a_rows_numbers_depend_on_seed_and_index() -> None:
    first = [Draws(1, 2).next() for _ in range(2)]
    assert first[0] == first[1]
    assert len({Draws(seed, row).next() for seed in range(4) for row in range(4)}) == 16
