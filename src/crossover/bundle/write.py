"""Candidate + card -> folder. The layout is DESIGN's: bundle.json, prompt.yaml, demos.jsonl, adapter/, README.md."""

from __future__ import annotations

__all__ = ["pack_candidate"]

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file

from crossover.bundle.adapter import check_adapter
from crossover.bundle.archive import holds_bundle, is_zip, zip_bundle
from crossover.bundle.card import card
from crossover.bundle.layout import SCHEMA, check_names, file_hashes, program_to_files
from crossover.candidate import Candidate, PromptedCandidate
from crossover.candidate.head import ADAPTER
from crossover.errors import BundleError
from crossover.records import Example, Json, TaskSpec, TrialRecord, Verdict

REPLAYED = 100


def pack_candidate(
    target: Path,
    *,
    candidate: Candidate,
    record: TrialRecord,
    verdict: Verdict,
    spec: TaskSpec,
    test: Sequence[Example],
    model: Mapping[str, Any],
) -> Path:
    """Write a bundle, answer 100 test rows with it in a fresh process, and put it in place only when the answers agree.

    Raises:
        BundleError: the target exists already, cannot be written, or the fresh process answers otherwise.
    """
    _check_target(target)
    way_out = "run the study again, or pack another arm: --arm"
    if candidate.adapter is not None:
        check_adapter(candidate.adapter, way_out)
    scratch = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".pack-"))
        fresh, old = scratch / "new", scratch / "old"
        fresh.mkdir()
        _write(fresh, candidate, record, verdict, spec, model)
        _replay(fresh, record, test)
        if is_zip(target):
            zip_bundle(fresh, scratch / "new.zip")
            fresh = scratch / "new.zip"
        for path in (fresh, *fresh.rglob("*")):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        if target.exists():
            target.replace(old)
        fresh.replace(target)
    except (OSError, SafetensorError) as error:  # safetensors has its own error for a full disk
        raise BundleError(
            f"{target} cannot be written: {getattr(error, 'strerror', None) or error}.",
            "free some space, or name another place with -o DIR",
        ) from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def _check_target(target: Path) -> None:
    """Allow a new place, an empty folder, or a bundle to be replaced: nothing else may go."""
    if not target.exists() and not target.is_symlink():
        return
    if is_zip(target) and target.is_file() and not target.is_symlink() and holds_bundle(target):
        return
    if target.is_dir() and not target.is_symlink():
        try:
            names = check_names(target)
        except BundleError:
            names = ["?"]
        if not any(target.iterdir()) or "bundle.json" in names:
            return
    raise BundleError(f"{target} exists and is no bundle.", "name another place with -o DIR")


def _write(
    folder: Path,
    candidate: Candidate,
    record: TrialRecord,
    verdict: Verdict,
    spec: TaskSpec,
    model: Mapping[str, Any],
) -> None:
    parts = candidate.parts()
    config: dict[str, Json] = dict(parts.config)
    peft_type: str | None = None
    config.pop("adapter", None)
    if candidate.adapter is not None:
        (folder / "adapter").mkdir()
        adapter = {**candidate.adapter.config, "base_model_name_or_path": model["name"]}
        _json(folder / "adapter" / "adapter_config.json", adapter)
        peft_type = str(adapter.get("peft_type"))
        save_file(dict(candidate.adapter.weights), folder / "adapter" / "adapter_model.safetensors")
    if isinstance(candidate, PromptedCandidate):
        config.pop("program")
        program_to_files(candidate.program, folder)
    elif own := {k: v.contiguous() for k, v in parts.tensors.items() if not k.startswith(ADAPTER)}:
        save_file(own, folder / "weights.safetensors")
    readme = card(record, verdict, spec, model, adapter=peft_type)
    (folder / "README.md").write_text(readme, encoding="utf-8")
    manifest = {
        "schema": SCHEMA,
        "type": parts.type,
        "config": config,
        "method": record.key.method,
        "budget": record.key.budget,
        "seed": record.key.seed,
        "task": {
            "name": spec.name,
            "kind": spec.kind,
            "metric": spec.metric,
            "input_fields": spec.input_fields,
            "target_field": spec.target_field,
            "labels": spec.labels,
        },
        "model": dict(model) if candidate.needs_model else None,
        "decoding": _decoding(candidate),
        "provenance": {
            "data_sha256": verdict.task.data_sha256,
            "dev_score": record.dev_score,
            "validation_score": record.validation_score,
            "packed": datetime.now(UTC).isoformat(timespec="seconds"),
            "crossover": version("crossover-lm"),
        },
        "files": file_hashes(folder),
    }
    _json(folder / "bundle.json", manifest)


