"""int8 and nf4: what is kept, what is computed, and adapters on top. The oracle is a plain network whose weights are
those that bitsandbytes reads back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bitsandbytes.functional import dequantize_blockwise
from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt
from peft.tuners.lora import LoraLayer
from transformers import PreTrainedModel

from crossover.errors import ModelError
from crossover.model import quantized
from crossover.model.base import TrainRow, TrainSettings
from crossover.model.engine.products import of_module
from crossover.model.load import ModelSource, find_model, load_model
from crossover.model.local import LocalModel
from crossover.model.quantized import kept_bytes
from crossover.model.tiny import tiny_model
from tests.model.plain import plain_logprobs, plain_states

BEGINNING = tuple(range(20, 60))
PROMPTS = [(*BEGINNING, 1, 2), (*BEGINNING, 3), (*BEGINNING, 1, 4, 5), tuple(range(100, 190))]
LABELS = [(7, 8), (9,), (7, 9, 10)]
BOTH = ["int8", "nf4"]


@pytest.fixture(scope="module")
def source(tiny: LocalModel, tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    folder = tmp_path_factory.mktemp("quantized") / "tiny"
    tiny._network.save_pretrained(folder)
    tiny._chat._tokenizer.save_pretrained(folder)
    return find_model(str(folder))


@pytest.fixture(scope="module")
def models(source: ModelSource) -> dict[str, LocalModel]:
    """Every test leaves them as it found them."""
    return {precision: source.load(precision, computing="fp32") for precision in BOTH}


def linear(network: PreTrainedModel) -> list[tuple[str, torch.nn.Linear]]:
    head = network.get_output_embeddings()
    return [(n, m) for n, m in network.named_modules() if isinstance(m, torch.nn.Linear) and m is not head]


def read_back(module: torch.nn.Module) -> torch.Tensor:
    if isinstance(module, Linear4bit):
        packed: Any = module.weight  # declared as any tensor
        state = packed.quant_state
        # By hand: on a processor bitsandbytes' own function is off where a row is no whole number of blocks.
        scales = dequantize_blockwise(state.absmax, state.state2) + state.offset
        codes = packed.data.flatten()
        values = state.code[torch.stack([codes >> 4, codes & 15], dim=1).flatten().long()]
        weight: torch.Tensor = values * scales.repeat_interleave(state.blocksize)[: len(values)]
        return weight.view(state.shape)
    assert isinstance(module, Linear8bitLt)
    assert module.state.CB is not None
    assert module.state.SCB is not None
    return module.state.CB.float() * module.state.SCB.float()[:, None] / 127


def plain(model: LocalModel) -> LocalModel:
    """Return an ordinary fp32 model with the weights of a quantized one."""
    result = tiny_model()
    network, theirs = result._network, model._network
    with torch.no_grad():
        for name, module in linear(theirs):
            network.get_parameter(f"{name}.weight").copy_(read_back(module))
        network.get_input_embeddings().weight.copy_(theirs.get_input_embeddings().weight)
        network.get_output_embeddings().weight.copy_(theirs.get_output_embeddings().weight)
    return result


@pytest.mark.parametrize("precision", BOTH)
def test_scores_are_those_of_the_weights_read_back(models: dict[str, LocalModel], precision: str) -> None:
    model = models[precision]
    expected = plain(model)._network
    np.testing.assert_allclose(
        model.score(PROMPTS, LABELS).logprobs, plain_logprobs(expected, PROMPTS, LABELS), atol=1e-4
    )
    np.testing.assert_allclose(model.embed([PROMPTS[0]])[0], plain_states(expected, PROMPTS[0]), atol=1e-4)
    # transformers' own forward, which knows nothing of our engine, goes through the same layers.
    np.testing.assert_allclose(
        plain_logprobs(model._network, PROMPTS[:1], LABELS), plain_logprobs(expected, PROMPTS[:1], LABELS), atol=1e-4
    )


@pytest.mark.parametrize("precision", BOTH)
def test_alone_and_in_any_batch_answers_are_the_same(models: dict[str, LocalModel], precision: str) -> None:
    model = models[precision]
    together = model.score(PROMPTS, LABELS).logprobs
    for row, prompt in zip(together, PROMPTS, strict=True):
        np.testing.assert_allclose(model.score([prompt], LABELS).logprobs[0], row, atol=1e-5)


def test_scores_stay_near_those_of_fp32(tiny: LocalModel, models: dict[str, LocalModel]) -> None:
    prompts = [tuple(range(start, start + 30)) for start in range(0, 200, 10)]
    labels = [(token,) for token in range(0, 256, 4)]
    exact = tiny.score(prompts, labels).logprobs
    spread = exact.std()
    off = {p: np.sqrt(np.mean((models[p].score(prompts, labels).logprobs - exact) ** 2)) for p in BOTH}
    # Random weights of 32 columns are the worst case: no error averages out.
    assert off["int8"] < 0.03 * spread
    assert off["int8"] < off["nf4"] < 0.6 * spread


@pytest.mark.parametrize("precision", BOTH)
def test_layers_are_small_and_the_rest_is_kept_in_bf16(models: dict[str, LocalModel], precision: str) -> None:
    network = models[precision]._network
    layers = linear(network)
    assert {type(m) for _, m in layers} == {Linear8bitLt if precision == "int8" else Linear4bit}
    assert len(layers) == 2 * 7
    assert {m.weight.dtype for _, m in layers} == {torch.int8 if precision == "int8" else torch.uint8}
    assert network.get_input_embeddings().weight.dtype == torch.bfloat16
    assert type(network.get_output_embeddings()) is torch.nn.Linear
    assert network.get_output_embeddings().weight.dtype == torch.bfloat16
    assert models[precision].identity.precision == precision
    assert models[precision].identity.parameters == sum(p.numel() for p in tiny_model()._network.parameters())


@pytest.mark.parametrize("precision", BOTH)
@pytest.mark.parametrize("computing", ["fp32", "bf16"])
def test_tied_embeddings_stay_one_matrix(tiny: LocalModel, tmp_path: Path, precision: str, computing: str) -> None:
    theirs = tiny_model()
    theirs._network.config.tie_word_embeddings = True
    theirs._network.tie_weights()
    theirs._network.save_pretrained(tmp_path)
    tiny._chat._tokenizer.save_pretrained(tmp_path)
    model = find_model(str(tmp_path)).load(precision, computing=computing)
    network = model._network
    assert network.get_input_embeddings().weight is network.get_output_embeddings().weight
    assert network.get_input_embeddings().weight.dtype == torch.bfloat16
    assert np.isfinite(model.score(PROMPTS, LABELS).logprobs).all()


@pytest.mark.parametrize("precision", BOTH)
@pytest.mark.parametrize("computing", ["fp32", "bf16"])
def test_adapters_compute_as_the_layers_do_and_masters_are_fp32(
    source: ModelSource, train_rows: Sequence[TrainRow], precision: str, computing: str
) -> None:
    model = source.load(precision, computing=computing)
    settings = TrainSettings(rank=4, alpha=8, learning_rate=1e-5, warmup_steps=1, total_steps=50, seed=5)
    with model.training(settings) as trainer:
        parts = [of_module(module) for module in model._network.modules() if isinstance(module, LoraLayer)]
        assert len(parts) == 2 * 7
        assert None not in parts  # none is left to PEFT
        fit = trainer._fit  # type: ignore[attr-defined]
        dtype = torch.float32 if computing == "fp32" else torch.bfloat16
        assert {p.dtype for p in fit._parameters} == {dtype}
        assert {m.dtype for m in fit.masters} == {torch.float32}
        start = trainer.adapter()
        for _ in range(3):
            trainer.step(train_rows)
        adapter = trainer.adapter()
    assert {weights.dtype for weights in adapter.weights.values()} == {torch.float32}
    # A step of 1e-5 on a weight of about 0.1 is below what bf16 can hold: only the masters see it.
    moved = [(adapter.weights[n] - start.weights[n]).abs().max() for n in adapter.weights if "lora_A" in n]
    assert all(0 < step < 1e-4 for step in moved)


@pytest.mark.parametrize("precision", BOTH)
def test_training_on_top_is_training_on_the_weights_read_back(
    models: dict[str, LocalModel], train_rows: Sequence[TrainRow], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantized, "SLICE_WEIGHTS", 32 * 50)  # the head goes through its gradient in several slices
    settings = TrainSettings(rank=4, alpha=8, learning_rate=3e-3, warmup_steps=1, total_steps=6, seed=1)
    model = models[precision]
    before = model.score(PROMPTS, LABELS).logprobs
    frozen = {name: read_back(module).clone() for name, module in linear(model._network)}
    losses, adapters = [], []
    for each in (model, plain(model)):
        with each.training(settings) as trainer:
            losses.append([trainer.step(train_rows).loss for _ in range(6)])
            adapters.append(trainer.adapter().weights)
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)
    assert losses[0][-1] < losses[0][0] - 0.3
    assert adapters[0].keys() == adapters[1].keys()
    for name, weights in adapters[0].items():
        torch.testing.assert_close(weights, adapters[1][name], atol=2e-3, rtol=1e-2)
    assert all(torch.equal(read_back(module), frozen[name]) for name, module in linear(model._network))
    np.testing.assert_array_equal(model.score(PROMPTS, LABELS).logprobs, before)
    assert not any(p.requires_grad for p in model._network.parameters())


@pytest.mark.parametrize("precision", BOTH)
@pytest.mark.parametrize(
    "changes",
    [{}, {"use_dora": True}, {"adapter": "ia3"}, {"adapter": "soft", "soft": BEGINNING}],
    ids=["lora", "dora", "ia3", "soft"],
)
def test_an_adapter_goes_on_and_off(
    models: dict[str, LocalModel],
    train_rows: Sequence[TrainRow],
    quick: TrainSettings,
    precision: str,
    changes: dict[str, Any],
) -> None:
    model = models[precision]
    with model.training(replace(quick, **changes)) as trainer:
        for _ in range(3):
            trainer.step(train_rows)
        trained = model.score(PROMPTS, LABELS).logprobs
        adapter = trainer.adapter()
    base = model.score(PROMPTS, LABELS).logprobs
    assert np.abs(trained - base).max() > 1e-2
    with model.adapted(adapter):
        np.testing.assert_allclose(model.score(PROMPTS, LABELS).logprobs, trained, atol=1e-5)
    np.testing.assert_array_equal(model.score(PROMPTS, LABELS).logprobs, base)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
@pytest.mark.parametrize("precision", BOTH)
def test_the_file_is_let_go(tiny: LocalModel, tmp_path: Path, precision: str) -> None:
    tiny_model()._network.to(torch.bfloat16).save_pretrained(tmp_path)
    tiny._chat._tokenizer.save_pretrained(tmp_path)
    model = find_model(str(tmp_path)).load(precision, computing="bf16")
    assert str(tmp_path) not in Path("/proc/self/maps").read_text(encoding="utf-8")
    assert model.identity.precision == precision


def test_what_is_kept_is_counted_with_its_scales(source: ModelSource, models: dict[str, LocalModel]) -> None:
    n_linear = sum(m.in_features * m.out_features for _, m in linear(models["nf4"]._network))
    embeddings = 2 * models["nf4"]._network.get_input_embeddings().weight.numel()
    assert kept_bytes(source.load("fp32")._network) == pytest.approx(4 * (n_linear + embeddings), rel=0.02)
    assert kept_bytes(models["int8"]._network) == pytest.approx(n_linear + 2 * embeddings, rel=0.1)
    # 256 fp32 numbers of a table for each layer weigh here, where a layer has 2,048 weights.
    assert kept_bytes(models["nf4"]._network) < 0.6 * n_linear + 2 * embeddings + 14 * 1200


def test_auto_decides_what_is_computed_in(source: ModelSource) -> None:
    model = load_model(source.where, precision="nf4")
    assert model.identity.precision == "nf4"
    assert np.isfinite(model.score(PROMPTS, LABELS).logprobs).all()


@pytest.mark.parametrize("precision", BOTH)
def test_all_weights_are_not_trained_where_they_are_quantized(models: dict[str, LocalModel], precision: str) -> None:
    model = models[precision]
    with pytest.raises(ModelError, match=r"all weights of .* cannot be trained: \d+ of them are quantized"):
        model.training(TrainSettings(full=True)).__enter__()
    with model.training(TrainSettings(total_steps=1)) as trainer:  # and nothing is left on
        trainer.step([TrainRow(prompt=(1, 2), completion=(3,))])
