"""Chat templates of six model families, as their makers wrote them, and a tiny tokenizer of bytes for each."""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from crossover.model.tiny import CHATML

_ALTERNATE = (
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
)

LLAMA = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    "+ message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}" + _ALTERNATE + "{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + message['content'] + eos_token }}{% else %}"
    "{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}" + _ALTERNATE + "{% if (message['role'] == 'assistant') %}"
    "{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n"
    "{{ '<|user|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n"
    "{{ '<|system|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n"
    "{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)
PHI = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A template with its special tokens. `end` ends a turn; `n_bos` is how often a prompt holds `bos`."""

    template: str | None
    specials: tuple[str, ...]
    bos: str
    eos: str | None
    end: str
    n_bos: int
    system: bool = True
    lead: str = ""


FAMILIES: dict[str, Family] = {
    "chatml": Family(
        template=CHATML, specials=("<|im_start|>", "<|endoftext|>"), bos="<|endoftext|>", eos="<|im_end|>",
        end="<|im_end|>", n_bos=0,
    ),
    "llama": Family(
        template=LLAMA, specials=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), bos="<|begin_of_text|>",
        eos="<|end_of_text|>", end="<|eot_id|>", n_bos=1,
    ),
    "mistral": Family(
        template=MISTRAL, specials=("[INST]", "[/INST]"), bos="<s>", eos="</s>", end="</s>", n_bos=1, system=False,
        lead=" ",
    ),
    "gemma": Family(
        template=GEMMA, specials=("<start_of_turn>", "<end_of_turn>"), bos="<bos>", eos="<eos>", end="<end_of_turn>",
        n_bos=1, system=False,
    ),
    "zephyr": Family(
        template=ZEPHYR, specials=("<|user|>", "<|assistant|>", "<|system|>"), bos="<s>", eos="</s>", end="</s>",
        n_bos=0,
    ),
    "phi": Family(
        template=PHI, specials=("<|user|>", "<|assistant|>", "<|system|>", "<|end|>"), bos="<s>", eos="<|endoftext|>",
        end="<|end|>", n_bos=0,
    ),
}  # fmt: skip


def tokenizer_of(family: Family) -> PreTrainedTokenizerFast:
    """Return a tokenizer of bytes that, asked to add special tokens, puts a beginning-of-sequence token first."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = dict.fromkeys([*family.specials, family.bos, *([family.eos] if family.eos else [])])
    vocabulary = {token: i for i, token in enumerate([*alphabet, *names])}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(list(names))
    raw.post_processor = processors.TemplateProcessing(
        single=f"{family.bos} $A", special_tokens=[(family.bos, vocabulary[family.bos])]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token=family.bos, eos_token=family.eos)
    tokenizer.chat_template = family.template
    return tokenizer
