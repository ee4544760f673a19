"""What all opponents are given: the same texts, the same rows. Standard library only, for every environment.

The data are public sets in the folder that CROSSOVER_BENCH_DATA names: trec, banking77, dialogsum, snips.
"""

from __future__ import annotations

import csv
import json
import os
import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

INSTRUCTION = "Say what kind of answer the question asks for: {labels}."


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of a file of the data folder, shuffled: some files are sorted by label."""
    path = Path(os.environ["CROSSOVER_BENCH_DATA"]) / name
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file)) if path.suffix == ".csv" else [json.loads(line) for line in file]
    random.Random(name).shuffle(found)
    return found


def trec(n: int, demonstrations: int = 8) -> tuple[list[str], list[str], list[str]]:
    """Return contexts, the labels as continuations, and the right one of each context."""
    train = rows("trec.train.csv")
    labels = sorted({row["label"] for row in train})
    shown = [next(row for row in train if row["label"] == label) for label in labels]
    shown += [row for row in train if row not in shown][: max(demonstrations - len(shown), 0)]
    head = INSTRUCTION.format(labels=", ".join(labels))
    head += "".join(f"\n\nQuestion: {row['text']}\nType: {row['label']}" for row in shown[:demonstrations])
    test = (rows("trec.test.csv") * (n // 500 + 1))[:n]
    contexts = [f"{head}\n\nQuestion: {row['text']}\nType:" for row in test]
    return contexts, [f" {label}" for label in labels], [f" {row['label']}" for row in test]


def banking(n: int, n_labels: int = 77) -> tuple[list[str], list[str], list[str]]:
    """Return contexts without a label list, the intents as continuations, and the right ones."""
    train = rows("banking77.train.csv")
    labels = sorted({row["label"] for row in train})[:n_labels]
    test = [row for row in rows("banking77.test.csv") if row["label"] in labels][:n]
    contexts = [f"Question to a bank: {row['text']}\nIntent:" for row in test]
    return contexts, [_intent(label) for label in labels], [_intent(row["label"]) for row in test]


def _intent(label: str) -> str:
    return " " + label.replace("_", " ").lower()


def clinc(n: int, n_labels: int) -> tuple[list[str], list[str]]:
    """Return contexts and so many of the 150 intents."""
    labels = sorted({row["label"] for row in rows("clinc150_small.train.jsonl")})[:n_labels]
    texts = [row["text"] for row in rows("clinc150_small.test.jsonl")[:n]]
    return [f"Question to an assistant: {text}\nIntent:" for text in texts], [_intent(label) for label in labels]


def training(n: int) -> list[tuple[str, str]]:
    """Return prompts and completions."""
    train = rows("trec.train.csv")
    head = INSTRUCTION.format(labels=", ".join(sorted({row["label"] for row in train})))
    return [(f"{head}\n\nQuestion: {row['text']}\nType:", f" {row['label']}") for row in train[:n]]


def short(n: int) -> list[list[dict[str, str]]]:
    """Return conversations of one short question each."""
    return [[{"role": "user", "content": row["text"]}] for row in rows("trec.test.csv")[:n]]


def summaries(n: int, demonstrations: int = 4) -> list[list[dict[str, str]]]:
    """Return conversations that ask for a dialogue's summary, after demonstrations of middling length."""
    train = sorted(rows("dialogsum.train_from_dev.jsonl"), key=lambda row: len(row["dialogue"]))
    middle = len(train) // 2
    shown = train[middle : middle + demonstrations]
    head: list[dict[str, str]] = [{"role": "system", "content": "Summarise the dialogue in one or two sentences."}]
    for row in shown:
        head.append({"role": "user", "content": row["dialogue"]})
        head.append({"role": "assistant", "content": row["summary"]})
    return [[*head, {"role": "user", "content": row["dialogue"]}] for row in rows("dialogsum.test.jsonl")[:n]]


def extraction(n: int, demonstrations: int = 4) -> tuple[list[list[dict[str, str]]], dict[str, Any]]:
    """Return conversations that ask for an intent and its slots as JSON, and the schema of the answer."""
    train = rows("snips.train.jsonl")
    intents = sorted({row["intent"] for row in train})
    names = sorted({slot["slot"] for row in train for slot in row["slots"]})
    slots = {name: {"type": "string", "maxLength": 60} for name in names}
    schema = {
        "type": "object",
        "properties": {
            "intent": {"enum": intents},
            "slots": {"type": "object", "properties": slots, "additionalProperties": False},
        },
        "required": ["intent", "slots"],
        "additionalProperties": False,
    }
    head: list[dict[str, str]] = [{"role": "system", "content": "Answer with the intent and its slots as JSON."}]
    for row in train[:demonstrations]:
        found = {"intent": row["intent"], "slots": {slot["slot"]: slot["value"] for slot in row["slots"]}}
        head.append({"role": "user", "content": row["text"]})
        head.append({"role": "assistant", "content": json.dumps(found)})
    asked = rows("snips.test.jsonl")[:n]
    return [[*head, {"role": "user", "content": row["text"]}] for row in asked], schema


def peak_mb() -> float:
    """Return the highest resident memory of this process so far."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def forget_peak(weights: Iterable[Any]) -> float:
    """Let the peak begin anew; return the resident memory now, in MB.

    Weights that were loaded still lie in a mapped file and take memory once they are read: they are, before.
    """
    for weight in weights:
        weight.sum()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return peak_mb()


class Stopwatch:
    """Seconds inside a `with` block."""

    seconds = 0.0

    def __enter__(self) -> Stopwatch:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_error: object) -> None:
        self.seconds = time.perf_counter() - self._start


def report(**found: object) -> None:
    """Print what was measured as the last line: JSON."""
    sys.stdout.flush()
    print("\n" + json.dumps(found))
