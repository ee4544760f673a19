"""A fit is what PEFT and transformers do on separate, padded rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

from crossover.errors import ModelError, TrialError
from crossover.model.base import Adapter, TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from tests.model.plain import as_published


def plain_peft(start: Adapter, settings: TrainSettings) -> PeftModel:
    """Return PEFT's own model of the tiny network with the same adapter weights."""
    config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules="all-linear", task_type="CAUSAL_LM")
    wrapped = get_peft_model(tiny_model()._network, config)
    assert isinstance(wrapped, PeftModel)
    set_peft_model_state_dict(wrapped, dict(start.weights))
    return wrapped


def plain_loss(wrapped: PeftModel, rows: Sequence[TrainRow]) -> torch.Tensor:
    """Return transformers' own loss on right-padded rows, prompts masked out."""
    width = max(len(row.prompt) + len(row.completion) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), -100)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        whole = torch.tensor([*row.prompt, *row.completion])
        ids[i, : len(whole)] = whole
        mask[i, : len(whole)] = 1
        labels[i, len(row.prompt) : len(whole)] = whole[len(row.prompt) :]
    with as_published(wrapped):
        loss = wrapped(input_ids=ids, attention_mask=mask, labels=labels).loss
    assert isinstance(loss, torch.Tensor)
    return loss


def long_rows(n: int, tokens: int) -> list[TrainRow]:
    generator = np.random.default_rng(2)
    return [
        TrainRow(
            prompt=tuple(generator.integers(0, 258, size=tokens).tolist()),
            completion=tuple(generator.integers(0, 258, size=1 + i % 5).tolist()),
        )
        for i in range(n)
    ]


def batches(kind: str, shared: Sequence[TrainRow]) -> list[list[TrainRow]]:
    if kind == "below one instruction":
        return [list(shared[:4]), list(shared[4:8]), list(shared[2:6])]
    if kind == "the same row twice":
        return [[shared[0], shared[0], shared[1]]] * 3
    if kind == "weighted":
        return [
            [replace(row, weight=(1 + i % 3) / 2) for i, row in enumerate(shared[place:][:4])] for place in (0, 4, 2)
        ]
    if kind == "one row":
        return [[shared[i]] for i in range(3)]
    return [long_rows(8, 200)] * 3  # more than one micro-batch


