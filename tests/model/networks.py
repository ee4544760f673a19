"""Small random networks of several architectures, each with the tiny tokenizer: a token for every byte."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model

Settings = dict[str, Any]  # each architecture has its own

SIZES: Settings = {
    "vocab_size": 258,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
ENDS: Settings = {"bos_token_id": 256, "eos_token_id": 257, "pad_token_id": 257}
YARN = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0, "original_max_position_embeddings": 64}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 2.0}

SHARED: dict[str, tuple[str, Settings]] = {
    "llama": ("llama", SIZES),
    "llama, every head its own": ("llama", {**SIZES, "num_key_value_heads": 4}),
    "llama, yarn": ("llama", {**SIZES, "num_key_value_heads": 1, "rope_parameters": YARN}),
    "qwen2": ("qwen2", SIZES),
    "qwen3": ("qwen3", {**SIZES, "head_dim": 16}),
    "mistral": ("mistral", {**SIZES, "sliding_window": None}),
    "gpt_neox": ("gpt_neox", SIZES),
    "gpt2": ("gpt2", {"vocab_size": 258, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}),
}
"""Networks whose rows can be led together: model type and settings."""

SINGLE: dict[str, tuple[str, Settings]] = {
    "a sliding window": ("mistral", {**SIZES, "sliding_window": 8}),
    "scores with a cap": ("gemma2", {**SIZES, "head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8}),
    "a cap and no window": ("gemma2", {**SIZES, "head_dim": 8, "layer_types": ["full_attention"] * 2}),
    "logits with a scale": ("granite", {**SIZES, "logits_scaling": 8.0}),
    "positions by bias": ("bloom", {"vocab_size": 258, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "dynamic rope": ("llama", {**SIZES, "rope_parameters": DYNAMIC}),
}
"""Networks that answer one prompt after another."""


@cache
def model_of(name: str) -> LocalModel:
    """Return a random model of this architecture."""
    tiny = tiny_model()
    model_type, settings = (SHARED | SINGLE)[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network: Any = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **settings, **ENDS))
        with torch.no_grad():  # larger than usual, as in the tiny model: answers differ clearly
            for parameter in network.parameters():
                if parameter.dim() > 1:
                    parameter.mul_(4)
    return LocalModel(network, tiny._chat._tokenizer, replace(tiny.identity, name=name, context_tokens=256))
