"""Quick decoder layers give what transformers' own give: states, keys and values, and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AttentionInterface, LlamaConfig, LlamaForCausalLM, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.llama import modeling_llama
from transformers.models.llama.modeling_llama import LlamaMLP

from crossover.model.engine.forward import set_computing_type
from crossover.model.engine.layers import quicken
from tests.model.networks import SHARED, SINGLE, model_of
from tests.model.plain import as_published

QUICK = [name for name, (kind, _) in (SHARED | SINGLE).items() if kind in {"llama", "mistral", "qwen2", "qwen3"}]


def is_quick(network: PreTrainedModel) -> bool:
    layers: Any = getattr(network.base_model, "layers", ())
    return bool(layers) and all("forward" in layer.__dict__ for layer in layers)


def llama(**changes: object) -> LlamaForCausalLM:
    sizes: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 50}
    heads: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2}
    torch.manual_seed(0)
    network = LlamaForCausalLM(LlamaConfig(**(sizes | heads | changes)))
    network.eval().requires_grad_(requires_grad=False)
    return network


def gradients(network: torch.nn.Module, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what each weight that is trained gets from one pass over rows that are their own labels."""
    network.zero_grad(set_to_none=True)
    network(input_ids=ids, labels=ids).loss.backward()
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def passes(network: PreTrainedModel) -> list[torch.Tensor]:
    """Return what two padded rows, and then two more tokens after them, give: states, keys and values."""
    torch.manual_seed(2)
    ids, more = torch.randint(0, 50, (2, 9)), torch.randint(0, 50, (2, 2))
    mask = torch.ones(2, 11, dtype=torch.long)
    mask[0, :3] = 0
    with torch.no_grad():
        first = network.base_model(input_ids=ids, attention_mask=mask[:, :9], use_cache=True)
        second = network.base_model(input_ids=more, attention_mask=mask, past_key_values=first.past_key_values)
    kept = [tensor for layer in second.past_key_values.layers for tensor in (layer.keys, layer.values)]
    # What a hidden token sees is nobody's: the first three of the first row.
    return [first.last_hidden_state[:, 3:], second.last_hidden_state, *(tensor[:, :, 3:] for tensor in kept)]


@pytest.mark.parametrize("name", SHARED | SINGLE)
def test_states_and_caches_are_transformers_own(name: str) -> None:
    network = model_of(name)._network
    assert is_quick(network) == (name in QUICK)
    if name not in QUICK:
        return
    ours = passes(network)
    with as_published(network):
        theirs = passes(network)
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", QUICK)
def test_gradients_of_adapters_are_transformers_own(name: str, attention: str) -> None:
    network = model_of(name)._network
    before = network.config._attn_implementation
    network.set_attn_implementation(attention)
    targets = ["q_proj", "v_proj", "up_proj", "down_proj"]  # some with an adapter, some without
    wrapped = get_peft_model(network, LoraConfig(r=2, target_modules=targets, init_lora_weights=False))
    try:
        torch.manual_seed(3)
        ids = torch.randint(0, 258, (2, 12))
        ours = gradients(wrapped, ids)
        with as_published(wrapped):
            theirs = gradients(wrapped, ids)
        assert ours.keys() == theirs.keys()
        assert len(ours) == 2 * 2 * len(targets)
        for key, expected in theirs.items():
            torch.testing.assert_close(ours[key], expected, atol=1e-4, rtol=1e-3)
    finally:
        wrapped.unload()
        network.requires_grad_(requires_grad=False)
        network.set_attn_implementation(before)


def test_all_weights_get_transformers_own_gradients() -> None:
    network = llama(attention_bias=True, mlp_bias=True)
    assert quicken(network)
    network.requires_grad_()
    ids = torch.arange(20)[None] % 50
    ours = gradients(network, ids)
    with as_published(network):
        theirs = gradients(network, ids)
    assert len(ours) == len(list(network.parameters()))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("biased", [False, True])
def test_biases_and_bf16(biased: bool) -> None:
    network = llama(attention_bias=biased, mlp_bias=biased)
    network.bfloat16()
    set_computing_type(network, torch.bfloat16)
    assert quicken(network)
    ours = passes(network)
    with as_published(network):
        theirs = passes(network)
    for found, expected in zip(ours, theirs, strict=True):
        assert found.dtype == torch.bfloat16
        off = (found - expected).float().square().mean().sqrt() / expected.float().std()
        assert off < 0.02


def test_an_adapter_put_on_by_anybody_takes_part() -> None:
    network = llama()
    assert quicken(network)
    ids = torch.arange(8)[None]
    with torch.no_grad():
        bare = network(input_ids=ids).logits
        wrapped = get_peft_model(network, LoraConfig(r=2, target_modules=["k_proj"], init_lora_weights=False))
        ours = wrapped(input_ids=ids).logits
        with as_published(wrapped):
            theirs = wrapped(input_ids=ids).logits
    assert not torch.allclose(ours, bare, atol=1e-4)
    torch.testing.assert_close(ours, theirs)


def test_layers_that_give_something_else_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not quicken(llama(hidden_act="gelu"))
    network = llama()
    norm: Any = network.model.layers[1].input_layernorm
    norm.forward = lambda x: 2 * x  # changed by somebody
    assert not quicken(network)
    network = llama()
    own: Any = LlamaMLP.forward
    monkeypatch.setattr(LlamaMLP, "forward", lambda self, x: 1.01 * own(self, x))  # likewise, for all of them
    assert not quicken(network)
    assert not is_quick(network)


def test_a_transformers_with_other_parts_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    network = llama()
    monkeypatch.delattr(modeling_llama, "eager_attention_forward")
    assert not quicken(network)
    assert not is_quick(network)


def test_quickened_twice_is_quickened_once() -> None:
    network = llama()
    assert quicken(network)
    first = network.model.layers[0].__dict__["forward"]
    assert not quicken(network)
    assert network.model.layers[0].__dict__["forward"] is first


@pytest.mark.parametrize("name", QUICK)
def test_attention_is_given_what_transformers_gives_it(name: str) -> None:
    network = model_of(name)._network
    given: list[dict[str, object]] = []

    def attend(*tensors: Any, **kwargs: Any) -> tuple[torch.Tensor, None]:  # noqa: ANN401  # transformers' own
        given.append({key: value for key, value in kwargs.items() if value is not None})
        return sdpa_attention_forward(*tensors, **kwargs)

    before = network.config._attn_implementation
    AttentionInterface.register("watched", attend)
    network.config._attn_implementation = "watched"
    try:
        ids = torch.arange(12)[None]
        network(input_ids=ids, use_cache=False)
        with as_published(network):
            network(input_ids=ids, use_cache=False)
    finally:
        network.config._attn_implementation = before
    ours, theirs = given[: len(given) // 2], given[len(given) // 2 :]
    assert len(ours) == network.config.num_hidden_layers
    for mine, other in zip(ours, theirs, strict=True):
        assert repr(sorted(mine.items())) == repr(sorted(other.items()))
