"""The embedded model: adapters on and off, limits, and nothing left behind."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import save_file

from crossover.errors import ModelError
from crossover.model.base import Adapter, TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.model.sizes import Sizes
from crossover.model.tiny import tiny_model
from tests.model.plain import plain_logprobs

PROMPTS = [(*range(20), 5), (*range(20), 6, 7)]
LABELS = [(1, 2), (1, 3, 4)]


@pytest.fixture(scope="module")
def adapter(train_rows: tuple[TrainRow, ...], quick: TrainSettings) -> Adapter:
    with tiny_model().training(quick) as trainer:
        for _ in range(3):
            trainer.step(train_rows)
        return trainer.adapter()


def changed(adapter: Adapter, **config: object) -> Adapter:
    return Adapter(config={**adapter.config, **config}, weights=adapter.weights)  # type: ignore[dict-item]


class Found:
    """A network as it was found: modules, weights and flags."""

    def __init__(self, model: LocalModel) -> None:
        self.network = model._network
        self.before = self.state()

    def state(self) -> tuple[dict[str, str], dict[str, torch.Tensor], list[bool]]:
        modules = {name: type(module).__name__ for name, module in self.network.named_modules()}
        weights = {name: p.detach().clone() for name, p in self.network.named_parameters()}
        flags = [module.training for module in self.network.modules()]
        return modules, weights, [*flags, *(p.requires_grad for p in self.network.parameters())]

    def assert_unchanged(self) -> None:
        modules, weights, flags = self.state()
        assert modules == self.before[0]
        assert weights.keys() == self.before[1].keys()
        assert all(torch.equal(weight, self.before[1][name]) for name, weight in weights.items())
        assert flags == self.before[2]
        assert not any(flags), "frozen and in evaluation mode"
        assert not hasattr(self.network, "peft_config")
        assert not any(p.grad is not None for p in self.network.parameters())


def test_training_leaves_the_model_as_it_was_found(train_rows: tuple[TrainRow, ...], quick: TrainSettings) -> None:
    model = tiny_model()
    found = Found(model)
    for _ in range(2):
        with model.training(quick) as trainer:
            trainer.step(train_rows)
        found.assert_unchanged()


def test_a_failure_inside_leaves_it_too(adapter: Adapter, quick: TrainSettings) -> None:
    model = tiny_model()
    found = Found(model)
    with pytest.raises(KeyboardInterrupt), model.training(quick):
        raise KeyboardInterrupt
    found.assert_unchanged()
    with pytest.raises(RuntimeError, match="inside"), model.adapted(adapter):
        raise RuntimeError("inside")
    found.assert_unchanged()
    with model.adapted(adapter):
        pass


def test_an_adapter_is_on_inside_its_block_only(adapter: Adapter) -> None:
    model = tiny_model()
    found = Found(model)
    base = model.score(PROMPTS, LABELS).logprobs
    with model.adapted(None):
        np.testing.assert_array_equal(model.score(PROMPTS, LABELS).logprobs, base)
    with model.adapted(adapter):
        assert np.abs(model.score(PROMPTS, LABELS).logprobs - base).max() > 1e-2
    np.testing.assert_array_equal(model.score(PROMPTS, LABELS).logprobs, base)
    found.assert_unchanged()


def test_adapters_do_not_nest(adapter: Adapter, quick: TrainSettings) -> None:
    model = tiny_model()
    with model.adapted(adapter):
        with pytest.raises(ModelError, match="an adapter is on already"), model.adapted(adapter):
            pass
        with pytest.raises(ModelError, match="an adapter is on already"), model.training(quick):
            pass
        np.testing.assert_allclose(
            model.score(PROMPTS, LABELS).logprobs, plain_logprobs(model._network, PROMPTS, LABELS), atol=1e-4
        )
    with model.training(quick), pytest.raises(ModelError, match="an adapter is on already"), model.adapted(adapter):
        pass


def test_peft_loads_what_was_trained(tmp_path: Path, adapter: Adapter) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps(dict(adapter.config)))
    save_file(dict(adapter.weights), tmp_path / "adapter_model.safetensors")
    theirs = PeftModel.from_pretrained(tiny_model()._network, tmp_path).eval()
    model = tiny_model()
    with model.adapted(adapter):
        ours = model.score(PROMPTS, LABELS).logprobs
    np.testing.assert_allclose(ours, plain_logprobs(theirs, PROMPTS, LABELS), atol=1e-4)  # type: ignore[arg-type]


def test_dropout_is_off_when_answering(adapter: Adapter) -> None:
    model = tiny_model()
    with model.adapted(adapter):
        expected = model.score(PROMPTS, LABELS).logprobs
    with model.adapted(changed(adapter, lora_dropout=0.5)):
        np.testing.assert_array_equal(model.score(PROMPTS, LABELS).logprobs, expected)


def unfit(adapter: Adapter) -> dict[str, Adapter]:
    first = next(iter(adapter.weights))
    without = {name: weights for name, weights in adapter.weights.items() if name != first}
    return {
        "another rank": changed(adapter, r=8),
        "rank 0": changed(adapter, r=0),
        "rank as text": changed(adapter, r="four"),
        "targets that are not there": changed(adapter, target_modules=["c_attn"]),
        "targets of another type": changed(adapter, target_modules=7),
        "fewer targets": changed(adapter, target_modules=["q_proj"]),
        "a weight missing": Adapter(config=adapter.config, weights=without),
        "no weights": Adapter(config=adapter.config, weights={}),
        "a weight of another name": Adapter(
            config=adapter.config, weights={**without, "x.lora_A.weight": torch.ones(1)}
        ),
        "biases": changed(adapter, bias="all"),
        "targets by pattern": changed(adapter, target_modules="(.*)*x"),
    }


@pytest.mark.parametrize(
    "what",
    [
        "another rank",
        "rank 0",
        "rank as text",
        "targets that are not there",
        "targets of another type",
        "fewer targets",
        "a weight missing",
        "no weights",
        "a weight of another name",
        "biases",
        "targets by pattern",
    ],
)
def test_an_adapter_that_does_not_fit_is_refused_and_the_model_goes_on(adapter: Adapter, what: str) -> None:
    model = tiny_model()
    found = Found(model)
    with pytest.raises(ModelError, match="the adapter does not fit tiny"), model.adapted(unfit(adapter)[what]):
        pass
    found.assert_unchanged()
    with model.adapted(adapter):
        pass


def test_an_adapter_stands_apart_from_its_trainer(train_rows: tuple[TrainRow, ...], quick: TrainSettings) -> None:
    with tiny_model().training(quick) as trainer:
        early = trainer.adapter()
        kept = {name: weights.clone() for name, weights in early.weights.items()}
        trainer.step(train_rows)
    assert all(torch.equal(weights, kept[name]) for name, weights in early.weights.items())
    assert json.loads(json.dumps(dict(early.config))) == dict(early.config)
    assert {weights.dtype for weights in early.weights.values()} == {torch.float32}


def test_targets_can_be_named(train_rows: tuple[TrainRow, ...], quick: TrainSettings) -> None:
    settings = dataclasses.replace(quick, targets=("q_proj", "v_proj"))
    model = tiny_model()
    with model.training(settings) as trainer:
        trainer.step(train_rows)
        expected, adapter = model.score(PROMPTS, LABELS).logprobs, trainer.adapter()
    assert adapter.config["target_modules"] == ["q_proj", "v_proj"]
    assert len(adapter.weights) == 2 * 2 * 2  # layers × modules × A and B
    with model.adapted(adapter):
        np.testing.assert_allclose(model.score(PROMPTS, LABELS).logprobs, expected, atol=1e-5)


def test_too_long_a_prompt_is_refused_with_its_place_length_and_limit() -> None:
    model = tiny_model(context_tokens=32)
    assert model.score([(1,) * 30], [(1, 2)]).logprobs.shape == (1, 1)
    with pytest.raises(ModelError) as caught:
        model.score([(1,) * 20, (1,) * 1_500], [(1,), (1, 2)])
    assert caught.value.message == "example 1 is 1,502 tokens long; tiny reads 32."
    assert caught.value.details == ("shorten it, use fewer demonstrations, or take a model with a longer context",)
    with pytest.raises(ModelError, match="example 0 is 33 tokens long"):
        model.embed([(1,) * 33])


def test_smaller_passes_give_the_same(train_rows: tuple[TrainRow, ...], quick: TrainSettings) -> None:
    found = []
    for sizes in (Sizes(), Sizes(pack_tokens=24, train_tokens=90, head_rows=2)):
        model = tiny_model()
        model.resize(sizes)
        with model.training(quick) as trainer:
            step = trainer.step(train_rows)
            found.append((model.score(PROMPTS, LABELS).logprobs, model.embed(PROMPTS), step))
    (whole, states, once), (parts, pooled, several) = found
    np.testing.assert_allclose(parts, whole, atol=1e-3)
    np.testing.assert_allclose(pooled, states, atol=1e-3)
    assert (once.micro_batches, once.out_of_memory, several.out_of_memory) == (1, 0, 0)
    assert several.micro_batches > 2
    assert several.loss == pytest.approx(once.loss, abs=1e-4)


def test_what_it_says_of_itself(tiny: LocalModel) -> None:
    assert tiny.identity.name == "tiny"
    assert tiny.identity.parameters == sum(p.numel() for p in tiny._network.parameters())
    assert tiny.capabilities == {"score", "generate", "embed", "train", "train all weights"}
    assert tiny.encode("") == ()
