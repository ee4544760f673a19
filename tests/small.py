"""A small task, a tiny model in a folder, and one whole study on them, for the tests of study, bundle, api and cli."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from crossover import api
from crossover.model.tiny import tiny_model

TOPICS = {
    "refund": ["money back please", "charged me twice", "want a refund"],
    "shipping": ["where is my parcel", "delivery is late", "tracking shows nothing"],
    "login": ["password is lost", "cannot sign in", "account is locked"],
}
WORDS = [
    "order",
    "card",
    "bag",
    "shop",
    "week",
    "price",
    "box",
    "door",
    "phone",
    "lamp",
    "river",
    "stone",
    "cloud",
    "paper",
    "horse",
    "glass",
    "table",
    "green",
    "blue",
    "north",
    "south",
    "quick",
    "slow",
    "early",
    "window",
    "garden",
    "bridge",
]
BUDGETS = (0, 8, 16)
SEEDS = 2
EFFORT = 0.1
"""A few steps of training: what is learned does not matter here."""


def write_rows(path: Path, n: int = 72, *, seed: int = 0) -> Path:
    """Write a csv with n rows that no one would confuse: text, label."""
    draw = random.Random(seed)
    lines = ["text,label"]
    for i in range(n):
        label = list(TOPICS)[i % 3 if i % 5 else 0]
        lines.append(f"{draw.choice(TOPICS[label])} {' '.join(draw.sample(WORDS, 8))},{label}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def save_tiny(folder: Path) -> Path:
    """Save the tiny model as a folder that `--model` takes."""
    if not (folder / "config.json").exists():
        model = tiny_model()
        model._network.save_pretrained(folder)
        model._chat._tokenizer.save_pretrained(folder)
    return folder


@cache
def whole_study(base: Path) -> api.Study:
    """Return a study of all methods; it is made once for all tests of a session."""
    folder = base / "whole"
    folder.mkdir()
    return api.compare(
        write_rows(folder / "tickets.csv"),
        model=str(save_tiny(base / "tiny-model")),
        budgets=BUDGETS,
        seeds=SEEDS,
        effort=EFFORT,
        precision="fp32",
        study=folder / "tickets-study",
    )
