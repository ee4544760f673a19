"""Products with several layers at once are what PEFT's own layers give, forward and backward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from peft.tuners.lora.layer import Linear

from crossover.model.engine.products import Lora, Part, of_module, products

SIZES = st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=3), min_size=1, max_size=3)


def tensor(generator: torch.Generator, *size: int) -> torch.Tensor:
    return torch.randn(*size, generator=generator, dtype=torch.float64)


@settings(max_examples=80, deadline=None)
@given(
    groups=SIZES,
    seed=st.integers(0, 2**16),
    batch=st.lists(st.integers(1, 4), max_size=2),
    adapted=st.lists(st.booleans(), min_size=9, max_size=9),
    biased=st.lists(st.booleans(), min_size=9, max_size=9),
    alike=st.booleans(),
)
def test_outputs_and_gradients_are_those_of_autograd(
    groups: list[list[int]], seed: int, batch: list[int], adapted: list[bool], biased: list[bool], *, alike: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    width = 5
    x = tensor(generator, *batch, 3, width).requires_grad_()
    parts, n = [], 0
    for sizes in groups:
        own = []
        for out in sizes:
            lora = None
            if adapted[n]:
                a = tensor(generator, 2 + n % 2, width).requires_grad_()
                b = tensor(generator, out, 2 + n % 2).requires_grad_()
                lora = Lora(a, b, 0.5 if alike else 0.5 + n)
            bias = tensor(generator, out) if biased[n] else None
            own.append(Part(tensor(generator, out, width), out, bias, lora))
            n += 1
        parts.append(tuple(own))
    single = len(parts) == 1 and len(parts[0]) == 1
    onto = tensor(generator, *batch, 3, groups[0][0]).requires_grad_() if single else None

    def plain(part: Part) -> torch.Tensor:
        result = x @ part.read(x.dtype).t()
        if part.bias is not None:
            result = result + part.bias
        return result if part.lora is None else result + part.lora.scale * (x @ part.lora.a.t() @ part.lora.b.t())

    expected = [torch.cat([plain(part) for part in own], dim=-1) + (0 if onto is None else onto) for own in parts]
    found = products(x, parts, onto)
    with torch.no_grad():
        read = products(x, parts, onto)
    weights = [tensor(generator, *output.shape) for output in expected]
    trained = [t for own in parts for part in own if part.lora for t in (part.lora.a, part.lora.b)]
    wanted = [x, *trained, *([] if onto is None else [onto])]
    for ours, alone, theirs in zip(found, read, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
        torch.testing.assert_close(alone, theirs)
    ours_back = torch.autograd.grad(sum((f * w).sum() for f, w in zip(found, weights, strict=True)), wanted)  # type: ignore[arg-type]  # a sum of tensors is one
    theirs_back = torch.autograd.grad(sum((e * w).sum() for e, w in zip(expected, weights, strict=True)), wanted)  # type: ignore[arg-type]  # a sum of tensors is one
    for ours, theirs in zip(ours_back, theirs_back, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_only_what_asks_for_a_gradient_gets_one() -> None:
    generator = torch.Generator().manual_seed(0)
    x = tensor(generator, 2, 4)
    a, b = tensor(generator, 2, 4).requires_grad_(), tensor(generator, 3, 2).requires_grad_()
    weight = tensor(generator, 3, 4)
    (found,) = products(x, [(Part(weight, 3, None, Lora(a, b, 1.0)),)])
    found.sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert x.grad is None
    (plain,) = products(x, [(Part(weight, 3),)])
    assert not plain.requires_grad


@pytest.mark.parametrize(
    "change",
    [
        {"lora_dropout": 0.1},
        {"use_dora": True},
        {"bias": "all"},
        {"lora_bias": True},
    ],
)
def test_other_layers_are_left_to_peft(change: dict[str, Any]) -> None:
    network: Any = torch.nn.Sequential(torch.nn.Linear(4, 4))
    wrapped = get_peft_model(network, LoraConfig(r=2, target_modules=["0"], **change))
    (layer,) = [m for m in wrapped.modules() if isinstance(m, Linear)]
    assert of_module(layer) is None


def test_an_adapter_that_is_off_merged_or_one_of_two_is_left_to_peft() -> None:
    network: Any = torch.nn.Sequential(torch.nn.Linear(4, 4))
    wrapped: Any = get_peft_model(network, LoraConfig(r=2, target_modules=["0"]))
    (layer,) = [m for m in wrapped.modules() if isinstance(m, Linear)]
    assert of_module(layer) is not None
    with wrapped.disable_adapter():
        assert of_module(layer) is None
    layer.merge()
    assert of_module(layer) is None
    layer.unmerge()
    assert of_module(layer) is not None
    wrapped.add_adapter("second", LoraConfig(r=2, target_modules=["0"]))
    assert of_module(layer) is None


def test_a_layer_that_is_trained_itself_is_left_to_torch() -> None:
    layer = torch.nn.Linear(4, 4)
    assert of_module(layer) is None
    assert of_module(layer.requires_grad_(requires_grad=False)) is not None
    assert of_module(torch.nn.Embedding(4, 4)) is None


def test_in_16_bits_an_adapter_below_the_last_digit_counts_in_the_mean() -> None:
    """The first steps of a fit are that small: added after the weight's share was rounded, they would be lost."""
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(128, 256, generator=generator), 0.1 * torch.randn(64, 256, generator=generator)
    a, b = 0.1 * torch.randn(4, 256, generator=generator), 1e-4 * torch.randn(64, 4, generator=generator)
    low = [tensor.bfloat16() for tensor in (x, weight, a, b)]
    rows, frozen, *pair = low
    bare, adapted = (
        products(rows, [(Part(frozen, 64, None, lora),)])[0].float() for lora in (None, Lora(pair[0], pair[1], 1.0))
    )
    exact = rows.float() @ pair[0].float().t() @ pair[1].float().t()
    kept = ((adapted - bare) * exact).sum() / exact.square().sum()
    assert 0.9 < kept < 1.1
