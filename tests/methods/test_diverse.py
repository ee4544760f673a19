"""Demonstrations that stand for the rest."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crossover.methods.prompt.diverse_few_shot import representatives
from crossover.records import Example


def _rows(labels: list[str]) -> list[Example]:
    return [Example(id=f"train:{i}", inputs={"text": str(i)}, target=label, row=i) for i, label in enumerate(labels)]


def test_one_stands_for_each_group() -> None:
    groups = np.repeat(np.arange(4), 5)
    similarity = (groups[:, None] == groups[None, :]).astype(float)
    chosen = representatives(similarity, _rows([f"answer {i}" for i in range(20)]), 4)
    assert sorted(groups[chosen]) == [0, 1, 2, 3]


def test_the_most_telling_one_stands_last() -> None:
    similarity = np.eye(6)
    similarity[3, :] = similarity[:, 3] = 0.9
    assert representatives(similarity, _rows(["a", "b", "c", "d", "e", "f"]), 3)[-1] == 3


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=24), st.integers(1, 8), st.integers(0, 9))
def test_labels_are_spread_evenly(labels: list[str], k: int, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(len(labels), 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    k = min(k, len(labels))
    chosen = representatives(points @ points.T, _rows(labels), k)
    assert len(set(chosen)) == k
    shown, all_of = Counter(labels[i] for i in chosen), Counter(labels)
    repeated = [label for label, n in all_of.items() if n > 1]
    for label in repeated:
        for other in repeated:
            assert shown[label] - shown[other] <= 1 or shown[other] == all_of[other]
