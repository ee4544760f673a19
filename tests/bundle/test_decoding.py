"""What a bundle says of how its answers are made, and which of them a fresh process may give otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from crossover.bundle.layout import MANIFEST
from crossover.bundle.write import _decoding, _near_tie
from crossover.candidate import ConstantCandidate, PromptedCandidate, PromptProgram, Reasoning

OPEN = PromptProgram(instruction="", template="{text}", fields=("text",), label_words={}, answer_tokens=8)
DRAWN = Reasoning(tokens=48, marker="Answer:", samples=5, temperature=0.7)


def test_reasoning_is_part_of_what_is_written() -> None:
    plain = {"rule": "greedy", "constrained": False, "max_tokens": 8}
    assert _decoding(PromptedCandidate(program=OPEN)) == plain
    greedy = replace(OPEN, reasoning=Reasoning(tokens=48, marker="Answer:"))
    assert _decoding(PromptedCandidate(program=greedy)) == {**plain, "max_tokens": 56}
    drawn = PromptedCandidate(program=replace(OPEN, reasoning=DRAWN))
    assert _decoding(drawn) == {"rule": "drawn", "constrained": False, "max_tokens": 56}
    assert _decoding(ConstantCandidate(answer="x")) is None


@pytest.mark.parametrize(
    ("rule", "precision", "margin", "near"),
    [
        ("drawn", "fp32", None, False),
        ("drawn", "bf16", None, True),
        ("greedy", "fp32", 5e-4, True),
        ("greedy", "fp32", 5e-3, False),
        ("greedy", "bf16", 0.1, True),
        ("greedy", "bf16", None, False),
        ("labels", "fp32", 1e-6, False),
    ],
)
def test_what_may_differ(tmp_path: Path, rule: str, precision: str, margin: float | None, near: bool) -> None:
    manifest = {"model": {"precision": precision}, "decoding": {"rule": rule}}
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    assert _near_tie(margin, tmp_path) is near
