"""Loading a model: folders and files that are none are refused with the way out."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from crossover.errors import ModelError
from crossover.model.load import find_model, load_model
from crossover.model.local import LocalModel


@pytest.fixture(scope="module")
def saved(tiny: LocalModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "tiny"
    tiny._network.save_pretrained(folder)
    tiny._chat._tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder to break, and a cache of its own."""
    monkeypatch.setenv("CROSSOVER_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(saved, tmp_path / "model"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_folder_is_the_same_model(folder: Path, tiny: LocalModel, precision: str) -> None:
    model = load_model(str(folder), precision=precision)
    prompts, labels = (
        [model.render([{"role": "user", "content": "hello"}])],
        [model.completion("a"), model.completion("b")],
    )
    assert prompts == [tiny.render([{"role": "user", "content": "hello"}])]
    assert labels == [tiny.completion("a"), tiny.completion("b")]
    tolerance = 1e-5 if precision == "fp32" else 5e-2 * len(labels[0])
    np.testing.assert_allclose(
        model.score(prompts, labels).logprobs, tiny.score(prompts, labels).logprobs, atol=tolerance
    )
    assert model.identity.precision == precision
    assert model.identity.source_precision == "fp32"
    assert model.identity.context_tokens == 2048
    assert model._network.dtype == (torch.float32 if precision == "fp32" else torch.bfloat16)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8", "nf4"])
def test_how_it_was_published_does_not_depend_on_how_it_is_loaded(folder: Path, precision: str) -> None:
    hub = dataclasses.replace(find_model(str(folder)), source_precision=None)  # as for a Hugging Face id
    assert hub.load(precision, computing="fp32").identity.source_precision == "fp32"


def test_a_folders_digest_is_of_its_weights(folder: Path) -> None:
    first = load_model(str(folder), precision="fp32").identity.sha256
    (folder / "README.md").write_text("words")
    assert load_model(str(folder), precision="fp32").identity.sha256 == first
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] += 1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_model(str(folder), precision="fp32").identity.sha256 != first


@pytest.mark.parametrize(
    ("name", "hint"),
    [("smollm2-135", "did you mean smollm2-135m?"), ("SmolLM2-135M", "did you mean smollm2-135m?"), ("x", None)],
)
def test_an_unknown_name_lists_what_there_is(name: str, hint: str | None) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(name, precision="fp32")
    assert caught.value.message == f'there is no model "{name}".'
    known, *hints = caught.value.details
    assert known == "known: smollm2-135m; or a folder with safetensors, a .gguf file, a Hugging Face id (owner/name)"
    assert hints == ([hint] if hint else [])


class Evil:
    """Runs code when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.marker,)


def edit_config(folder: Path, **fields: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_folder_without_a_config(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"holds no model: there is no config\.json") as caught:
        load_model(str(folder), precision="fp32")
    assert caught.value.details == ("a model folder has config.json, tokenizer.json and *.safetensors",)


@pytest.mark.parametrize("config", ["", "{", "[1]", '"x"', "[" * 100_000, '{"a": "\udcff"}'])
def test_a_config_that_cannot_be_read(folder: Path, config: str) -> None:
    (folder / "config.json").write_bytes(config.encode(errors="surrogateescape"))
    with pytest.raises(ModelError, match=r"config\.json cannot be read"):
        load_model(str(folder), precision="fp32")


def test_code_in_a_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'it-ran')!r}, 'w').close()\nclass Evil: pass\n")
    edit_config(folder, auto_map={"AutoModelForCausalLM": "evil.Evil", "AutoConfig": "evil.Evil"}, model_type="evil")
    with pytest.raises(ModelError, match=r"wants to run code of its own \(auto_map in config.json\)"):
        load_model(str(folder), precision="fp32")
    assert not (tmp_path / "it-ran").exists()


def test_pickled_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(tmp_path / "it-ran")))
    with pytest.raises(ModelError, match=r"holds no \*\.safetensors") as caught:
        load_model(str(folder), precision="fp32")
    assert caught.value.details == ("weights in pickle files (.bin, .pt) are not read: they can run code",)
    assert not (tmp_path / "it-ran").exists()


def test_an_adapter_in_a_model_folder_is_refused(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "other/model", "peft_type": "LORA"})
    )
    with pytest.raises(ModelError, match="holds an adapter"):
        load_model(str(folder), precision="fp32")


def test_missing_weights_are_not_drawn_at_random(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ModelError, match=r"lacks 1 of its weights, the first is model\.layers\.1\.mlp\.up_proj\.weight"
    ):
        load_model(str(folder), precision="fp32")


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 7, struct.pack("<Q", 2**62) + b"{}", struct.pack("<Q", 2) + b"{}", b"PK\x03\x04" * 20]
)
def test_damaged_weights_are_an_error_of_the_model(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError):
        load_model(str(folder), precision="fp32")


@pytest.mark.parametrize(
    "fields", [{"model_type": "nothing"}, {"hidden_size": "wide"}, {"hidden_size": 48}, {"num_attention_heads": 0}]
)
def test_a_config_that_fits_nothing_is_an_error_of_the_model(folder: Path, fields: dict[str, object]) -> None:
    edit_config(folder, **fields)
    with pytest.raises(ModelError):
        load_model(str(folder), precision="fp32")


def test_a_folder_without_a_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(str(folder), precision="fp32")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GG",
        b"PK\x03\x04" + b"x" * 200,
        b"GGUF",
        b"GGUF" + b"\xff" * 200,
        b"GGUF" + struct.pack("<IQQ", 3, 2**40, 2**40),
    ],
)
def test_a_file_that_is_no_gguf(folder: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read as") as caught:
        load_model(str(path), precision="fp32")
    assert caught.value.details == ("take another file, or a folder with safetensors",)
    converted = tmp_path / "cache" / "converted"
    assert not converted.exists() or list(converted.iterdir()) == []


def test_another_file_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("words")
    with pytest.raises(ModelError, match="is no model") as caught:
        load_model(str(path), precision="fp32")
    assert caught.value.details == ("allowed: a folder with safetensors, a .gguf file, a Hugging Face id",)
