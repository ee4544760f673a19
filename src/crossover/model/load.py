"""Load a model: by catalog name, folder, Hugging Face id or GGUF file."""

from __future__ import annotations

__all__ = ["ModelSource", "converted_folder", "find_model", "load_model"]

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedTokenizerBase

from crossover.errors import ModelError, closest
from crossover.model.base import ModelIdentity
from crossover.model.catalog import CATALOG, cache_folder
from crossover.model.fetch import Report, fetch, sha256_of
from crossover.model.footprint import Footprint
from crossover.model.local import LocalModel
from crossover.model.precision import QUANTIZED, choose_precision, device_name, torch_type
from crossover.model.quantized import KEPT_TYPE, quantization, settle

_READY = "ready.json"
_FOLDER_HAS = "a model folder has config.json, tokenizer.json and *.safetensors"
_OTHER_FILE = "take another file, or a folder with safetensors"


def load_model(name: str, *, precision: str = "auto", report: Report | None = None) -> LocalModel:
    """Load a model for scoring and training.

    Args:
        name: a catalog name ("smollm2-135m"), a folder with safetensors, a Hugging Face id, or a GGUF file.
        precision: fp32, fp16, bf16, int8, nf4 or auto.
        report: told what is done (fetching, checking, converting) and how far it is.

    Raises:
        ModelError: the model cannot be found, fetched or read.
        OptionError: the precision is unknown, or does not work on this machine.
    """
    precision = choose_precision(precision, device_name())
    return find_model(name, report=report).load(precision)


def find_model(name: str, *, report: Report | None = None) -> ModelSource:
    """Return where a model's files are, fetched and converted first where that is needed, without loading it.

    Raises:
        ModelError: the model cannot be found, fetched or read.
    """
    tell = report or (lambda what, share: None)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if name in CATALOG:
        entry = CATALOG[name]
        gguf = fetch(entry, cache_folder() / "models" / name, tell)
        return _converted(gguf, entry.source.sha256, name, entry.source_precision, tell)
    path = Path(name)
    if path.suffix == ".gguf" and path.is_file():
        return _converted(path, sha256_of(path), path.stem, _gguf_precision(path), tell)
    if path.is_dir():
        return _folder(path, _weights_sha256(path), name, None)
    if path.exists():
        raise ModelError(f"{name} is no model.", "allowed: a folder with safetensors, a .gguf file, a Hugging Face id")
    return _hub(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """A model that was found and not yet loaded.

    Attributes:
        where: a folder or a Hugging Face id, for transformers.
        sha256: digest of its weights' file(s).
        name: the name it was asked for by.
        source_precision: precision of the weights as published; None where the configuration will tell.
    """

    where: str
    sha256: str
    name: str
    source_precision: str | None

    def footprints(self, precisions: Sequence[str], *, computing: str = "auto") -> dict[str, Footprint]:
        """Return what memory the model takes in each precision, from its configuration alone.

        Raises:
            ModelError: the configuration cannot be read.
        """
        try:
            config = AutoConfig.from_pretrained(self.where, trust_remote_code=False)
            with torch.device("meta"):
                network = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
        except Exception as error:  # a damaged folder makes transformers raise anything
            raise _unloadable(self.name, error) from error
        return {p: Footprint.of(network, p, _computing(p, computing)) for p in precisions}

    def load(self, precision: str, *, computing: str = "auto") -> LocalModel:
        """Load it.

        Args:
            precision: fp32, fp16, bf16, int8 or nf4, one that works here (`choose_precision`).
            computing: what int8 and nf4 compute in: fp32, bf16, or the faster of them here.

        Raises:
            ModelError: the files cannot be read.
        """
        return _load(self, precision, _computing(precision, computing))


def _computing(precision: str, computing: str) -> torch.dtype:
    return torch_type(choose_precision(computing, device_name()) if precision in QUANTIZED else precision)


def converted_folder(sha256: str) -> Path:
    """Return where the safetensors form of a GGUF file is kept, once it was made."""
    return cache_folder() / "converted" / sha256[:32]


def _converted(gguf: Path, sha256: str, name: str, source: str, tell: Report) -> ModelSource:
    """Return a GGUF file's safetensors form, which is made once and kept in the cache."""
    folder = converted_folder(sha256)
    if not (folder / _READY).exists():
        tell(f"converting {name} once", None)
        _convert(gguf, folder)
    return _folder(folder, sha256, name, source)


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


def _folder(path: Path, sha256: str, name: str, source: str | None) -> ModelSource:
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
    return ModelSource(where=str(path), sha256=sha256, name=name, source_precision=source or published)


def _hub(name: str) -> ModelSource:
    if name.count("/") != 1 or name.startswith((".", "/")):
        near = closest(name, CATALOG)
        raise ModelError(
            f'there is no model "{name}".',
            f"known: {', '.join(CATALOG)}; or a folder with safetensors, a .gguf file, a Hugging Face id (owner/name)",
            *([f"did you mean {near}?"] if near else []),
        )
    digest = hashlib.sha256(name.encode()).hexdigest()
    return ModelSource(where=name, sha256=digest, name=name, source_precision=None)


def _load(source: ModelSource, precision: str, computing: torch.dtype) -> LocalModel:
    tokenizer: PreTrainedTokenizerBase
    device, name = device_name(), source.name
    options: dict[str, Any] = {"dtype": computing}
    if precision in QUANTIZED:  # on the device at once: the whole is never there unquantized
        options = {
            "dtype": KEPT_TYPE,
            "quantization_config": quantization(precision, computing),
            "device_map": {"": device},
        }
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.where, trust_remote_code=False)
        # Read before loading: afterwards the network's own says in which type it was loaded.
        published = source.source_precision or AutoConfig.from_pretrained(source.where, trust_remote_code=False).dtype
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source.where, trust_remote_code=False, use_safetensors=True, output_loading_info=True, **options
        )
    except Exception as error:  # a damaged folder makes transformers raise anything
        raise _unloadable(name, error) from error
    network, loading = loaded
    if loading["missing_keys"]:  # transformers would draw them at random
        missing = sorted(loading["missing_keys"])
        raise ModelError(f"{name} lacks {len(missing)} of its weights, the first is {missing[0]}.", _FOLDER_HAS)
    if precision in QUANTIZED:
        settle(network, computing)
    else:
        network = network.to(device)
    identity = ModelIdentity(
        name=name,
        sha256=source.sha256,
        source_precision=_short(str(published or "unknown")),
        precision=precision,
        device=device,
        parameters=network.num_parameters(),  # it counts both of the two weights in a byte of nf4
        context_tokens=int(network.config.max_position_embeddings),
    )
    return LocalModel(network, tokenizer, identity)


def _unloadable(name: str, error: Exception) -> ModelError:
    first = str(error).strip().splitlines()
    return ModelError(
        f"{name} cannot be loaded: {first[0] if first else error}",
        "a Hugging Face id needs the network once; " + _FOLDER_HAS,
    )


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
