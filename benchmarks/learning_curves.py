"""Published learning curves read by Crossover's own functions: how many labels a prompt is worth.

    CROSSOVER_BENCH_DATA=DATA python -m benchmarks.learning_curves

Le Scao & Rush 2021 ("How many data points is a prompt worth?", table 1) compared prompt-based with head-based
fine-tuning of RoBERTa-large. DATA/learning_curves holds their scores as labels,method,seed,score (github.com/
TevenLeScao/pet, exported_results). Estimates agree within a label. The deviations, over estimates that leave out a seed
of either method, agree for MNLI and CB; for COPA and WSC the paper's are much larger than what these seeds give. The
crossing is not theirs: it says from how many labels the prompt is ahead for
good.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from crossover import crossover_point, data_advantage
from crossover.records import Interval
from crossover.stats import CurveEstimate

Rows = list[tuple[float, str, int, float]]


@dataclass(frozen=True, slots=True)
class Published:
    """Labels that the prompt is worth, with the paper's standard deviation."""

    labels: int
    error: int


PUBLISHED = {
    "mnli": Published(3506, 536),
    "cb": Published(90, 2),
    "copa": Published(288, 242),
    "wsc": Published(281, 137),
}


def read(task: str) -> Rows | None:
    """Return a task's rows; None where the data is not here."""
    folder = os.environ.get("CROSSOVER_BENCH_DATA")
    path = Path(folder or "") / "learning_curves" / f"{task}.csv"
    if not folder or not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        return [(float(r["labels"]), r["method"], int(r["seed"]), float(r["score"])) for r in csv.DictReader(file)]


def advantages() -> dict[str, CurveEstimate]:
    """Return the advantage of the prompt for each task whose data is here."""
    rows = {task: read(task) for task in PUBLISHED}
    return {task: data_advantage(found, of="prompt", over="head") for task, found in rows.items() if found}


def main() -> None:
    found = advantages()
    print(f"{'task':6} {'published':>12} {'data_advantage':>16}   crossover_point")
    for task, published in PUBLISHED.items():
        rows, estimate = read(task), found.get(task)
        if rows is None or estimate is None or estimate.labels is None:
            print(f"{task:6} {published.labels:>6} ± {published.error:<4} set CROSSOVER_BENCH_DATA")
            continue
        # Theirs is one standard deviation, an interval is 1.96 to either side.
        half = 0.0 if estimate.interval is None else (estimate.interval.high - estimate.interval.low) / 2 / 1.96
        crossing = crossover_point(rows, of="prompt", over="head")
        at = "never" if crossing.labels is None else f"{crossing.bound} {crossing.labels:.0f} labels"
        ours = f"{estimate.labels:.1f} ± {half:.0f}"
        print(f"{task:6} {published.labels:>6} ± {published.error:<4} {ours:>15}   {at}{_shown(crossing.interval)}")


def _shown(interval: Interval | None) -> str:
    return "" if interval is None else f" [{interval.low:.0f}, {interval.high:.0f}]"


if __name__ == "__main__":
    main()
