"""A prefix is computed once, used again, and forgotten when the weights change."""

from __future__ import annotations

import numpy as np

from crossover.model.base import TrainRow, TrainSettings
from crossover.model.engine import Prefixes
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from tests.model.plain import plain_logprobs

FIRST = tuple(range(40))
SECOND = tuple(range(100, 130))
LABELS = [(1, 2), (1, 3), (200,)]


def prompts_below(beginning: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [(*beginning, 5, i) for i in (60, 61, 62)] + [(*beginning, 7)]


def test_a_warm_prefix_gives_the_same_scores() -> None:
    model = tiny_model()
    cold = model.score(prompts_below(FIRST), LABELS).logprobs
    passes = model.token_passes
    model._memo.clear()
    warm = model.score(prompts_below(FIRST), LABELS).logprobs
    np.testing.assert_array_equal(cold, warm)
    assert model.token_passes - passes == passes - len(FIRST), "the beginning is not computed again"


def test_one_prompt_alone_takes_the_known_prefix() -> None:
    model = tiny_model()
    together = model.score(prompts_below(FIRST), LABELS).logprobs
    for i, prompt in enumerate(prompts_below(FIRST)):
        passes = model.token_passes
        np.testing.assert_allclose(model.score([prompt], LABELS).logprobs[0], together[i], atol=1e-5)
        assert model.token_passes - passes == len(prompt) - len(FIRST) + 1
    alone = model.score([prompts_below(FIRST)[0]], [(1, 2, 3, 4)]).logprobs  # a chain below a prefix
    np.testing.assert_allclose(
        alone, plain_logprobs(model._network, [prompts_below(FIRST)[0]], [(1, 2, 3, 4)]), atol=1e-4
    )


def test_one_prompt_alone_makes_no_prefix() -> None:
    prefixes = Prefixes(tiny_model()._network)
    assert prefixes.for_prompts([(*FIRST, 1)]) == (None, 0)
    assert prefixes.for_prompts([(*FIRST, 1)]) == (None, 0)


def test_a_short_beginning_is_not_worth_it() -> None:
    prefixes = Prefixes(tiny_model()._network)
    assert prefixes.for_prompts([(1, 2, 3, 4), (1, 2, 3, 5)]) == (None, 0)


def test_the_last_used_are_kept() -> None:
    prefixes = Prefixes(tiny_model()._network)
    kept = prefixes.for_prompts(prompts_below(FIRST))[0]
    for start in range(3):
        prefixes.for_prompts(prompts_below(tuple(range(start + 100, start + 120))))
        assert prefixes.for_prompts(prompts_below(FIRST)) == (kept, 0)
    for start in range(4):
        prefixes.for_prompts(prompts_below(tuple(range(start + 150, start + 170))))
    assert prefixes.for_prompts(prompts_below(FIRST))[1] == len(FIRST), "forgotten, so computed again"


def test_prefixes_of_different_candidates_do_not_mix() -> None:
    model = tiny_model()
    for _ in range(2):
        model._memo.clear()
        for beginning in (FIRST, SECOND, (*FIRST, *SECOND)):
            prompts = prompts_below(beginning)
            expected = plain_logprobs(model._network, prompts, LABELS)
            np.testing.assert_allclose(model.score(prompts, LABELS).logprobs, expected, atol=1e-4)


def test_scores_are_right_after_an_adapter_goes_on_and_off(
    train_rows: tuple[TrainRow, ...], quick: TrainSettings
) -> None:
    model: LocalModel = tiny_model()
    prompts = prompts_below(FIRST)

    def right() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        model._memo.clear()
        scores = model.score(prompts, LABELS).logprobs
        np.testing.assert_allclose(scores, plain_logprobs(model._network, prompts, LABELS), atol=1e-4)
        return scores

    base = right()
    with model.training(quick) as trainer:
        np.testing.assert_allclose(right(), base, atol=1e-5)  # B is zero: nothing has changed yet
        trainer.step(train_rows)
        trained = right()
        trainer.step(train_rows)
        assert np.abs(right() - trained).max() > 1e-3, "a step changes the scores, the prefix's part too"
        final, adapter = right(), trainer.adapter()
    np.testing.assert_array_equal(right(), base)
    with model.adapted(adapter):
        np.testing.assert_allclose(right(), final, atol=1e-5)
        right()
    np.testing.assert_array_equal(right(), base)
