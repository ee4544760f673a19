"""What a model takes is known from its configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from crossover.model.footprint import LEAST_HEAD_ROWS, Footprint
from crossover.model.load import find_model
from crossover.model.local import LocalModel
from crossover.model.quantized import kept_bytes
from crossover.model.sizes import Sizes


def billion(*, vocabulary: int = 32_000) -> LlamaForCausalLM:
    """Return TinyLlama's shape on the meta device: 1.1 billion parameters, none of them there."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=2048,
        intermediate_size=5632,
        num_hidden_layers=22,
        num_attention_heads=32,
        num_key_value_heads=4,
    )
    with torch.device("meta"):
        return LlamaForCausalLM(config)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8", "nf4"])
def test_weights_are_what_is_kept(tiny: LocalModel, tmp_path: Path, precision: str) -> None:
    tiny._network.save_pretrained(tmp_path)
    tiny._chat._tokenizer.save_pretrained(tmp_path)
    source = find_model(str(tmp_path))
    expected = kept_bytes(source.load(precision, computing="fp32")._network)
    tables = 14 * 1200 if precision == "nf4" else 0  # of a fixed size for each layer: much here, nothing in a real one
    assert expected - tables <= source.footprints([precision], computing="fp32")[precision].weights * 1.02
    assert source.footprints([precision], computing="fp32")[precision].weights <= expected * 1.02


def test_a_billion_in_nf4_takes_a_third_of_bf16() -> None:
    network = billion()
    taken = {p: Footprint.of(network, p, torch.bfloat16).weights for p in ("fp32", "bf16", "int8", "nf4")}
    assert taken["bf16"] == pytest.approx(2.2e9, rel=0.01)
    assert taken["nf4"] <= 0.35 * taken["bf16"]
    assert taken["nf4"] < taken["int8"] < 0.6 * taken["bf16"]


@pytest.mark.parametrize("room", [3e8, 5e8, 1e9, 2e9, 1e10])
def test_sizes_keep_to_the_room_and_not_below_the_longest(room: float) -> None:
    need = Footprint.of(billion(), "nf4", torch.bfloat16)
    longest = 40
    sizes = need.sizes(round(room), prefix=30, read=longest, trained=longest)
    assert sizes.pack_tokens <= Sizes().pack_tokens
    assert sizes.train_tokens <= Sizes().train_tokens
    if need.reading(longest, 30, LEAST_HEAD_ROWS) <= room:
        assert need.reading(max(sizes.pack_tokens, longest), 30, sizes.head_rows) <= room
    if need.training(longest) <= room:
        assert need.training(max(sizes.train_tokens, longest)) <= room
    assert need.sizes(10**12, prefix=30, read=longest, trained=longest) == Sizes()


def test_more_tokens_take_more() -> None:
    need = Footprint.of(billion(), "bf16", torch.bfloat16)
    assert need.training(100) < need.training(200) < need.training(400)
    assert need.reading(100, 0, 16) < need.reading(200, 0, 16) < need.reading(200, 500, 16)
    assert need.training(100) > need.reading(100, 0, 16)
    assert need.layer == 0
    in_fp32, in_bf16 = (Footprint.of(billion(), "nf4", computing) for computing in (torch.float32, torch.bfloat16))
    assert in_fp32.layer == 2 * in_bf16.layer > 0
