"""The files of a bundle: hashes, and a prompt program as prompt.yaml + demos.jsonl."""

from __future__ import annotations

__all__ = ["SCHEMA", "file_hashes", "program_from_files", "program_to_files"]

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from crossover.candidate import PromptProgram
from crossover.errors import BundleError
from crossover.records import Json

SCHEMA = "crossover.bundle/1"
_MAX_YAML = 2**20


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below a folder but bundle.json, by its path with forward slashes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != "bundle.json":
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def program_to_files(program: PromptProgram, folder: Path) -> None:
    """Write prompt.yaml, and demos.jsonl where there are demonstrations."""
    config = program.to_json()
    retrieval = config["retrieval"]
    demonstrations = retrieval["pool"] if isinstance(retrieval, Mapping) else config["demonstrations"]
    prompt: dict[str, Any] = {
        "instruction": config["instruction"],
        "template": config["template"],
        "fields": list(program.fields),
        "label_words": config["label_words"],
        "demonstrations": None
        if not demonstrations
        else {"file": "demos.jsonl", "rule": "nearest", "k": retrieval["k"]}
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


def program_from_files(folder: Path) -> PromptProgram:
    """Read what `program_to_files` wrote.

    Raises:
        BundleError: a file is missing, too large, or does not fit.
    """
    path = folder / "prompt.yaml"
    if not path.is_file() or path.stat().st_size > _MAX_YAML:
        raise BundleError(f"{path} is missing or larger than 1 MiB.")
    try:
        prompt = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        rule = prompt["demonstrations"]
        demonstrations: list[Json] = []
        if rule is not None:
            text = (folder / "demos.jsonl").read_text(encoding="utf-8")
            demonstrations = [json.loads(line) for line in text.splitlines() if line.strip()]
        nearest = rule is not None and rule["rule"] == "nearest"
        return PromptProgram.from_json(
            {
                "instruction": prompt["instruction"],
                "template": prompt["template"],
                "fields": prompt["fields"],
                "label_words": prompt["label_words"],
                "demonstrations": [] if nearest else demonstrations,
                "retrieval": {"k": rule["k"], "pool": demonstrations} if nearest else None,
            }
        )
    except (YAMLError, ValueError, KeyError, TypeError, OSError) as error:
        raise BundleError(f"{path} does not fit: {error}") from error
