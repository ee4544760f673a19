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

from safetensors.torch import save_file

from crossover.bundle.card import card
from crossover.bundle.layout import SCHEMA, file_hashes, program_to_files
from crossover.candidate import Candidate, PromptedCandidate
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
    if target.exists() and not (target / "bundle.json").is_file():
        raise BundleError(f"{target} exists and is no bundle.", "name another place with -o DIR")
    _refuse_dead_adapter(candidate)
    scratch = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".pack-"))
        _write(scratch, candidate, record, verdict, spec, model)
        _replay(scratch, record, test)
        for path in scratch.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        os.chmod(scratch, 0o755)
        if target.exists():
            shutil.rmtree(target)
        os.replace(scratch, target)
    except OSError as error:
        raise BundleError(f"{target} cannot be written: {error.strerror or error}.", "free some space, or name another place with -o DIR") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


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
    if isinstance(candidate, PromptedCandidate):
        config.pop("program")
        program_to_files(candidate.program, folder)
        if candidate.adapter is not None:
            (folder / "adapter").mkdir()
            _json(folder / "adapter" / "adapter_config.json", {**candidate.adapter.config, "base_model_name_or_path": model["name"]})
            save_file(dict(candidate.adapter.weights), folder / "adapter" / "adapter_model.safetensors")
        config.pop("adapter")
    elif parts.tensors:
        save_file({k: v.contiguous() for k, v in parts.tensors.items()}, folder / "weights.safetensors")
    (folder / "README.md").write_text(card(record, verdict, spec, model, adapted=(folder / "adapter").exists()), encoding="utf-8")
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
        "decoding": {"rule": "labels", "constrained": True} if isinstance(candidate, PromptedCandidate) else None,
        "provenance": {
            "data_sha256": verdict.task.data_sha256,
            "dev_score": record.dev_score,
            "packed": datetime.now(UTC).isoformat(timespec="seconds"),
            "crossover": version("crossover-lm"),
        },
        "files": file_hashes(folder),
    }
    _json(folder / "bundle.json", manifest)


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
        # A child that finds the same packages, but none of this process's memory.
        done = subprocess.run(  # noqa: S603  # the command is ours, the paths are arguments
            [sys.executable, "-m", "crossover.bundle.replay", str(folder), str(asked)],
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
"""Nats: below this top-two margin bf16 and fp16 may answer otherwise when rows are batched otherwise. fp32 never may."""


def _near_tie(margin: float | None, folder: Path) -> bool:
    manifest = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    precision = (manifest["model"] or {}).get("precision", "fp32")
    return precision != "fp32" and margin is not None and margin < _LOW_PRECISION_MARGIN


def _refuse_dead_adapter(candidate: Candidate) -> None:
    if not isinstance(candidate, PromptedCandidate) or candidate.adapter is None:
        return
    weights = candidate.adapter.weights
    if not all(bool(w.isfinite().all()) for w in weights.values()):
        raise BundleError("the adapter has weights that are not finite.", "run the study again, or pack another arm: --arm")
    if not any(bool(w.any()) for name, w in weights.items() if "lora_B" in name):
        raise BundleError("the adapter is all zero: it would change nothing.", "run the study again, or pack another arm: --arm")


def _json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
