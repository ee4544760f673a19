"""What `crossover estimate` says, and what the study then takes: the ratio arm by arm, and of the whole.

    python -m benchmarks.estimates DATA [--methods A,B] [--budgets 0,64] [--seeds 1] [--test-size 200] [--model NAME]
                                        [--out FILE.json]

A ratio above 1: the estimate was too high. The study goes into a folder that is removed again. Nothing else should run
on the machine. The whole is compared with the wall clock, from the first look at the model's pace to the last trial.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

from crossover import api
from crossover.about import machine
from crossover.listener import Silent
from crossover.model.catalog import DEFAULT_MODEL
from crossover.records import TrialRecord
from crossover.task import Task

WITHIN = 1.5
"""How far an estimate may be off."""

LEAST_SECONDS = 2.0
"""Arms whose trial takes less are shown, but not judged."""


def main() -> None:
    """Estimate, run, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--methods")
    parser.add_argument("--budgets", default="0,64")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--test-size", type=int)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--effort", type=float, default=1.0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    task = Task.from_file(given.data, test_size=given.test_size)
    options: dict[str, Any] = {
        "model": given.model,
        "methods": given.methods.split(",") if given.methods else None,
        "budgets": [int(budget) for budget in given.budgets.split(",")],
        "seeds": given.seeds,
        "precision": given.precision,
        "effort": given.effort,
    }
    said = api.estimate(task, **options).to_json()
    with tempfile.TemporaryDirectory() as folder:
        began = _Began()
        study = api.compare(task, **options, study=Path(folder) / "study", listener=began)
        took = time.monotonic() - began.at
        records = study.records()
    rows = [_row(arm, records) for arm in said["arms"]]
    found = {
        "machine": machine(),
        "model": said["model"],
        "data": given.data.name,
        "n_test": said["task"]["n_test"],
        "seconds": {"estimated": said["kept_seconds"], "taken": took, "ratio": said["kept_seconds"] / took},
        "either_way_seconds": said["either_way_seconds"],
        "arms": rows,
    }
    _print(found)
    if given.out is not None:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


class _Began(Silent):
    """Remembers when the model was loaded: what an estimate counts begins there."""

    def __init__(self) -> None:
        self.at = time.monotonic()

    def note(self, about: str, text: str) -> None:
        self.at = time.monotonic()


def _row(arm: dict[str, Any], records: tuple[TrialRecord, ...]) -> dict[str, Any]:
    """Return estimated, taken and their ratio of fit, test, trial, memory and prompt."""
    own = [
        (record, record.measurement)
        for record in records
        if (record.key.method, record.key.budget) == (arm["method"], arm["budget"]) and record.measurement is not None
    ]
    row: dict[str, Any] = {"method": arm["method"], "budget": arm["budget"], "trials": len(own)}
    if not own:
        return row
    calls = [13 * m.latency.p50 / 1000 if m.latency is not None else 0.0 for _, m in own]
    fit, test = fmean(r.fit_seconds for r, _ in own), fmean(m.seconds for _, m in own)
    taken = {
        "fit_seconds": fit,
        "test_seconds": test,
        "trial_seconds": fit + test + fmean(calls),
        "peak_memory_mb": max(m.peak_memory_mb or 0.0 for _, m in own),
        "prompt_tokens": fmean(result.prompt_tokens for _, m in own for result in m.results),
    }
    for name, value in taken.items():
        row[name] = {"estimated": arm[name], "taken": round(value, 3), "ratio": arm[name] / value if value else None}
    row["test_either_way"] = arm["test_either_way"]
    return row


def _print(found: dict[str, Any]) -> None:
    heads = ("fit_seconds", "test_seconds", "trial_seconds", "peak_memory_mb", "prompt_tokens")
    print(f"{found['model']}, {found['data']}, {found['n_test']} test rows, {found['machine']}")
    print(f"{'arm':34}" + "".join(f"{head:>22}" for head in heads))
    off = []
    for row in found["arms"]:
        cells = [row.get(head) for head in heads]
        said = [
            f"{c['estimated']:,.1f}/{c['taken']:,.1f}" + (f" {c['ratio']:.2f}" if c["ratio"] is not None else "")
            if c
            else "-"
            for c in cells
        ]
        print(f"{row['method'] + '@' + str(row['budget']):34}" + "".join(f"{cell:>22}" for cell in said))
        trial = row.get("trial_seconds")
        if trial and trial["taken"] >= LEAST_SECONDS and not 1 / WITHIN <= trial["ratio"] <= WITHIN:
            off.append(f"{row['method']}@{row['budget']} {trial['ratio']:.2f}")
    whole = found["seconds"]
    print(
        f"whole: {whole['estimated']:.0f} s estimated ± {found['either_way_seconds']:.0f}, {whole['taken']:.0f} s taken"
    )
    print(f"ratio {whole['ratio']:.2f}; arms off by more than {WITHIN}: {', '.join(off) or 'none'}")


if __name__ == "__main__":
    main()
