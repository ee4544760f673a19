"""How far an adapter moves the model: what plain forward passes of transformers and PEFT say, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.errors import ModelError
from crossover.model.base import Adapter, TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.model.sizes import Sizes
from crossover.model.tiny import tiny_model
from tests.model.plain import as_published

REPLACED = tuple(range(100, 112))
PROMPTS = [(1, 2, 3), (1, 2, 9, 8, 4), (*REPLACED, 5), (7,)]
WRITTEN = [(4, 5, 6), (4,), (11, 12, 13, 14, 15), (257, 3)]
BASE = TrainSettings(rank=4, alpha=8, learning_rate=1e-2, warmup_steps=1, total_steps=8, seed=5)
KINDS = {
    "lora": BASE,
    "dora": replace(BASE, use_dora=True),
    "ia3": replace(BASE, adapter="ia3", learning_rate=0.1),
    "soft": replace(BASE, adapter="soft", soft=REPLACED),
    "full": replace(BASE, full=True, learning_rate=1e-3),
}


def trained(model: LocalModel, how: TrainSettings, steps: int = 4) -> Adapter:
    with model.training(how) as trainer:
        for _ in range(steps):
            trainer.step([TrainRow(prompt=(*REPLACED, 5, 9), completion=(7, 3, 257))])
        return trainer.adapter()


def distributions(model: LocalModel, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return log-probabilities at each written token, one sequence at a time, by the network as it stands."""
    found = []
    for prompt, own in zip(prompts, WRITTEN, strict=True):
        with torch.no_grad(), as_published(model._network):
            logits = model._network(input_ids=torch.tensor([[*prompt, *own]]), use_cache=False).logits[0].double()
        found.append(torch.log_softmax(logits[-len(own) - 1 : -1], dim=-1))
    return torch.cat(found)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_what_plain_passes_say(kind: str) -> None:
    model = tiny_model()
    adapter = trained(model, KINDS[kind])
    base = distributions(model, PROMPTS)
    with model.adapted(adapter):
        adapted = distributions(model, model._adapting.read(PROMPTS))
    wanted = torch.tensor([token for own in WRITTEN for token in own])[:, None]
    found = model.divergence(PROMPTS, WRITTEN, adapter)
    kl = torch.nn.functional.kl_div(adapted, base, log_target=True, reduction="none").sum(dim=-1)
    assert kl.mean() > 1e-3, "the adapter must move the model, or nothing is tested"
    np.testing.assert_allclose(found.kl, kl.numpy(), atol=2e-4)
    np.testing.assert_allclose(found.base_loss, -base.gather(1, wanted)[:, 0].numpy(), atol=1e-4)
    np.testing.assert_allclose(found.loss, -adapted.gather(1, wanted)[:, 0].numpy(), atol=1e-4)


def test_an_adapter_that_changes_nothing_diverges_by_exactly_nothing(tiny: LocalModel) -> None:
    found = tiny.divergence(PROMPTS, WRITTEN, trained(tiny, BASE, steps=0))
    assert not found.kl.any()
    assert (found.loss == found.base_loss).all()


@settings(max_examples=15)
@given(pack_tokens=st.sampled_from([1, 7, 16, 512]), head_rows=st.sampled_from([1, 3, 256]))
def test_the_size_of_a_pass_makes_no_difference(tiny: LocalModel, pack_tokens: int, head_rows: int) -> None:
    adapter = trained(tiny, BASE)
    whole = tiny.divergence(PROMPTS, WRITTEN, adapter)
    try:
        tiny.resize(Sizes(pack_tokens=pack_tokens, head_rows=head_rows))
        found = tiny.divergence(PROMPTS, WRITTEN, adapter)
    finally:
        tiny.resize(Sizes())
    np.testing.assert_allclose(found.kl, whole.kl, atol=1e-4)
    np.testing.assert_allclose(found.loss, whole.loss, atol=1e-4)


def test_the_base_s_part_is_kept_and_not_mixed_up(tiny: LocalModel) -> None:
    adapter = trained(tiny, BASE)
    tiny.forget(results=True)
    before = tiny.token_passes
    first = tiny.divergence(PROMPTS, WRITTEN, adapter)
    cold = tiny.token_passes - before
    again = tiny.divergence(PROMPTS, WRITTEN, adapter)
    assert tiny.token_passes - before - cold == cold // 2
    np.testing.assert_array_equal(first.kl, again.kl)
    other = tiny.divergence(PROMPTS[::-1], WRITTEN[::-1], adapter)
    np.testing.assert_allclose(other.kl.sum(), first.kl.sum(), atol=1e-4)


def test_one_adapter_at_a_time(tiny: LocalModel) -> None:
    adapter = trained(tiny, BASE)
    with tiny.adapted(adapter), pytest.raises(ModelError, match="on already"):
        tiny.divergence(PROMPTS, WRITTEN, adapter)
