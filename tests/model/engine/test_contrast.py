"""A contrastive step is what plain torch does on each sequence's pooled states."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import get_peft_model_state_dict

from crossover.errors import ModelError, TrialError
from crossover.model.base import TrainSettings
from crossover.model.engine.objectives import contrastive_loss
from crossover.model.local import LocalModel
from crossover.model.sizes import Sizes
from crossover.model.tiny import tiny_model
from tests.model.engine.test_train import Short, plain_peft
from tests.model.plain import as_published

SETTINGS = TrainSettings(rank=4, alpha=8, learning_rate=3e-3, warmup_steps=1, total_steps=4, seed=1)
BEGINNING = tuple(range(12))
SEQUENCES = [
    (*BEGINNING, 40, 41),
    (*BEGINNING, 40, 50, 51),
    (60, 61, 62, 63),
    (*BEGINNING, 70),
    (80, 81),
    (*BEGINNING, 90, 91, 92),
]
GROUPS = [0, 1, 0, 1, 2, 1]
"""The fifth sequence is alone in its group: it only stands among the others."""


def by_hand(states: torch.Tensor, groups: Sequence[int], temperature: float) -> torch.Tensor:
    """Return the loss of the paper's equation 2, term by term, its mean over the anchors that have a positive."""
    unit = [state / state.norm() for state in states]
    losses = []
    for i, anchor in enumerate(groups):
        positives = [p for p, group in enumerate(groups) if group == anchor and p != i]
        if not positives:
            continue
        others = [torch.exp(unit[i] @ unit[a] / temperature) for a in range(len(groups)) if a != i]
        told = [torch.log(torch.exp(unit[i] @ unit[p] / temperature) / torch.stack(others).sum()) for p in positives]
        losses.append(-torch.stack(told).mean())
    return torch.stack(losses).mean()


def long_sequences(n: int, tokens: int) -> list[tuple[int, ...]]:
    generator = np.random.default_rng(3)
    return [tuple(generator.integers(0, 258, size=tokens).tolist()) for _ in range(n)]


groups_with_a_pair = st.lists(st.integers(0, 4), min_size=2, max_size=12).filter(lambda g: len(set(g)) < len(g))


