"""Folder -> candidate: every hash is checked first, then typed configuration is rebuilt from known fields."""

from __future__ import annotations

__all__ = ["Bundle", "load_bundle"]

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from crossover.bundle.adapter import adapter_config, check_adapter
from crossover.bundle.archive import is_zip, unzip_bundle
from crossover.bundle.layout import MANIFEST, SCHEMA, file_hashes, program_from_files, said
from crossover.candidate import (
    Candidate,
    CandidateParts,
    HeadCandidate,
    PromptedCandidate,
    candidate_from_parts,
    predict,
)
from crossover.candidate.head import ADAPTER
from crossover.errors import BundleError
from crossover.model.base import LanguageModel
from crossover.model.load import load_model
from crossover.records import Inputs, Prediction

_PACK_AGAIN = "pack the study again: crossover pack STUDY"
_ADAPTED = {PromptedCandidate.type: "", HeadCandidate.type: ADAPTER}
"""Types of candidates that may have an adapter, and what stands before its tensors' names beside their own."""


@dataclass(slots=True, kw_only=True)
class Bundle:
    """A packed candidate. The model is loaded at the first prediction that needs it."""

    path: Path
    manifest: Mapping[str, Any] = field(repr=False)
    candidate: Candidate = field(repr=False)
    _model: LanguageModel | None = field(default=None, repr=False)

    @property
    def input_fields(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return tuple(self.manifest["task"]["input_fields"])

    @property
    def target_field(self) -> str:
        """The column that it answers."""
        return str(self.manifest["task"]["target_field"])

    @property
    def shows_examples(self) -> bool:
        """Whether rows of the training data are in it, as demonstrations."""
        return "demos.jsonl" in self.manifest["files"]

    def predict(self, rows: Sequence[Inputs]) -> list[Prediction]:
        """Answer rows, one answer for each, in order: `bundle.predict([{"text": "where is my parcel"}])[0].answer`.

        Raises:
            BundleError: a row lacks an input column, or the model at hand is not the one that was measured.
        """
        for number, row in enumerate(rows, start=1):
            missing = [name for name in self.input_fields if name not in row]
            if missing:
                raise BundleError(
                    f"row {number} has no {missing[0]!r}.", "the bundle reads: " + ", ".join(self.input_fields)
                )
        return predict(self.candidate, rows, self._needed_model())

    def _needed_model(self) -> LanguageModel | None:
        if not self.candidate.needs_model:
            return None
        if self._model is None:
            wanted = self.manifest["model"]
            model = load_model(wanted["name"], precision=wanted["precision"])
            if model.identity.sha256 != wanted["sha256"]:
                raise BundleError(
                    f"{self.path} was measured with another {wanted['name']}: sha256 {wanted['sha256'][:16]}…, "
                    f"here {model.identity.sha256[:16]}….",
                    "put the same model file in place, or run the study again with this one",
                )
            self._model = model
        return self._model


def load_bundle(path: Path) -> Bundle:
    """Open a bundle: a folder or a zip file.

    Raises:
        BundleError: it is no bundle, a file is unknown, a link, missing or changed, or a field does not fit.
    """
    if path.is_file() and is_zip(path):
        with tempfile.TemporaryDirectory(prefix="crossover-") as scratch:
            try:
                unzip_bundle(path, Path(scratch))
            except OSError as error:
                raise BundleError(
                    f"{path} cannot be unzipped: {error.strerror or error}.", "free some space"
                ) from error
            return replace(_open(Path(scratch)), path=path)
    return _open(path)


def _open(path: Path) -> Bundle:
    if not path.is_dir() or not (path / MANIFEST).is_file():
        raise BundleError(f"{path} is no bundle: there is no {MANIFEST}.", "make one with: crossover pack STUDY")
    try:
        hashes = file_hashes(path)
        manifest = _manifest(path)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}.") from error
    listed = manifest["files"]
    for name in sorted(set(hashes) | set(listed)):
        if hashes.get(name) != listed.get(name):
            what = "is missing" if name not in hashes else "is not listed" if name not in listed else "was changed"
            raise BundleError(f"{path}: {said(name)} {what}.", _PACK_AGAIN)
    candidate = _candidate(path, manifest)
    if candidate.needs_model and manifest["model"] is None:
        raise BundleError(f"{path / MANIFEST} names no model, and its candidate needs one.", _PACK_AGAIN)
    return Bundle(path=path, manifest=manifest, candidate=candidate)


def _manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{file} is no JSON: {said(error)}", _PACK_AGAIN) from error
    if not isinstance(manifest, dict):
        raise BundleError(f"{file} must hold an object, got {type(manifest).__name__}.", _PACK_AGAIN)
    if manifest.get("schema") != SCHEMA:
        raise BundleError(
            f"{file} has schema {said(manifest.get('schema'))}, this release reads {SCHEMA}.", "upgrade crossover-lm"
        )
    task, model = manifest.get("task"), manifest.get("model")
    checks = {
        "type": isinstance(manifest.get("type"), str),
        "config": isinstance(manifest.get("config"), dict),
        "files": _texts(manifest.get("files"), dict),
        "task": isinstance(task, dict)
        and _texts(task.get("input_fields"), list)
        and bool(task["input_fields"])
        and isinstance(task.get("target_field"), str),
        "model": model is None
        or (isinstance(model, dict) and all(isinstance(model.get(k), str) for k in ("name", "precision", "sha256"))),
    }
    wrong = [name for name, fits in checks.items() if not fits]
    if wrong:
        raise BundleError(f"{file}: the field {wrong[0]!r} does not fit.", _PACK_AGAIN)
    return manifest


def _texts(value: object, kind: type[dict[Any, Any]] | type[list[Any]]) -> bool:
    """Return whether it is a list or an object, and all its values are texts."""
    if not isinstance(value, kind):
        return False
    return all(isinstance(item, str) for item in (value.values() if isinstance(value, dict) else value))


def _candidate(path: Path, manifest: Mapping[str, Any]) -> Candidate:
    config = dict(manifest["config"])
    tensors: dict[str, torch.Tensor] = {}
    try:
        if manifest["type"] == PromptedCandidate.type:
            config["program"] = program_from_files(path).to_json()
        elif (path / "weights.safetensors").is_file():
            tensors = load_file(path / "weights.safetensors")
        if (before := _ADAPTED.get(manifest["type"])) is not None:
            config["adapter"] = None
            if (path / "adapter").is_dir():
                config["adapter"] = adapter_config(path / "adapter" / "adapter_config.json")
                weights = load_file(path / "adapter" / "adapter_model.safetensors")
                tensors |= {before + name: tensor for name, tensor in weights.items()}
    except (ValueError, KeyError, OSError, SafetensorError) as error:
        raise BundleError(f"{path} does not fit: {said(error)}", _PACK_AGAIN) from error
    if not all(t.dtype in {torch.float32, torch.float64} and bool(t.isfinite().all()) for t in tensors.values()):
        raise BundleError(f"{path} has weights that are no finite numbers in fp32 or fp64.", _PACK_AGAIN)
    candidate = candidate_from_parts(CandidateParts(type=manifest["type"], config=config, tensors=tensors))
    if candidate.adapter is not None:
        check_adapter(candidate.adapter, "pack the study again, or pack another arm: --arm")
    fields = candidate.program.fields if isinstance(candidate, PromptedCandidate) else getattr(candidate, "fields", ())
    if unknown := set(fields) - set(manifest["task"]["input_fields"]):
        raise BundleError(f"{path} reads the column {said(min(unknown))}, which its task does not have.", _PACK_AGAIN)
    return candidate
