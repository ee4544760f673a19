"""The files of a bundle: hashes, and a prompt program as prompt.yaml + demos.jsonl."""

from __future__ import annotations

__all__ = [
    "LARGEST",
    "MANIFEST",
    "SCHEMA",
    "check_names",
    "file_hashes",
    "program_from_files",
    "program_to_files",
    "said",
]

import hashlib
import io
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent

from crossover.candidate import PromptProgram
from crossover.errors import BundleError
from crossover.records import Json

SCHEMA = "crossover.bundle/1"
MANIFEST = "bundle.json"
_MIB = 2**20
LARGEST: dict[str, int] = {
    MANIFEST: 8 * _MIB,
    "README.md": _MIB,
    "prompt.yaml": _MIB,
    "demos.jsonl": 64 * _MIB,
    "schema.json": 8 * _MIB,
    "measure.jsonl": 64 * _MIB,
    "weights.safetensors": 2048 * _MIB,
    "adapter/adapter_config.json": _MIB,
    "adapter/adapter_model.safetensors": 8192 * _MIB,
}
"""Every file that a bundle may have, and how many bytes at most."""

_MAX_EVENTS = 12_000
_MAX_DEPTH = 4


def check_names(folder: Path) -> list[str]:
    """Return the paths of a folder's files, after checking that each belongs into a bundle. Nothing is opened.

    Raises:
        BundleError: a link, a device, an unknown name, or a file that is too large.
    """
    found = []
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                name = f"{below}{entry.name}"
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and name == "adapter":
                    waiting.append("adapter/")
                    continue
                if name not in LARGEST or not stat.S_ISREG(status.st_mode):
                    raise BundleError(
                        f"{said(name)} in {folder} does not belong into a bundle.",
                        "a bundle holds plain files only: " + ", ".join(LARGEST),
                    )
                if status.st_size > LARGEST[name]:
                    raise BundleError(f"{folder / name} is larger than {LARGEST[name] // _MIB:,} MiB.")
                found.append(name)
    return sorted(found)


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of a bundle but bundle.json, by its path with forward slashes."""
    found = {}
    for name in check_names(folder):
        if name != MANIFEST:
            with (folder / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def said(what: object) -> str:
    """Return what a stranger's file says as one short line without control characters, for a message."""
    return ascii(str(what))[1:-1][:200]


def program_to_files(program: PromptProgram, folder: Path) -> None:
    """Write prompt.yaml, and where there are any demos.jsonl (demonstrations) and schema.json (the answers')."""
    config = program.to_json()
    retrieval = config["retrieval"]
    demonstrations = retrieval["pool"] if isinstance(retrieval, Mapping) else config["demonstrations"]
    prompt: dict[str, Any] = {
        "instruction": config["instruction"],
        "layout": config["layout"],
        "template": config["template"],
        "fields": list(program.fields),
        "label_words": config["label_words"],
        "answer_tokens": config["answer_tokens"],
        "reasoning": config["reasoning"],
        "constrained": config["constrained"],
        "demonstrations": None
        if not demonstrations
        else {"file": "demos.jsonl", "rule": "nearest", "by": retrieval["by"], "k": retrieval["k"]}
        if isinstance(retrieval, Mapping)
        else {"file": "demos.jsonl", "rule": "all"},
    }
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # ruamel's own annotation is too narrow
    text = io.StringIO()
    yaml.dump(prompt, text)
    (folder / "prompt.yaml").write_text(text.getvalue(), encoding="utf-8")
    if demonstrations:
        assert isinstance(demonstrations, list | tuple)
        lines = [json.dumps(d, ensure_ascii=False) for d in demonstrations]
        (folder / "demos.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if program.schema is not None:
        (folder / "schema.json").write_text(json.dumps(program.schema) + "\n", encoding="utf-8")


def program_from_files(folder: Path) -> PromptProgram:
    """Read what `program_to_files` wrote.

    Raises:
        BundleError: a file is missing or does not fit.
    """
    path = folder / "prompt.yaml"
    try:
        prompt = _load_yaml(path.read_bytes().decode("utf-8"))
        rule = prompt["demonstrations"]
        demonstrations: list[Json] = []
        if rule is not None:
            text = (folder / "demos.jsonl").read_bytes().decode("utf-8")
            demonstrations = [json.loads(line) for line in text.split("\n") if line.strip()]
        nearest = rule is not None and rule["rule"] == "nearest"
        shaped = folder / "schema.json"
        return PromptProgram.from_json(
            {
                "instruction": prompt["instruction"],
                "layout": prompt["layout"],
                "template": prompt["template"],
                "fields": prompt["fields"],
                "label_words": prompt["label_words"],
                "answer_tokens": prompt.get("answer_tokens", 0),
                "reasoning": prompt.get("reasoning"),
                "constrained": prompt.get("constrained"),
                "schema": json.loads(shaped.read_bytes().decode("utf-8")) if shaped.is_file() else None,
                "demonstrations": [] if nearest else demonstrations,
                "retrieval": {"k": rule["k"], "by": rule["by"], "pool": demonstrations} if nearest else None,
            }
        )
    except (YAMLError, ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise BundleError(
            f"{path} does not fit: {said(error)}", "pack the study again: crossover pack STUDY"
        ) from error


def _load_yaml(text: str) -> Any:  # noqa: ANN401  # YAML
    """Read plain values: aliases, tags and deep nesting, which a bundle never has, are refused before any is built."""
    depth = 0
    for n, event in enumerate(YAML(typ="safe", pure=True).parse(text)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if n > _MAX_EVENTS or depth > _MAX_DEPTH:
            raise ValueError("it holds too much")
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            raise ValueError("it has aliases")
        if getattr(event, "tag", None) is not None:
            raise ValueError(f"it has a tag: {event.tag}")
    return YAML(typ="safe", pure=True).load(text)
