"""The model card of a bundle: what it is, its numbers, how it is used."""

from __future__ import annotations

__all__ = ["card"]

from collections.abc import Mapping
from typing import Any

from crossover.model.base import FULL
from crossover.records import TaskSpec, TrialRecord, Verdict

_ADAPTERS = {"LORA": "LoRA", "IA3": "IA3", "PROMPT_TUNING": "soft prompt"}


def card(
    record: TrialRecord, verdict: Verdict, spec: TaskSpec, model: Mapping[str, Any], *, adapter: str | None
) -> str:
    """Return README.md. The score is this candidate's own, not its arm's mean over seeds. `adapter` is its type."""
    measurement = record.measurement
    scores = [r.score for r in measurement.results if r.score is not None] if measurement else []
    own = f"{sum(scores) / len(scores):.1%} on {len(scores)} held-out rows" if scores else "not measured"
    key = record.key
    mine = (key.method, key.budget, key.model, key.precision)
    arm = next((a for a in verdict.arms if (a.method, a.budget, a.model, a.precision) == mine), None)
    labels = f", {len(spec.labels)} labels" if spec.labels else ""
    lines = [
        f"# {spec.name}: {record.key.method}",
        "",
        f"Answers `{spec.target_field}` from `{', '.join(spec.input_fields)}`: {spec.kind}{labels}.",
        "",
        f"- {spec.metric} of this candidate (seed {record.key.seed}): {own}",
    ]
    if arm is not None and arm.score is not None and arm.interval is not None:
        interval = f"[{arm.interval.low:.1%}, {arm.interval.high:.1%}]"
        lines.append(f"- its arm, {arm.seeds} seed{'s' * (arm.seeds != 1)}: {arm.score:.1%} {interval}")
    lines.append(f"- labelled examples: {record.labels_used}")
    if record.key.model:
        source = f"{model['source_precision']} at its source"
        lines.append(f"- base model: {model['name']} ({source}), computed in {model['precision']}")
        lines.append(f"- base model sha256: `{model['sha256']}`")
    if adapter is not None:
        full = "- all weights of the model, trained: `adapter/` holds them in place of the base model's"
        lines.append(
            full if adapter == FULL else f"- adapter: {_ADAPTERS.get(adapter, adapter)} in PEFT's layout, in `adapter/`"
        )
    lines += ["", "## Why this one", "", *[f"- {reason}" for reason in verdict.reasons]]
    lines += [
        "",
        "## Use",
        "",
        "```",
        "crossover predict THIS_FOLDER rows.csv -o answers.csv",
        "```",
        "",
        "```python",
        "import crossover",
        "",
        'bundle = crossover.load("THIS_FOLDER")',
        "bundle.predict([{" + ", ".join(f'"{f}": "…"' for f in spec.input_fields) + "}])",
        "```",
        "",
    ]
    if (record.key.method.startswith("knn") or "few-shot" in record.key.method) and record.labels_used:
        lines += ["Demonstrations in `demos.jsonl` are rows of the training data.", ""]
    return "\n".join(lines)
