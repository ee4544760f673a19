"""Load a model: by catalog name, folder, Hugging Face id or GGUF file."""

from __future__ import annotations

__all__ = ["load_model"]

import hashlib
import io
import json
import os
import shutil
import tempfile
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedTokenizerBase

from crossover.errors import ModelError, closest
from crossover.model.base import ModelIdentity
from crossover.model.catalog import CATALOG, cache_folder
from crossover.model.fetch import Report, fetch, sha256_of
from crossover.model.local import LocalModel
from crossover.model.precision import choose_precision, torch_type

_READY = "ready.json"
_FOLDER_HAS = "a model folder has config.json, tokenizer.json and *.safetensors"
_OTHER_FILE = "take another file, or a folder with safetensors"


def load_model(name: str, *, precision: str = "auto", report: Report | None = None) -> LocalModel:
    """Load a model for scoring and training.

    Args:
        name: a catalog name ("smollm2-135m"), a folder with safetensors, a Hugging Face id, or a GGUF file.
        precision: fp32, fp16, bf16 or auto.
        report: told what is done (fetching, checking, converting) and how far it is.

    Raises:
        ModelError: the model cannot be found, fetched or read.
        OptionError: the precision is unknown.
    """
    tell = report or (lambda what, share: None)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    precision = choose_precision(precision, device)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if name in CATALOG:
        entry = CATALOG[name]
        gguf = fetch(entry, cache_folder() / "models" / name, tell)
        return _converted(gguf, entry.source.sha256, name, entry.source_precision, precision, device, tell)
    path = Path(name)
    if path.suffix == ".gguf" and path.is_file():
        return _converted(path, sha256_of(path), path.stem, _gguf_precision(path), precision, device, tell)
    if path.is_dir():
        return _folder(path, _weights_sha256(path), name, None, precision, device)
    if path.exists():
        raise ModelError(f"{name} is no model.", "allowed: a folder with safetensors, a .gguf file, a Hugging Face id")
    return _hub(name, precision, device)


def _converted(
    gguf: Path, sha256: str, name: str, source: str, precision: str, device: str, tell: Report
) -> LocalModel:
    """Load a GGUF file through its safetensors form, which is made once and kept in the cache."""
    folder = cache_folder() / "converted" / sha256[:32]
    if not (folder / _READY).exists():
        tell(f"converting {name} once", None)
        _convert(gguf, folder)
    return _folder(folder, sha256, name, source, precision, device)


def _convert(gguf: Path, folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".convert-"))
        try:
            where, file = str(gguf.parent), gguf.name
            tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=file)
            with redirect_stderr(io.StringIO()):  # transformers draws a bar for GGUF that no setting turns off
                network = AutoModelForCausalLM.from_pretrained(
                    where, gguf_file=file, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
                )
            network.save_pretrained(scratch)
            tokenizer.save_pretrained(scratch)
            (scratch / _READY).write_text(json.dumps({"converted_from": gguf.name}))
            for written in scratch.iterdir():
                with written.open("rb") as file_object:
                    os.fsync(file_object.fileno())
            shutil.rmtree(folder, ignore_errors=True)
            scratch.replace(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise ModelError(
            f"{gguf.name} cannot be converted below {folder.parent}: {error.strerror or error}.",
            "free some space (fp32 weights need 4 bytes a parameter), or name another place: CROSSOVER_CACHE=FOLDER",
        ) from error
    except Exception as error:  # a damaged file makes the reader raise anything
        raise ModelError(f"{gguf} cannot be read as a GGUF model: {error!r}", _OTHER_FILE) from error


def _folder(path: Path, sha256: str, name: str, source: str | None, precision: str, device: str) -> LocalModel:
    if (path / "adapter_config.json").exists():  # transformers would load the base model that it names instead
        raise ModelError(
            f"{name} holds an adapter (adapter_config.json), not a whole model.",
            "name the base model, or merge the adapter into it first: PEFT's merge_and_unload",
        )
    if not (path / "config.json").is_file():
        raise ModelError(f"{name} holds no model: there is no config.json.", _FOLDER_HAS)
    if not any(path.glob("*.safetensors")):
        raise ModelError(
            f"{name} holds no *.safetensors.", "weights in pickle files (.bin, .pt) are not read: they can run code"
        )
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("it is not a JSON object")  # one kind of error for one message
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(f"{name}: config.json cannot be read: {error}", _FOLDER_HAS) from error
    if "auto_map" in config:
        raise ModelError(
            f"{name} wants to run code of its own (auto_map in config.json); that is never done.",
            "take a model whose architecture transformers knows",
        )
    published = str(config.get("dtype") or config.get("torch_dtype") or "unknown")
    return _load(str(path), sha256, name, source or published, precision, device)


def _hub(name: str, precision: str, device: str) -> LocalModel:
    if name.count("/") != 1 or name.startswith((".", "/")):
        near = closest(name, CATALOG)
        raise ModelError(
            f'there is no model "{name}".',
            f"known: {', '.join(CATALOG)}; or a folder with safetensors, a .gguf file, a Hugging Face id (owner/name)",
            *([f"did you mean {near}?"] if near else []),
        )
    return _load(name, hashlib.sha256(name.encode()).hexdigest(), name, None, precision, device)


def _load(where: str, sha256: str, name: str, source: str | None, precision: str, device: str) -> LocalModel:
    tokenizer: PreTrainedTokenizerBase
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            where,
            dtype=torch_type(precision),
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:  # a damaged folder makes transformers raise anything
        first = str(error).strip().splitlines()
        raise ModelError(
            f"{name} cannot be loaded: {first[0] if first else error}",
            "a Hugging Face id needs the network once; " + _FOLDER_HAS,
        ) from error
    network, loading = loaded
    if loading["missing_keys"]:  # transformers would draw them at random
        missing = sorted(loading["missing_keys"])
        raise ModelError(f"{name} lacks {len(missing)} of its weights, the first is {missing[0]}.", _FOLDER_HAS)
    identity = ModelIdentity(
        name=name,
        sha256=sha256,
        source_precision=_short(source or str(network.config.dtype)),
        precision=precision,
        device=device,
        parameters=sum(p.numel() for p in network.parameters()),
        context_tokens=int(network.config.max_position_embeddings),
    )
    return LocalModel(network.to(device), tokenizer, identity)


def _weights_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(path.name.encode())
        digest.update(bytes.fromhex(sha256_of(path)))
    return digest.hexdigest()


def _gguf_precision(path: Path) -> str:
    """Return the most frequent tensor type in a GGUF file, for example "q4_1"."""
    from gguf import GGUFReader  # noqa: PLC0415  # only for files outside the catalog; reading it takes seconds

    try:
        sizes: dict[str, int] = {}
        for tensor in GGUFReader(path).tensors:
            sizes[tensor.tensor_type.name.lower()] = sizes.get(tensor.tensor_type.name.lower(), 0) + int(tensor.n_bytes)
    except Exception as error:  # a damaged file makes the reader raise anything
        raise ModelError(f"{path} cannot be read as GGUF: {error}", _OTHER_FILE) from error
    return max(sizes, key=sizes.__getitem__) if sizes else "unknown"


def _short(dtype: str) -> str:
    names = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
    return names.get(dtype.removeprefix("torch."), dtype)
