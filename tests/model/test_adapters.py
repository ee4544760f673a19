"""rsLoRA, DoRA, IA3 and soft prompts: what plain PEFT computes, and what it learns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import PeftModel
from safetensors.torch import save_file

from crossover.errors import ModelError
from crossover.model.base import Adapter, TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.model.soft import SoftPrompt
from crossover.model.tiny import tiny_model
from tests.model.networks import SHARED, model_of
from tests.model.plain import as_published, plain_answer, plain_logprobs

REPLACED = tuple(range(100, 112))
PROMPTS = [(*REPLACED, 5, 9), (*REPLACED, 6, 7, 8), (*REPLACED, 6)]
OTHERS = [(1, 2, 3), REPLACED[:5], (*REPLACED[1:], 4)]
"""They do not begin with what a soft prompt replaces."""
LABELS = [(1, 2), (1, 3, 4)]
BASE = TrainSettings(rank=4, alpha=8, learning_rate=1e-2, warmup_steps=1, total_steps=8, seed=5)
KINDS = {
    "rslora": replace(BASE, use_rslora=True),
    "dora": replace(BASE, use_dora=True),
    "ia3": replace(BASE, adapter="ia3"),
    "soft": replace(BASE, adapter="soft", soft=REPLACED),
}
ROWS = tuple(
    TrainRow(prompt=prompt, completion=(7 + place, 3, 257)) for place, prompt in enumerate([*PROMPTS, *OTHERS])
)


def trained(model: LocalModel, how: TrainSettings, steps: int = 3) -> Adapter:
    with model.training(how) as trainer:
        for _ in range(steps):
            trainer.step(ROWS)
        return trainer.adapter()


def theirs(adapter: Adapter, folder: Path, network: Any) -> Any:  # noqa: ANN401  # PEFT's
    """Let PEFT load an adapter from files; a field of ours it would pass over with a warning."""
    config = {name: value for name, value in adapter.config.items() if name != "replaces"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file(dict(adapter.weights), folder / "adapter_model.safetensors")
    return PeftModel.from_pretrained(network, folder).eval()


def without(prompt: Sequence[int], adapter: Adapter) -> tuple[int, ...]:
    """Return a prompt as PEFT takes it, which puts virtual tokens before everything."""
    is_soft = adapter.config["peft_type"] == "PROMPT_TUNING"
    return tuple(prompt[len(REPLACED) :] if is_soft and tuple(prompt[: len(REPLACED)]) == REPLACED else prompt)


@pytest.mark.parametrize("kind", KINDS)
def test_peft_computes_the_same(kind: str, tmp_path: Path) -> None:
    model = tiny_model()
    asked = [*PROMPTS, *OTHERS]
    base = model.score(asked, LABELS).logprobs
    adapter = trained(model, KINDS[kind])
    with model.adapted(adapter):
        ours = model.score(asked, LABELS)
        alone = np.concatenate([model.score([prompt], LABELS).logprobs for prompt in asked])
        own = model.score_own(asked, [LABELS[1]] * len(asked))
        answers = model.generate(asked, max_tokens=8)
    assert np.abs(ours.logprobs - base).max() > 1e-2
    np.testing.assert_array_equal(model.score(asked, LABELS).logprobs, base)
    network = theirs(adapter, tmp_path, tiny_model()._network)
    bare = [without(prompt, adapter) for prompt in asked]
    np.testing.assert_allclose(ours.logprobs, plain_logprobs(network, bare, LABELS), atol=1e-4)
    np.testing.assert_allclose(alone, ours.logprobs, atol=1e-4)
    np.testing.assert_allclose(own, ours.logprobs[:, 1], atol=1e-4)
    extra = len(REPLACED) if kind == "soft" else 0
    lengths = [len(prompt) + extra for prompt in bare]
    assert list(ours.prompt_tokens) == lengths == [one.prompt_tokens for one in answers]
    if kind != "soft":  # PEFT's own generate and virtual tokens do not go with this transformers' caches
        assert [one.tokens for one in answers] == [plain_answer(network, prompt, 8) for prompt in asked]


@pytest.mark.parametrize("kind", KINDS)
def test_peft_learns_the_same(kind: str, tmp_path: Path) -> None:
    how = KINDS[kind]
    with tiny_model().training(how) as trainer:
        start = trainer.adapter()
        losses = [trainer.step(ROWS).loss for _ in range(2)]
        found = trainer.adapter()
    network = theirs(start, tmp_path, tiny_model()._network)
    own = ("lora_", "ia3_", "prompt_encoder")
    parameters = [p for name, p in network.named_parameters() if any(part in name for part in own)]
    for parameter in parameters:  # PEFT loads no soft prompt to go on with
        parameter.requires_grad_(requires_grad=True)
    optimizer = torch.optim.AdamW(parameters, lr=how.learning_rate, weight_decay=0.0)
    for step, loss in enumerate(losses):
        total = torch.zeros(())
        for row in ROWS:
            prompt = without(row.prompt, start)
            whole = torch.tensor([[*prompt, *row.completion]])
            with as_published(network):
                logits = network(input_ids=whole).logits[0, -len(row.completion) - 1 : -1]
            total = total + torch.nn.functional.cross_entropy(logits, torch.tensor(row.completion), reduction="sum")
        total = total / sum(len(row.completion) for row in ROWS)
        assert loss == pytest.approx(total.item(), abs=1e-4), step
        total.backward()
        torch.nn.utils.clip_grad_norm_(parameters, how.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
    network.save_pretrained(tmp_path / "after")
    after = PeftModel.from_pretrained(tiny_model()._network, tmp_path / "after")
    expected = plain_logprobs(after.eval(), [without(p, start) for p in PROMPTS], LABELS)  # type: ignore[arg-type]  # PEFT's own wrapper
    model = tiny_model()
    with model.adapted(found):
        np.testing.assert_allclose(model.score(PROMPTS, LABELS).logprobs, expected, atol=5e-3)
    with model.adapted(start):
        assert np.abs(model.score(PROMPTS, LABELS).logprobs - expected).max() > 2e-2


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_as_it_was(kind: str) -> None:
    model = tiny_model()
    network = model._network
    modules = {name: (type(module), "forward" in module.__dict__) for name, module in network.named_modules()}
    base = model.score(PROMPTS, LABELS).logprobs
    adapter = trained(model, KINDS[kind], 1)
    with model.adapted(adapter), pytest.raises(ModelError, match="an adapter is on already"), model.adapted(adapter):
        pass
    with pytest.raises(KeyboardInterrupt), model.adapted(adapter):
        raise KeyboardInterrupt
    np.testing.assert_array_equal(model.score(PROMPTS, LABELS).logprobs, base)
    assert {n: (type(m), "forward" in m.__dict__) for n, m in network.named_modules()} == modules
    assert not any(p.requires_grad or p.grad is not None for p in network.parameters())
    assert not hasattr(network, "peft_config")
    assert json.loads(json.dumps(dict(adapter.config))) == dict(adapter.config)
    assert {weights.dtype for weights in adapter.weights.values()} == {torch.float32}


@pytest.mark.parametrize("kind", KINDS)
def test_small_steps_are_kept_in_bf16(kind: str) -> None:
    base = tiny_model()
    model = LocalModel(base._network.to(torch.bfloat16), base._chat._tokenizer, base.identity)
    how = replace(KINDS[kind], learning_rate=1e-5)
    start, moved = trained(model, how, 0), trained(model, how, 3)
    moves = [float((moved.weights[name] - start.weights[name]).abs().max()) for name in start.weights]
    assert max(moves) < 1e-4
    assert sum(move > 0 for move in moves) >= len(moves) / 2
    with model.adapted(moved):
        assert np.isfinite(model.score(PROMPTS, LABELS).logprobs).all()


def test_ia3_tells_small_differences_from_one_in_bf16() -> None:
    base = tiny_model()
    model = LocalModel(base._network.to(torch.bfloat16), base._chat._tokenizer, base.identity)
    ones = trained(model, KINDS["ia3"], 0)
    more = Adapter(config=ones.config, weights={name: weight + 2e-3 for name, weight in ones.weights.items()})
    found = []
    for adapter in (ones, more):
        with model.adapted(adapter):
            found.append(model.score(PROMPTS, LABELS).logprobs)
    assert np.abs(found[1] - found[0]).max() > 0, "1.002 is 1 in bf16"


# --------------------------------------------------------------------------------------------------------- soft prompts


@pytest.mark.parametrize("name", [*SHARED, "logits with a scale"])
def test_before_its_first_step_a_soft_prompt_says_what_its_words_say(name: str) -> None:
    model = model_of(name)
    asked = model.score(PROMPTS, LABELS).logprobs, model.generate(PROMPTS, max_tokens=6), model.embed(PROMPTS)
    with model.training(KINDS["soft"]) as trainer:
        np.testing.assert_array_equal(model.score(PROMPTS, LABELS).logprobs, asked[0])
        assert model.generate(PROMPTS, max_tokens=6) == asked[1]
        np.testing.assert_array_equal(model.embed(PROMPTS), asked[2])
        adapter = trainer.adapter()
        trainer.step(ROWS)
        assert np.abs(model.score(PROMPTS, LABELS).logprobs - asked[0]).max() > 1e-3
    with model.adapted(adapter):
        np.testing.assert_array_equal(model.score(PROMPTS, LABELS).logprobs, asked[0])


@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False:UserWarning")  # gpt2's layers lie the other way
@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "qwen3"])
@pytest.mark.parametrize("kind", ["ia3", "soft"])
def test_other_architectures_compute_as_peft_does(name: str, kind: str, tmp_path: Path) -> None:
    model = model_of(name)
    adapter = trained(model, KINDS[kind])
    with model.adapted(adapter):
        ours = model.score(PROMPTS, LABELS).logprobs
    network = theirs(adapter, tmp_path, model_of.__wrapped__(name)._network)
    expected = plain_logprobs(network, [without(p, adapter) for p in PROMPTS], LABELS)
    np.testing.assert_allclose(ours, expected, atol=1e-3)


def test_ia3_scales_what_pefts_table_names() -> None:
    config = trained(tiny_model(), KINDS["ia3"], 0).config
    assert config["target_modules"] == ["down_proj", "k_proj", "v_proj"]
    assert config["feedforward_modules"] == ["down_proj"]
    unknown = trained(model_of("logits with a scale"), KINDS["ia3"], 0)
    assert unknown.config["feedforward_modules"] == []
    assert len(unknown.weights) == 2 * 7, "granite is not in it: all linear layers"


TOKENS = st.lists(st.integers(0, 9), max_size=6).map(tuple)


@settings(max_examples=200)
@given(replaces=TOKENS, prompt=TOKENS, begins=st.booleans(), rows=st.integers(1, 5))
def test_a_prompt_is_read_with_the_virtual_tokens_once(
    replaces: tuple[int, ...], prompt: tuple[int, ...], rows: int, *, begins: bool
) -> None:
    network = model_of("llama")._network
    soft = SoftPrompt(network, torch.zeros(rows, 32), replaces)
    asked = (*replaces, *prompt) if begins else prompt
    read = soft.read(asked)
    if not asked:
        assert read == ()
        return
    assert read[:rows] == tuple(range(258, 258 + rows))
    rest = asked[len(replaces) :] if asked[: len(replaces)] == replaces else asked
    assert read[rows:] == rest


def test_a_context_holds_the_virtual_tokens() -> None:
    model = tiny_model(context_tokens=32)
    adapter = trained(tiny_model(), KINDS["soft"], 1)
    with model.adapted(adapter):
        model.score([(1,) * 18], [(1, 2)])
        with pytest.raises(ModelError, match="example 0 is 34 tokens long; tiny reads 32"):
            model.score([(1,) * 20], [(1, 2)])
        with pytest.raises(ModelError, match="example 0 is 32 tokens long and its answer may take 1"):
            model.generate([(1,) * 20], max_tokens=1)
        with pytest.raises(ModelError, match="the prompt of example 0 is empty"):
            model.generate([()], max_tokens=1)
    with model.training(KINDS["soft"]) as trainer, pytest.raises(ModelError, match="example 0 is 33 tokens long"):
        trainer.step([TrainRow(prompt=(1,) * 20, completion=(1,))])


@pytest.mark.parametrize("tokens", [(), (1, 258), (-1,)])
def test_a_soft_prompt_begins_as_tokens(tokens: tuple[int, ...]) -> None:
    how = replace(KINDS["soft"], soft=tokens)
    with pytest.raises(ModelError, match="a soft prompt begins as one token or more, each from 0 to 257; got"):
        tiny_model().training(how).__enter__()


@pytest.mark.parametrize(
    ("fields", "weights", "message"),
    [
        ({"replaces": [1, 300]}, None, "replaces holds other things than token ids from 0 to 257"),
        ({"replaces": "text"}, None, "replaces holds other things"),
        ({"num_virtual_tokens": 5}, None, r"'prompt_embeddings' has the shape \[12, 32\], not \[5, 32\]"),
        ({}, {"prompt_embeddings": torch.zeros(12, 16)}, r"has the shape \[12, 16\], not \[12, 32\]"),
        ({"num_virtual_tokens": 0}, {"prompt_embeddings": torch.zeros(0, 32)}, "has the shape"),
        ({}, {"embeddings": torch.zeros(12, 32)}, r"its weights are \['embeddings'\]"),
        ({"peft_type": "PREFIX_TUNING"}, None, "peft_type 'PREFIX_TUNING' is none of"),
        ({"peft_type": "IA3", "target_modules": ["k_proj"]}, None, "of its weights have no place"),
        ({"peft_type": "IA3", "target_modules": "(.*)*x"}, None, "is no list of names"),
        (
            {"peft_type": "IA3", "target_modules": ["k_proj"], "feedforward_modules": "(.*)*x"},
            None,
            "feedforward_modules .* is no list of names",
        ),
        ({"peft_type": "IA3", "target_modules": ["k_proj"]}, {}, "2 of its weights are missing"),
    ],
)
def test_what_does_not_fit_is_refused(
    fields: dict[str, Any], weights: dict[str, torch.Tensor] | None, message: str
) -> None:
    model = tiny_model()
    adapter = trained(tiny_model(), KINDS["soft"], 0)
    wrong = Adapter(config={**adapter.config, **fields}, weights=dict(adapter.weights) if weights is None else weights)
    base = model.score(PROMPTS, LABELS).logprobs
    with pytest.raises(ModelError, match=message), model.adapted(wrong):
        pass
    np.testing.assert_array_equal(model.score(PROMPTS, LABELS).logprobs, base)


def test_virtual_tokens_alone_are_put_before_every_prompt(tmp_path: Path) -> None:
    adapter = trained(tiny_model(), KINDS["soft"])
    plain = Adapter(config={k: v for k, v in adapter.config.items() if k != "replaces"}, weights=adapter.weights)
    model = tiny_model()
    with model.adapted(plain):
        ours = model.score(PROMPTS, LABELS).logprobs
    network = theirs(plain, tmp_path, tiny_model()._network)
    np.testing.assert_allclose(ours, plain_logprobs(network, PROMPTS, LABELS), atol=1e-4)
