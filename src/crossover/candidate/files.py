"""A candidate as files: `candidate.json` and, where there are weights, `weights.safetensors`."""

from __future__ import annotations

__all__ = ["candidate_from_parts", "load_candidate", "save_candidate"]

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from crossover.candidate.base import Candidate, CandidateParts
from crossover.candidate.constant import ConstantCandidate
from crossover.candidate.copied import CopiedCandidate
from crossover.candidate.head import HeadCandidate
from crossover.candidate.linear import LinearCandidate
from crossover.candidate.nearest import NearestCandidate
from crossover.candidate.prompted import PromptedCandidate
from crossover.errors import BundleError

_TYPES: dict[str, type[Candidate]] = {
    c.type: c
    for c in (
        ConstantCandidate,
        CopiedCandidate,
        NearestCandidate,
        LinearCandidate,
        HeadCandidate,
        PromptedCandidate,
    )
}


def candidate_from_parts(parts: CandidateParts) -> Candidate:
    """Rebuild a candidate of any type.

    Raises:
        BundleError: the type is unknown, or a field does not fit it.
    """
    if parts.type not in _TYPES:
        raise BundleError(f"candidate type {parts.type!r} is unknown.", "types: " + ", ".join(_TYPES))
    try:
        return _TYPES[parts.type].from_parts(parts)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"the {parts.type} candidate does not fit its type: {error}") from error


def save_candidate(candidate: Candidate, folder: Path) -> None:
    """Write a candidate into an existing, empty folder."""
    parts = candidate.parts()
    text = json.dumps({"type": parts.type, **parts.config}, ensure_ascii=False, indent=1)
    (folder / "candidate.json").write_text(text, encoding="utf-8")
    if parts.tensors:
        save_file({name: t.contiguous() for name, t in parts.tensors.items()}, folder / "weights.safetensors")


def load_candidate(folder: Path) -> Candidate:
    """Read what `save_candidate` wrote.

    Raises:
        BundleError: a file is missing or damaged, or does not fit.
    """
    weights = folder / "weights.safetensors"
    try:
        config = json.loads((folder / "candidate.json").read_text(encoding="utf-8"))
        tensors = load_file(weights) if weights.exists() else {}
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise BundleError(f"the candidate in {folder} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise BundleError(f"{folder / 'candidate.json'} must hold an object, got {type(config).__name__}.")
    return candidate_from_parts(CandidateParts(type=str(config.pop("type", "")), config=config, tensors=tensors))