@pytest.mark.parametrize(
    "kind", ["below one instruction", "the same row twice", "weighted", "one row", "several micro-batches"]
)
def test_loss_and_weights_equal_plain_peft(train_rows: tuple[TrainRow, ...], kind: str) -> None:
    settings = TrainSettings(rank=4, alpha=8, learning_rate=3e-3, warmup_steps=2, total_steps=4, seed=1)
    steps = batches(kind, train_rows)
    model = tiny_model()
    with model.training(settings) as trainer:
        start = trainer.adapter()
        losses, ours = [], []
        for batch in steps:
            losses.append(trainer.step(batch).loss)
            ours.append(trainer.adapter())

    wrapped = plain_peft(start, settings)
    trained = [p for p in wrapped.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=0.0)
    rates = [0.5, 1.0, 0.1 + 0.9 * (1 + math.cos(0)) / 2]
    for batch, rate, loss, adapter in zip(steps, rates, losses, ours, strict=True):
        optimizer.param_groups[0]["lr"] = settings.learning_rate * rate
        # A row of weight 1.5 beside one of .5 is the same as three beside one.
        expected = plain_loss(wrapped, [row for row in batch for _ in range(round(2 * row.weight))])
        assert loss == pytest.approx(expected.item(), abs=1e-4)
        expected.backward()
        torch.nn.utils.clip_grad_norm_(trained, settings.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        state = get_peft_model_state_dict(wrapped)
        assert state.keys() == adapter.weights.keys()
        for name, weights in state.items():
            torch.testing.assert_close(adapter.weights[name], weights, atol=2e-4, rtol=1e-3)
    moved = [name for name, weights in ours[-1].weights.items() if not torch.equal(weights, start.weights[name])]
    assert len(moved) == len(start.weights)


def test_the_rate_warms_up_and_decays_to_a_tenth() -> None:
    settings = TrainSettings(rank=2, alpha=2, learning_rate=1e-2, warmup_steps=4, total_steps=12, seed=0)
    model = tiny_model()
    with model.training(settings) as trainer:
        rates = []
        for _ in range(16):
            trainer.step(long_rows(1, 5))
            rates.append(trainer._fit._optimizer.param_groups[0]["lr"] / settings.learning_rate)  # type: ignore[attr-defined]
    assert rates[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert rates[8] == pytest.approx(0.55)
    assert sorted(rates[4:13], reverse=True) == rates[4:13]
    assert rates[12:] == pytest.approx([0.1] * 4)


def test_the_same_seed_gives_the_same_adapter(train_rows: tuple[TrainRow, ...], quick: TrainSettings) -> None:
    def fit(settings: TrainSettings, global_seed: int) -> Adapter:
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        with tiny_model().training(settings) as trainer:
            trainer.step(train_rows)
            adapter = trainer.adapter()
        assert torch.equal(torch.get_rng_state(), before), "the caller's random numbers are left alone"
        return adapter

    first, second = fit(quick, 0), fit(quick, 1)
    assert all(torch.equal(weights, second.weights[name]) for name, weights in first.weights.items())
    other = fit(TrainSettings(rank=4, alpha=8, learning_rate=1e-2, warmup_steps=1, total_steps=8, seed=6), 0)
    assert not any(torch.equal(weights, other.weights[name]) for name, weights in first.weights.items())


def test_steps_lower_the_loss(train_rows: tuple[TrainRow, ...], quick: TrainSettings) -> None:
    model = tiny_model()
    before = model.token_passes
    with model.training(quick) as trainer:
        steps = [trainer.step(train_rows) for _ in range(8)]
    losses = [step.loss for step in steps]
    assert losses[1] < losses[0]
    assert losses[-1] < losses[0] - 0.8
    assert [step.step for step in steps] == list(range(1, 9))
    n_separate = sum(len(row.prompt) + len(row.completion) - 1 for row in train_rows)
    assert steps[0].tokens < 0.7 * n_separate, "the shared instruction counts once"
    assert model.token_passes - before == 3 * sum(step.tokens for step in steps)


def test_masters_are_fp32_when_the_network_computes_in_bf16(train_rows: tuple[TrainRow, ...]) -> None:
    base = tiny_model()
    model = LocalModel(base._network.to(torch.bfloat16), base._chat._tokenizer, base.identity)
    settings = TrainSettings(rank=4, alpha=8, learning_rate=1e-5, warmup_steps=1, total_steps=50, seed=5)
    with model.training(settings) as trainer:
        start = trainer.adapter()
        for _ in range(5):
            trainer.step(train_rows)
        adapter = trainer.adapter()
    assert {weights.dtype for weights in adapter.weights.values()} == {torch.float32}
    a = next(name for name in adapter.weights if "lora_A" in name)
    # A step of 1e-5 on a weight of about 0.1 is below what bf16 can hold: only the masters see it.
    moved = (adapter.weights[a] - start.weights[a]).abs()
    assert 0 < moved.max() < 1e-4
    assert torch.equal(start.weights[a].bfloat16(), start.weights[a]), "as drawn, in the network's type"


def test_too_long_a_row_is_refused_by_its_place() -> None:
    model = tiny_model(context_tokens=64)
    with model.training(TrainSettings()) as trainer:
        with pytest.raises(ModelError, match=r"^example 1 is 66 tokens long; tiny reads 64\."):
            trainer.step(
                [TrainRow(prompt=(1,) * 60, completion=(2,) * 4), TrainRow(prompt=(1,) * 60, completion=(2,) * 6)]
            )
        trainer.step([TrainRow(prompt=(1,) * 60, completion=(2,) * 4)])


# -------------------------------------------------------------------------------------------------------- out of memory


class Short:
    """A hook on the network: passes of more than `most` tokens find no memory, in the forward or the backward pass."""

    def __init__(self, model: LocalModel, most: int, error: Exception, *, backward: bool = False) -> None:
        self.most, self.error, self.backward, self.times = most, error, backward, 0
        network = model._network
        self._handles = [network.model.layers[0].register_forward_pre_hook(self._look, with_kwargs=True)]
        self._last = network.model.layers[1]
        self._n = 0
        if backward:
            self._handles.append(self._last.register_full_backward_hook(self._back))

    def _look(self, _module: object, args: tuple[torch.Tensor, ...], _kwargs: object) -> None:
        self._n = args[0].shape[1]
        if not self.backward and self._n > self.most:
            self.times += 1
            raise self.error

    def _back(self, *_: object) -> None:
        if self._n > self.most:
            self.times += 1
            raise self.error

    def __enter__(self) -> Short:
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()


NO_MEMORY = {
    "torch's own": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "the processor's": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    "on Windows": RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    "Python's": MemoryError(),
}


@pytest.mark.parametrize("what", NO_MEMORY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_without_memory_the_micro_batch_is_halved_and_the_step_is_the_same(what: str, dtype: torch.dtype) -> None:
    settings = TrainSettings(rank=4, alpha=8, learning_rate=3e-3, warmup_steps=1, total_steps=4, seed=1)
    rows = long_rows(8, 60)
    results = []
    for short in (False, True):
        base = tiny_model()
        model = LocalModel(base._network.to(dtype), base._chat._tokenizer, base.identity)
        with model.training(settings) as trainer, Short(model, 150 if short else 10_000, NO_MEMORY[what]) as hook:
            steps = [trainer.step(rows) for _ in range(3)]
            results.append((steps, trainer.adapter(), hook.times))
    (whole, expected, _), (parts, adapter, times) = results
    assert [step.micro_batches for step in whole] == [1, 1, 1]
    assert [step.out_of_memory for step in whole] == [0, 0, 0]
    # 8 rows of 60 and more: 480 and more do not fit, nor does the half; a quarter does, and later steps begin with it.
    assert [step.out_of_memory for step in parts] == [2, 0, 0]
    assert all(step.micro_batches > 3 for step in parts)
    assert times == 2
    assert [step.tokens for step in parts] == [step.tokens for step in whole]
    tolerance = 1e-4 if dtype == torch.float32 else 5e-2
    assert [step.loss for step in parts] == pytest.approx([step.loss for step in whole], abs=tolerance)
    if dtype == torch.float32:
        for name, weights in expected.weights.items():
            torch.testing.assert_close(adapter.weights[name], weights, atol=2e-4, rtol=1e-3)


def test_a_backward_pass_that_stops_halfway_leaves_no_gradient(train_rows: tuple[TrainRow, ...]) -> None:
    settings = TrainSettings(rank=4, alpha=8, learning_rate=3e-3, warmup_steps=1, total_steps=4, seed=1)
    adapters = []
    for most in (10_000, 150):
        model = tiny_model()
        hook = Short(model, most, torch.OutOfMemoryError("out of memory"), backward=True)
        with model.training(settings) as trainer, hook:
            taken = trainer.step(long_rows(8, 60))
            adapters.append(trainer.adapter())
        assert (taken.out_of_memory > 0) == (most == 150)
    for name, weights in adapters[0].weights.items():
        torch.testing.assert_close(adapters[1].weights[name], weights, atol=2e-4, rtol=1e-3)


def test_one_row_that_does_not_fit_is_the_trials_failure_and_the_fit_goes_on() -> None:
    model = tiny_model()
    with model.training(TrainSettings(rank=4, total_steps=4)) as trainer:
        with (
            Short(model, 50, torch.OutOfMemoryError("out of memory")),
            pytest.raises(TrialError, match=r"memory ran out training on one row of 6\d tokens: shorten the rows"),
        ):
            trainer.step(long_rows(4, 60))
        assert trainer.step(long_rows(4, 60)).step == 1


def test_another_failure_is_not_taken_for_it(train_rows: tuple[TrainRow, ...]) -> None:
    model = tiny_model()
    with (
        model.training(TrainSettings(rank=4, total_steps=4)) as trainer,
        Short(model, 10, RuntimeError("shapes cannot be multiplied")),
        pytest.raises(RuntimeError, match="shapes"),
    ):
        trainer.step(train_rows)
