"""Folder -> candidate: every hash is checked first, then typed configuration is rebuilt from known fields."""

from __future__ import annotations

__all__ = ["Bundle", "load_bundle"]

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from crossover.bundle.layout import SCHEMA, file_hashes, program_from_files
from crossover.candidate import Candidate, CandidateParts, candidate_from_parts, predict
from crossover.errors import BundleError
from crossover.model.base import LanguageModel
from crossover.model.load import load_model
from crossover.records import Inputs, Prediction

_FILES = re.compile(r"README\.md|prompt\.yaml|demos\.jsonl|measure\.jsonl|weights\.safetensors|adapter/adapter_(config\.json|model\.safetensors)")
_MAX_MANIFEST = 8 * 2**20


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

    def predict(self, rows: Sequence[Inputs]) -> list[Prediction]:
        """Answer rows, one answer for each, in order: `bundle.predict([{"text": "where is my parcel"}])[0].answer`.

        Raises:
            BundleError: a row lacks an input column, or the model at hand is not the one that was measured.
        """
        for number, row in enumerate(rows, start=1):
            missing = [name for name in self.input_fields if name not in row]
            if missing:
                raise BundleError(f"row {number} has no {missing[0]!r}.", "the bundle reads: " + ", ".join(self.input_fields))
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
    """Open a bundle's folder.

    Raises:
        BundleError: it is no bundle, a file is unknown, a link, missing or changed, or a field does not fit.
    """
    manifest = _manifest(path)
    for found in path.rglob("*"):
        if found.is_symlink() or not (found.is_file() or found.is_dir()):
            raise BundleError(f"{found.name} in {path} is no plain file.", "a bundle holds plain files only")
    hashes = file_hashes(path)
    listed = manifest["files"]
    for name in sorted(set(hashes) | set(listed)):
        if not _FILES.fullmatch(name):
            raise BundleError(f"{name!r} does not belong into a bundle.")
        if hashes.get(name) != listed.get(name):
            what = "is missing" if name not in hashes else "is not listed" if name not in listed else "was changed"
            raise BundleError(f"{path}: {name} {what}.", "pack the study again: crossover pack STUDY")
    return Bundle(path=path, manifest=manifest, candidate=_candidate(path, manifest))


def _manifest(path: Path) -> dict[str, Any]:
    file = path / "bundle.json"
    if not file.is_file() or file.is_symlink():
        raise BundleError(f"{path} is no bundle: there is no bundle.json.", "make one with: crossover pack STUDY")
    if file.stat().st_size > _MAX_MANIFEST:
        raise BundleError(f"{file} is larger than {_MAX_MANIFEST // 2**20} MiB.")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            raise BundleError(f"{file} has schema {manifest['schema']!r}, this release reads {SCHEMA}.", "upgrade crossover-lm")
        ok = isinstance(manifest["files"], dict) and isinstance(manifest["config"], dict) and manifest["task"]["input_fields"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"{file} does not fit: {error!r}") from error
    if not ok:
        raise BundleError(f"{file} does not fit: files, config and task are needed.")
    return dict(manifest)


def _candidate(path: Path, manifest: Mapping[str, Any]) -> Candidate:
    config = dict(manifest["config"])
    tensors = {}
    try:
        if manifest["type"] == "prompted":
            config["program"] = program_from_files(path).to_json()
            config["adapter"] = None
            if (path / "adapter").is_dir():
                adapter = json.loads((path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
                adapter.pop("base_model_name_or_path", None)
                config["adapter"] = adapter
                tensors = load_file(path / "adapter" / "adapter_model.safetensors")
        elif (path / "weights.safetensors").is_file():
            tensors = load_file(path / "weights.safetensors")
    except (ValueError, KeyError, OSError, SafetensorError) as error:
        raise BundleError(f"{path} does not fit: {error}") from error
    if not all(bool(t.isfinite().all()) for t in tensors.values()):
        raise BundleError(f"{path} has weights that are not finite.")
    return candidate_from_parts(CandidateParts(type=str(manifest["type"]), config=config, tensors=tensors))
