"""Adapters of every type in a bundle: packed, opened and answering as before; what does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from crossover import api
from crossover.bundle import load_bundle
from crossover.bundle.adapter import adapter_config, check_adapter
from crossover.errors import BundleError
from crossover.model.base import Adapter
from crossover.records import Json
from tests.small import save_tiny, write_rows

SOFT: dict[str, Json] = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 2, "token_dim": 3, "replaces": [1, 2]}
IA3: dict[str, Json] = {"peft_type": "IA3", "target_modules": ["k_proj"], "feedforward_modules": []}
LORA: dict[str, Json] = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["k_proj"]}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> api.Study:
    folder = tmp_path_factory.mktemp("adapters")
    return api.compare(
        write_rows(folder / "tickets.csv"),
        model=str(save_tiny(folder / "tiny-model")),
        methods=["majority", "prompt-tuning", "ia3", "full"],
        budgets=[16],
        seeds=1,
        effort=0.1,
        precision="fp32",
        study=folder / "study",
    )


@pytest.mark.parametrize(
    ("method", "peft_type", "called"),
    [
        ("prompt-tuning", "PROMPT_TUNING", "adapter: soft prompt in PEFT's layout"),
        ("ia3", "IA3", "adapter: IA3 in PEFT's layout"),
        ("full", "FULL", "all weights of the model, trained"),
    ],
)
def test_what_is_packed_answers_as_before(
    study: api.Study, tmp_path: Path, method: str, peft_type: str, called: str
) -> None:
    packed = study.pack(tmp_path / "bundle", arm=f"{method}@16")  # a fresh process has given the recorded answers
    config = json.loads((packed / "adapter" / "adapter_config.json").read_text())
    assert config["peft_type"] == peft_type
    assert called in (packed / "README.md").read_text()
    record = next(one for one in study.records() if one.key.method == method)
    assert record.candidate is not None
    opened, kept = load_bundle(packed).candidate.parts(), study._store.candidate(record.candidate).parts()
    assert json.loads(json.dumps(opened.config)) == json.loads(json.dumps(kept.config))
    assert opened.tensors.keys() == kept.tensors.keys()
    assert all(torch.equal(tensor, kept.tensors[name]) for name, tensor in opened.tensors.items())


def written(folder: Path, config: dict[str, Json]) -> Path:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.parametrize("config", [SOFT, IA3, LORA, {**LORA, "use_dora": True, "use_rslora": True}])
def test_known_fields_are_read(tmp_path: Path, config: dict[str, Json]) -> None:
    said = {**config, "task_type": "CAUSAL_LM", "base_model_name_or_path": "tiny"}
    assert adapter_config(written(tmp_path, said)) == {**config, "task_type": "CAUSAL_LM"}


@pytest.mark.parametrize(
    "config",
    [
        {**SOFT, "replaces": [1, -1]},
        {**SOFT, "replaces": [True]},
        {**SOFT, "replaces": "text"},
        {**SOFT, "replaces": [1] * 5000},
        {**SOFT, "num_virtual_tokens": 10**9},
        {**SOFT, "num_virtual_tokens": 0},
        {**SOFT, "token_dim": "3"},
        {**SOFT, "tokenizer_name_or_path": "../elsewhere"},
        {**SOFT, "r": 4},
        {name: value for name, value in SOFT.items() if name != "replaces"},
        {**IA3, "feedforward_modules": "(a+)+$"},
        {**IA3, "target_modules": "(a+)+$"},
        {**IA3, "modules_to_save": ["lm_head"]},
        {name: value for name, value in IA3.items() if name != "feedforward_modules"},
        {**LORA, "use_dora": "yes"},
        {**LORA, "replaces": [1]},
        {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 2},
        {"peft_type": ["LORA"]},
        {},
    ],
)
def test_other_fields_and_values_are_refused(tmp_path: Path, config: dict[str, Json]) -> None:
    with pytest.raises(BundleError, match="is not read"):
        adapter_config(written(tmp_path, config))


ONES, ZEROS = torch.ones(4, 1), torch.zeros(4, 1)


@pytest.mark.parametrize(
    ("config", "weights", "message"),
    [
        (SOFT, {"prompt_embeddings": torch.ones(2, 4)}, r"not 'prompt_embeddings' of \[2, 3\]"),
        (SOFT, {"prompt_embeddings": torch.ones(2, 3), "more": ONES}, "the soft prompt has weights"),
        (SOFT, {}, "the soft prompt has weights"),
        (SOFT, {"prompt_embeddings": torch.full((2, 3), torch.nan)}, "not finite"),
        (IA3, {"k.ia3_l": ONES, "v.ia3_l": ONES}, "all ones"),
        (LORA, {"k.lora_A.weight": ONES, "k.lora_B.weight": ZEROS}, "all zero"),
    ],
)
def test_weights_that_cannot_be_on_are_refused(
    config: dict[str, Json], weights: dict[str, torch.Tensor], message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        check_adapter(Adapter(config=config, weights=weights), "pack again")


def test_weights_that_change_something_are_not() -> None:
    check_adapter(Adapter(config=SOFT, weights={"prompt_embeddings": torch.ones(2, 3)}), "")
    check_adapter(Adapter(config=IA3, weights={"k.ia3_l": ONES, "v.ia3_l": 2 * ONES}), "")
    sizes = {"k.lora_A.weight": ONES, "k.lora_B.weight": ZEROS, "k.lora_magnitude_vector": ONES}
    check_adapter(Adapter(config={**LORA, "use_dora": True}, weights=sizes), "")