def _decoding(candidate: Candidate) -> Json:
    if not isinstance(candidate, PromptedCandidate):
        return None
    program = candidate.program
    if program.is_open:
        reasoning = program.reasoning
        return {
            "rule": "drawn" if reasoning is not None and reasoning.is_drawn else "greedy",
            "constrained": bool(program.constrained),
            "max_tokens": program.answer_tokens + (0 if reasoning is None else reasoning.tokens),
        }
    if program.is_written:
        return {"rule": "greedy", "constrained": False}
    return {"rule": "labels", "constrained": True}


def _replay(folder: Path, record: TrialRecord, test: Sequence[Example]) -> None:
    """Answer test rows in a fresh process that has nothing but the bundle, and compare with the record."""
    if record.measurement is None:
        raise BundleError("the arm has no recorded answers to compare with.")
    rows = list(zip(test, record.measurement.results, strict=True))
    step = max(len(rows) / REPLAYED, 1.0)
    rows = [rows[int(i * step)] for i in range(min(REPLAYED, len(rows)))]
    with tempfile.TemporaryDirectory() as scratch:
        asked = Path(scratch) / "asked.json"
        asked.write_text(json.dumps([dict(example.inputs) for example, _ in rows]), encoding="utf-8")
        # A child that finds the same packages, but none of this process's memory; -P: and no module where people stand.
        done = subprocess.run(
            [sys.executable, "-P", "-m", "crossover.bundle.replay", str(folder), str(asked)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            check=False,
        )
    if done.returncode:
        last = done.stderr.strip().splitlines()
        raise BundleError("the bundle does not load in a fresh process.", *last[-3:])
    answers = json.loads(done.stdout.splitlines()[-1])
    wrong = [
        (example, result, answer)
        for (example, result), answer in zip(rows, answers, strict=True)
        if answer != result.answer and not _near_tie(result.margin, folder)
    ]
    if wrong:
        example, result, answer = wrong[0]
        raise BundleError(
            f"a fresh process gives other answers on {len(wrong)} of {len(rows)} test rows; nothing was packed.",
            f"row {example.row}: recorded {result.answer!r}, now {answer!r}",
            "was the model or the machine changed since the study ran? run the study again, then pack",
        )


_LOW_PRECISION_MARGIN = 0.15
"""Nats: below this top-two margin bf16 and fp16 may answer otherwise in another batch. fp32 never may."""
_WRITTEN_MARGIN = 1e-3
"""The same for a token along a written answer in fp32: hundreds of tokens have hundreds of chances of a tie."""


def _near_tie(margin: float | None, folder: Path) -> bool:
    manifest = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    precision = (manifest["model"] or {}).get("precision", "fp32")
    rule = (manifest["decoding"] or {}).get("rule")
    if rule == "drawn":  # a path that takes another turn says nothing of how near it was: below fp32 any of them may
        return bool(precision != "fp32")
    written = rule == "greedy"
    allowed = _LOW_PRECISION_MARGIN if precision != "fp32" else _WRITTEN_MARGIN if written else 0.0
    return margin is not None and margin < allowed


def _json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
