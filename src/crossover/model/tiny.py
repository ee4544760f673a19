"""A tiny random model that ships with the package: for tests here and in packages that extend Crossover."""

from __future__ import annotations

__all__ = ["CHATML", "tiny_model"]

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from crossover.model.base import ModelIdentity
from crossover.model.local import LocalModel

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_BEGIN, _END = "<|im_start|>", "<|im_end|>"


def tiny_model(*, seed: int = 0, chat_template: str | None = CHATML, context_tokens: int = 2048) -> LocalModel:
    """Return a random Llama of 2 layers with a token for every byte.

    It knows nothing, but it computes like a real one: scoring, embedding and training take milliseconds.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*alphabet, _BEGIN, _END])}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token=_BEGIN, eos_token=_END, pad_token=_END)
    tokenizer.chat_template = chat_template
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context_tokens,
        bos_token_id=vocabulary[_BEGIN],
        eos_token_id=vocabulary[_END],
        pad_token_id=vocabulary[_END],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = LlamaForCausalLM(config)
        with torch.no_grad():  # larger than usual: answers differ clearly, so that tests can tell them apart
            for parameter in network.parameters():
                if parameter.dim() > 1:
                    parameter.mul_(4)
    identity = ModelIdentity(
        name="tiny",
        sha256=f"{seed:064d}",
        source_precision="fp32",
        precision="fp32",
        device="cpu",
        parameters=sum(p.numel() for p in network.parameters()),
        context_tokens=context_tokens,
    )
    return LocalModel(network, tokenizer, identity)
