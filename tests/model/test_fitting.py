"""Fits of all weights, and fits that are interrupted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from crossover.errors import ModelError
from crossover.model.base import Adapter, Trainer, TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model

FULL = TrainSettings(full=True, learning_rate=3e-3, warmup_steps=1, total_steps=6, seed=1)
LORA = TrainSettings(rank=4, alpha=8, learning_rate=1e-2, warmup_steps=1, total_steps=6, seed=1)
IA3 = replace(LORA, adapter="ia3")
DORA = replace(LORA, use_dora=True, use_rslora=True)
SOFT = replace(LORA, adapter="soft", soft=tuple(range(20, 40)))
PROMPTS = [(1, 2, 3), (1, 2, 4, 5)]
LABELS = [(7, 8), (9,)]


def scores(model: LocalModel) -> list[list[float]]:
    model.forget(results=True)
    found: list[list[float]] = model.score(PROMPTS, LABELS).logprobs.tolist()
    return found


def steps(trainer: Trainer, rows: Sequence[TrainRow], first: int, last: int) -> None:
    for step in range(first, last):
        trainer.step(rows[step % 3 : step % 3 + 4])


def assert_same(one: Adapter, other: Adapter) -> None:
    assert one.config == other.config
    assert one.weights.keys() == other.weights.keys()
    for name, weights in one.weights.items():
        assert torch.equal(weights, other.weights[name]), name


def test_all_weights_move_as_plain_torch_moves_them(train_rows: tuple[TrainRow, ...]) -> None:
    rows = train_rows[:4]
    with tiny_model().training(FULL) as trainer:
        losses = [trainer.step(rows).loss for _ in range(2)]
        found = trainer.adapter()
    network = tiny_model()._network.requires_grad_(requires_grad=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=FULL.learning_rate, weight_decay=0.0)
    for loss in losses:
        total = torch.zeros(())
        for row in rows:
            whole = torch.tensor([[*row.prompt, *row.completion]])
            labels = whole.clone()
            labels[0, : len(row.prompt)] = -100
            plain = network(input_ids=whole, labels=labels).loss
            assert isinstance(plain, torch.Tensor)
            total = total + plain * len(row.completion)
        total = total / sum(len(row.completion) for row in rows)
        assert loss == pytest.approx(total.item(), abs=1e-4)
        total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), FULL.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
    assert found.is_full
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(found.weights[name], parameter.detach(), atol=2e-4, rtol=1e-3)


def test_what_was_trained_is_on_inside_the_block_and_off_after_it(train_rows: tuple[TrainRow, ...]) -> None:
    model = tiny_model()
    before = scores(model)
    with model.training(FULL) as trainer:
        steps(trainer, train_rows, 0, 3)
        trained = scores(model)
        adapter = trainer.adapter()
    assert scores(model) == before
    assert trained != before
    assert not any(p.requires_grad or p.grad is not None for p in model._network.parameters())
    with model.adapted(adapter):
        assert scores(model) == trained
    assert scores(model) == before


def test_weights_come_back_when_a_step_fails(train_rows: tuple[TrainRow, ...]) -> None:
    model = tiny_model()
    before = scores(model)
    trainings = model.training(FULL)
    trainings.__enter__().step(train_rows)
    assert not trainings.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert scores(model) == before


def test_a_network_in_bf16_trains_all_weights_on_fp32_masters(train_rows: tuple[TrainRow, ...]) -> None:
    base = tiny_model()
    model = LocalModel(base._network.to(torch.bfloat16), base._chat._tokenizer, base.identity)
    with model.training(replace(FULL, learning_rate=1e-6)) as trainer:
        start = trainer.adapter()
        steps(trainer, train_rows, 0, 3)
        moved = trainer.adapter()
    name = "model.layers.0.mlp.up_proj.weight"
    assert {w.dtype for w in moved.weights.values()} == {torch.float32}
    assert 0 < (moved.weights[name] - start.weights[name]).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("model.norm.weight"), r"1 of its weights differ in name: 'model.norm.weight' is missing"),
        (lambda w: w.update(other=torch.zeros(1)), r"1 of its weights differ in name: 'other' has no place"),
        (lambda w: w.update({"model.norm.weight": torch.zeros(3)}), r"has the shape \[3\], not \[32\]"),
    ],
)
def test_weights_of_another_network_are_refused(change, message: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    model = tiny_model()
    before = scores(model)
    weights = {name: p.detach().clone() for name, p in model._network.named_parameters()}
    change(weights)
    with (
        pytest.raises(ModelError, match=message),
        model.adapted(Adapter(config={"peft_type": "FULL"}, weights=weights)),
    ):
        pass
    assert scores(model) == before


# ----------------------------------------------------------------------------------------------------------- saved fits


@pytest.mark.parametrize("settings", [LORA, IA3, DORA, SOFT, FULL], ids=["lora", "ia3", "dora", "soft", "full"])
@pytest.mark.parametrize("at", [0, 3])
def test_a_fit_that_goes_on_ends_as_one_that_never_stopped(
    train_rows: tuple[TrainRow, ...], settings: TrainSettings, at: int, tmp_path: Path
) -> None:
    with tiny_model().training(settings) as trainer:
        steps(trainer, train_rows, 0, 6)
        whole = trainer.adapter()
    with tiny_model().training(settings) as trainer:
        steps(trainer, train_rows, 0, at)
        trainer.save(tmp_path / "fit")
    with tiny_model().training(settings) as trainer:
        trainer.restore(tmp_path / "fit")
        assert trainer.steps == at
        steps(trainer, train_rows, at, 6)
        assert_same(trainer.adapter(), whole)


def test_masters_survive_in_full_precision(train_rows: tuple[TrainRow, ...], tmp_path: Path) -> None:
    def bf16() -> LocalModel:
        base = tiny_model()
        return LocalModel(base._network.to(torch.bfloat16), base._chat._tokenizer, base.identity)

    settings = replace(LORA, learning_rate=1e-5)
    with bf16().training(settings) as trainer:
        steps(trainer, train_rows, 0, 6)
        whole = trainer.adapter()
    with bf16().training(settings) as trainer:
        steps(trainer, train_rows, 0, 2)
        trainer.save(tmp_path)
    with bf16().training(settings) as trainer:
        trainer.restore(tmp_path)
        steps(trainer, train_rows, 2, 6)
        assert_same(trainer.adapter(), whole)


def test_saving_again_takes_the_place_of_what_was_saved(train_rows: tuple[TrainRow, ...], tmp_path: Path) -> None:
    with tiny_model().training(LORA) as trainer:
        for at in range(2):
            steps(trainer, train_rows, at, at + 1)
            trainer.save(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2
    assert names[1] == "fit.json"
    assert json.loads((tmp_path / "fit.json").read_text())["steps"] == 2


def restored(folder: Path, settings: TrainSettings = LORA, model: LocalModel | None = None) -> None:
    with (model or tiny_model()).training(settings) as trainer:
        trainer.restore(folder)


def test_what_does_not_belong_is_refused_by_name(train_rows: tuple[TrainRow, ...], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no saved fit"):
        restored(tmp_path)
    with tiny_model().training(LORA) as trainer:
        trainer.step(train_rows)
        trainer.save(tmp_path)
    restored(tmp_path)
    with pytest.raises(ModelError, match=r"had another settings: learning_rate 0\.01, now 0\.02"):
        restored(tmp_path, replace(LORA, learning_rate=0.02))
    with pytest.raises(ModelError, match="had another settings: adapter 'lora', now 'ia3'"):
        restored(tmp_path, IA3)
    with pytest.raises(ModelError, match="had another model: sha256"):
        restored(tmp_path, model=tiny_model(seed=3))
    (weights,) = tmp_path.glob("*.safetensors")
    tensors = load_file(weights)
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, weights)
    with pytest.raises(ModelError, match="is damaged"):
        restored(tmp_path)
    weights.unlink()
    with pytest.raises(ModelError, match="lacks the weights of its fit"):
        restored(tmp_path)
    said = json.loads((tmp_path / "fit.json").read_text())
    (tmp_path / "fit.json").write_text(json.dumps({**said, "tensors": "../x.safetensors"}))
    with pytest.raises(ModelError, match="outside its folder"):
        restored(tmp_path)
    (tmp_path / "fit.json").write_text("[]")
    with pytest.raises(ModelError, match="no saved fit of this version"):
        restored(tmp_path)


def test_a_folder_that_cannot_be_written_keeps_what_was_saved(train_rows: tuple[TrainRow, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with tiny_model().training(LORA) as trainer, pytest.raises(ModelError, match="cannot be written"):
        trainer.save(tmp_path / "file" / "fit")