@given(groups=groups_with_a_pair, temperature=st.floats(0.05, 2), seed=st.integers(0, 99))
def test_the_loss_is_the_papers(groups: list[int], temperature: float, seed: int) -> None:
    states = torch.randn(len(groups), 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = contrastive_loss(states, torch.tensor(groups), temperature)
    assert found.item() == pytest.approx(by_hand(states, groups, temperature).item(), rel=1e-4, abs=1e-5)


@given(groups=groups_with_a_pair, seed=st.integers(0, 99))
def test_the_loss_knows_neither_order_nor_length_nor_the_groups_numbers(groups: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    states, numbers = torch.randn(len(groups), 6, generator=generator), torch.tensor(groups)
    expected = contrastive_loss(states, numbers, 0.5).item()
    order = torch.randperm(len(groups), generator=generator)
    lengths = torch.rand(len(groups), 1, generator=generator) + 0.5
    assert contrastive_loss(states[order], numbers[order], 0.5).item() == pytest.approx(expected, abs=1e-4)
    assert contrastive_loss(states * lengths, 7 - numbers, 0.5).item() == pytest.approx(expected, abs=1e-4)


def test_the_losses_gradient_is_that_of_small_differences() -> None:
    states = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    groups = torch.tensor(GROUPS)
    (gradient,) = torch.autograd.grad(contrastive_loss(states, groups, 0.3), states)
    assert torch.isfinite(gradient).all()
    step = 1e-2
    for i, j in ((0, 0), (1, 3), (4, 2)):
        shift = torch.zeros(6, 5)
        shift[i, j] = step
        with torch.no_grad():
            rise = contrastive_loss(states + shift, groups, 0.3) - contrastive_loss(states - shift, groups, 0.3)
        assert gradient[i, j].item() == pytest.approx(rise.item() / (2 * step), abs=2e-3)


@pytest.mark.parametrize("train_tokens", [1024, 20, 1], ids=["one pass", "several passes", "one sequence a pass"])
def test_steps_equal_plain_torch_on_plain_peft(train_tokens: int) -> None:
    model = tiny_model()
    model.resize(Sizes(train_tokens=train_tokens))
    with model.training(SETTINGS) as trainer:
        start = trainer.adapter()
        taken, ours = [], []
        for _ in range(2):
            taken.append(trainer.contrast(SEQUENCES, GROUPS, temperature=0.2))
            ours.append(trainer.adapter())
    assert [one.micro_batches > 1 for one in taken] == [train_tokens < 1024] * 2
    assert [one.step for one in taken] == [1, 2]

    wrapped = plain_peft(start, SETTINGS)
    trained = [p for p in wrapped.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=SETTINGS.learning_rate, weight_decay=0.0)
    for step, adapter in zip(taken, ours, strict=True):
        states = []
        with as_published(wrapped):
            for sequence in SEQUENCES:
                found = wrapped(input_ids=torch.tensor([sequence]), output_hidden_states=True).hidden_states[-1][0]
                states.append(torch.cat([found.mean(0), found[-1]]))
        loss = by_hand(torch.stack(states), GROUPS, 0.2)
        assert step.loss == pytest.approx(loss.item(), abs=1e-4)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, SETTINGS.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        state = get_peft_model_state_dict(wrapped)
        assert state.keys() == adapter.weights.keys()
        for name, weights in state.items():
            torch.testing.assert_close(adapter.weights[name], weights, atol=2e-4, rtol=1e-3)


def test_steps_bring_a_groups_states_together_and_the_base_comes_back() -> None:
    model = tiny_model()
    before = model.embed(SEQUENCES)
    settings = TrainSettings(rank=4, alpha=8, learning_rate=1e-2, warmup_steps=1, total_steps=8, seed=5)
    with model.training(settings) as trainer:
        losses = [trainer.contrast(SEQUENCES, GROUPS).loss for _ in range(8)]
        adapted = model.embed(SEQUENCES)
        adapter = trainer.adapter()
    assert losses[-1] < losses[0] - 0.3
    np.testing.assert_array_equal(model.embed(SEQUENCES), before)
    with model.adapted(adapter):
        np.testing.assert_allclose(model.embed(SEQUENCES), adapted, atol=1e-5)


def test_token_passes_are_three_a_token_and_one_more_where_a_batch_is_read_before() -> None:
    for train_tokens in (1024, 20):
        model = tiny_model()
        model.resize(Sizes(train_tokens=train_tokens))
        before = model.token_passes
        with model.training(SETTINGS) as trainer:
            step = trainer.contrast(SEQUENCES, GROUPS)
        assert model.token_passes - before == 3 * step.tokens + step.read
        assert (step.read > 0) == (train_tokens == 20)
    n_separate = sum(map(len, SEQUENCES))
    assert step.read <= n_separate
    assert step.tokens <= n_separate


def test_without_memory_the_batch_is_read_in_parts_and_the_step_is_the_same() -> None:
    sequences, groups = long_sequences(8, 60), [0, 1, 2, 3] * 2
    results = []
    for most in (10_000, 150):
        model = tiny_model()
        hook = Short(model, most, torch.OutOfMemoryError("out of memory"))
        with model.training(SETTINGS) as trainer, hook:
            results.append((trainer.contrast(sequences, groups), trainer.adapter()))
    (whole, expected), (parts, adapter) = results
    assert (whole.micro_batches, whole.out_of_memory, whole.read) == (1, 0, 0)
    assert parts.micro_batches == 4
    assert parts.out_of_memory == 2
    assert parts.loss == pytest.approx(whole.loss, abs=1e-4)
    for name, weights in expected.weights.items():
        torch.testing.assert_close(adapter.weights[name], weights, atol=2e-4, rtol=1e-3)


def test_one_sequence_that_does_not_fit_is_the_trials_failure() -> None:
    model = tiny_model()
    with (
        model.training(SETTINGS) as trainer,
        Short(model, 50, torch.OutOfMemoryError("out of memory")),
        pytest.raises(TrialError, match=r"memory ran out training on one row of 60 tokens: shorten the rows"),
    ):
        trainer.contrast(long_sequences(4, 60), [0, 0, 1, 1])


def test_a_batch_without_a_pair_is_refused() -> None:
    with tiny_model().training(SETTINGS) as trainer:
        with pytest.raises(TrialError, match="needs two sequences of one group, got 2 of as many groups"):
            trainer.contrast(SEQUENCES[:2], [0, 1])
        assert trainer.steps == 0


def test_too_long_a_sequence_is_refused_by_its_place() -> None:
    with (
        tiny_model(context_tokens=64).training(SETTINGS) as trainer,
        pytest.raises(ModelError, match=r"^example 1 is 65 tokens long; tiny reads 64\."),
    ):
        trainer.contrast([(1,) * 60, (1,) * 65], [0, 0])


def test_masters_are_fp32_when_the_network_computes_in_bf16() -> None:
    base = tiny_model()
    model = LocalModel(base._network.to(torch.bfloat16), base._chat._tokenizer, base.identity)
    plain = tiny_model()
    with model.training(SETTINGS) as trainer:
        low = trainer.contrast(SEQUENCES, GROUPS).loss
        weights = trainer.adapter().weights
    with plain.training(SETTINGS) as trainer:
        full = trainer.contrast(SEQUENCES, GROUPS).loss
    assert math.isclose(low, full, abs_tol=0.1)
    assert {w.dtype for w in weights.values()} == {torch.float32}
