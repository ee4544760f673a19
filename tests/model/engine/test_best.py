"""Best-first search gives the best two exactly, and bounds for the rest, for less than the whole tree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.model.engine import BEST_FIRST_NODES, LabelTree, Prefixes, score, score_best
from crossover.model.local import LocalModel

FloatArray = npt.NDArray[np.float64]

ids = st.integers(0, 257)
few = st.integers(0, 3)


def check(found: FloatArray, whole: FloatArray, offsets: FloatArray) -> None:
    """The best two after their offsets are exact, the others between the truth and the second best."""
    compared, true = found - offsets, whole - offsets
    n = min(2, true.shape[1])
    best = np.sort(true, axis=1)[:, -n:]
    np.testing.assert_allclose(np.sort(compared, axis=1)[:, -n:], best, atol=1e-4)
    assert (found >= whole - 1e-4).all()
    clear = best[:, -1] - best[:, 0] > 1e-3
    assert (compared.argmax(axis=1) == true.argmax(axis=1))[clear].all()


@settings(max_examples=40)
@given(
    beginning=st.lists(ids, max_size=24),
    prompts=st.lists(st.lists(ids, min_size=1, max_size=8), min_size=1, max_size=6),
    continuations=st.lists(st.lists(few, min_size=1, max_size=6), min_size=1, max_size=30),
    offset=st.sampled_from([0.0, 1.0, 8.0]),
    max_tokens=st.sampled_from([1, 32, 512]),
    warm=st.booleans(),
)
def test_the_best_two_are_exact(
    tiny: LocalModel,
    beginning: list[int],
    prompts: list[list[int]],
    continuations: list[list[int]],
    offset: float,
    max_tokens: int,
    warm: bool,
) -> None:
    asked = [[*beginning, *prompt] for prompt in prompts]
    offsets = offset * np.random.default_rng(1).standard_normal(len(continuations))
    prefix = Prefixes(tiny._network).for_prompts(asked)[0] if warm else None
    whole = score(tiny._network, asked, continuations).values
    found = score_best(
        tiny._network, asked, continuations, offsets.tolist(), prefix=prefix, max_tokens=max_tokens
    ).values
    check(found, whole, offsets)


def many_labels(n: int) -> list[list[int]]:
    generator = np.random.default_rng(3)
    return [[int(t) for t in generator.integers(0, 12, size=2 + i % 5)] for i in range(n)]


def test_many_labels_cost_less_than_their_tree(tiny: LocalModel) -> None:
    labels, prompts = many_labels(120), [[7, i, 9] for i in range(20)]
    assert len(LabelTree(labels)) > 4 * BEST_FIRST_NODES
    whole, best = score(tiny._network, prompts, labels), score_best(tiny._network, prompts, labels, [0.0] * 120)
    check(best.values, whole.values, np.zeros(120))
    assert best.tokens < whole.tokens / 2


def test_a_model_searches_only_where_it_is_asked_to_and_it_pays(tiny: LocalModel) -> None:
    labels, prompts = many_labels(120), [[7, 1, 9], [7, 2, 9]]
    passes = []
    for offsets, n in ((None, 120), ([0.0] * 120, 120), (None, 4), ([0.0] * 4, 4)):
        tiny.forget()
        before = tiny.token_passes
        tiny.score(prompts, labels[:n], offsets=offsets)
        passes.append(tiny.token_passes - before)
    assert passes[1] < passes[0] / 2
    assert passes[2] == passes[3]


def test_what_is_kept_is_kept_for_these_offsets(tiny: LocalModel) -> None:
    labels, prompts = many_labels(120), [[7, 1, 9], [7, 2, 9]]
    plain = tiny.score(prompts, labels, offsets=[0.0] * 120).logprobs
    tilted = [0.0] * 119 + [-100.0]
    assert (tiny.score(prompts, labels, offsets=tilted).logprobs - np.array(tilted)).argmax(axis=1).tolist() == [
        119
    ] * 2
    np.testing.assert_array_equal(tiny.score(prompts, labels, offsets=[0.0] * 120).logprobs, plain)


def test_a_prompt_that_goes_on_as_a_label_does(tiny: LocalModel) -> None:
    labels = many_labels(60)
    prompts = [[7, 7], [7, 7, *labels[0]], [7, 7, labels[1][0]], [7, 7]]
    offsets = np.zeros(60)
    check(
        score_best(tiny._network, prompts, labels, offsets.tolist()).values,
        score(tiny._network, prompts, labels).values,
        offsets,
    )


@pytest.mark.parametrize("labels", [[[1]], [[1, 2, 3]], [[1], [1, 2], [1, 2, 3]], [[1, 2], [1, 2]]])
def test_few_labels(tiny: LocalModel, labels: list[list[int]]) -> None:
    prompts, offsets = [[5, 6], [6]], np.zeros(len(labels))
    check(
        score_best(tiny._network, prompts, labels, offsets.tolist()).values,
        score(tiny._network, prompts, labels).values,
        offsets,
    )
