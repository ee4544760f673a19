"""Every kind of task through the same study: what prompting and fine-tuning reach with 0 and 128 labels.

    CROSSOVER_BENCH_DATA=FOLDER python benchmarks/kinds.py                             all sets, 100 test rows, one seed
    ... --sets snips_slots multi30k_en_de dialogsum --rows 300 --seeds 3              some, more carefully
    ... --methods zero-shot,few-shot,lora --studies FOLDER                            keep the studies

The sets are read as they are, but for one: snips gives offsets beside each slot, and here a slot is a name and a value.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import crossover
from crossover.methods import default_methods
from crossover.records import Arm, Verdict
from crossover.verdict import headline


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One set: its files, and the column to answer where that is not what the columns say."""

    train: str
    test: str | None
    target: str | None = None
    slots: bool = False


SETS = {
    "snips_intent": Source(train="snips.train.jsonl", test="snips.test.jsonl", target="intent"),
    "snips_slots": Source(train="snips.train.jsonl", test="snips.test.jsonl", target="slots", slots=True),
    "wnut17": Source(train="wnut17.train.jsonl", test="wnut17.test.jsonl", target="entities"),
    "boolq": Source(train="boolq.train_from_dev.jsonl", test="boolq.test_from_dev.jsonl"),
    "gsm8k": Source(train="gsm8k.train.jsonl", test="gsm8k.test.jsonl"),
    "dialogsum": Source(train="dialogsum.train_from_dev.jsonl", test="dialogsum.test.jsonl"),
    "multi30k_en_de": Source(train="multi30k_en_de.train.jsonl", test="multi30k_en_de.test.jsonl"),
    "trec": Source(train="trec.train.csv", test="trec.test.csv", target="label"),
    "sst2": Source(train="sst2.train.csv", test="sst2.test.csv"),
    "ag_news": Source(train="ag_news.train.csv", test="ag_news.test.csv"),
    "tweet_emotion": Source(train="tweet_emotion.train.jsonl", test="tweet_emotion.test.jsonl"),
    "clinc150_small": Source(train="clinc150_small.train.jsonl", test="clinc150_small.test.jsonl"),
    "chat_dolly_hhrlhf": Source(train="chat_dolly_hhrlhf.train.jsonl", test=None),
}


OF_EACH_KIND = [name for name in SETS if name not in ("trec", "sst2", "ag_news")]


def task_of(name: str, rows: int, folder: Path) -> crossover.Task:
    """Return a set's task with so many test rows. `folder`: where a converted file may lie."""
    source, data = SETS[name], Path(os.environ["CROSSOVER_BENCH_DATA"])
    files = [data / source.train, *([data / source.test] if source.test else [])]
    if source.slots:
        files = [_with_slots(file, folder / file.name) for file in files]
    return crossover.Task.from_file(
        files[0], test=files[1] if source.test else None, test_size=rows, target=source.target
    )


def _with_slots(source: Path, target: Path) -> Path:
    """Write rows with slots as {name: value}, or {name: [values]} where one occurs twice."""
    lines = []
    for line in source.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        slots: dict[str, str | list[str]] = {}
        for slot in row["slots"]:
            before = slots.get(slot["slot"])
            told = [*([before] if isinstance(before, str) else before or []), slot["value"]]
            slots[slot["slot"]] = told[0] if len(told) == 1 else told
        lines.append(json.dumps({"text": row["text"], "slots": slots}, ensure_ascii=False))
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def line(name: str, verdict: Verdict, seconds: float) -> str:
    """Return a set's block: what was decided, then every arm."""
    task = verdict.task
    head = f"{name}: {task.kind}, {task.metric}, {task.n_test} test rows, {seconds / 60:.1f} min"
    return "\n".join([head, f"  {headline(verdict)}", *(f"  {_arm(arm)}" for arm in verdict.arms)])


def _arm(arm: Arm) -> str:
    between = f"[{arm.interval.low:.2f}, {arm.interval.high:.2f}]" if arm.interval else ""
    score = "–" if arm.score is None else f"{arm.score:.3f}"
    lenient = "" if arm.lenient_score is None else f"lenient {arm.lenient_score:.3f}"
    call = "" if arm.latency_ms is None else f"{arm.latency_ms.p50:.0f} ms"
    return f"{arm.method:16} {arm.budget:4}  {score} {between:12}  {lenient:14}  fit {arm.fit_seconds:4.0f} s  {call}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a study of each set and print its arms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=OF_EACH_KIND, choices=list(SETS))
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--budgets", type=int, nargs="+", default=[0, 128])
    parser.add_argument(
        "--methods", help="names with commas between, of which those that suit a kind run; default: all"
    )
    parser.add_argument("--studies", type=Path, help="folder for the studies; by default they are thrown away")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.sets:
            start = time.perf_counter()
            task = task_of(name, given.rows, Path(scratch))
            suited = default_methods(task.spec.kind)
            study = crossover.compare(
                task,
                methods=[m for m in suited if given.methods is None or m in given.methods.split(",")],
                budgets=given.budgets,
                seeds=given.seeds,
                study=(given.studies or Path(scratch)) / name,
            )
            print(line(name, study.verdict(), time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    main()
