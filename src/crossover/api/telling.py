"""What is told of a study: each test row's sort, prompts and commands without the user's own words, an arm's seed."""

from __future__ import annotations

__all__ = ["lengths_of", "median_seed", "references_of", "slices_of", "without_instruction"]

import shlex
from collections.abc import Mapping, Sequence

from crossover.records import Arm, TrialRecord
from crossover.study import StudyMemo


def slices_of(memo: StudyMemo) -> dict[str, str]:
    """Return what sort each test row is of: its label, or where there are none the shorter or the longer inputs."""
    if memo.spec.labels:
        return {e.id: e.target for e in memo.test if e.target is not None}
    lengths = {e.id: sum(map(len, e.inputs.values())) for e in memo.test}
    middle = sorted(lengths.values())[len(lengths) // 2] if lengths else 0
    return {name: "longer inputs" if length >= middle else "shorter inputs" for name, length in lengths.items()}


def lengths_of(prompts: Mapping[str, str], *, but: Sequence[str]) -> dict[str, str]:
    """Return of each prompt only how long it is, some as they are."""
    return {name: text if name in but else f"(left out: {len(text):,} characters)" for name, text in prompts.items()}


def without_instruction(command: str) -> str:
    """Return a command line without the words that the user gave the model."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    for place, word in enumerate(words):
        if word == "--instruction" and place + 1 < len(words):
            words[place + 1] = "…"
        elif word.startswith("--instruction="):
            words[place] = "--instruction=…"
    return shlex.join(words) if "…" in "".join(words) else command


def references_of(memo: StudyMemo) -> int:
    """Return how many right answers each test row has; 0 where they differ in that."""
    numbers = {len(example.answers) for example in memo.test}
    return numbers.pop() if len(numbers) == 1 else 0


def median_seed(arm: Arm, records: Sequence[TrialRecord]) -> TrialRecord | None:
    """Return the arm's trial whose score before the test is the median; the lower one of two in the middle.

    That is the score on the validation rows where every seed has one, the dev score otherwise: a dozen dev rows say
    little of which seed is a usual one.
    """
    wanted = (arm.method, arm.budget, arm.model, arm.precision)
    mine = [
        r
        for r in records
        if (r.key.method, r.key.budget, r.key.model, r.key.precision) == wanted
        and r.candidate is not None
        and r.measurement is not None
    ]
    validated = all(record.validation_score is not None for record in mine)

    def before_the_test(record: TrialRecord) -> tuple[float, int]:
        score = record.validation_score if validated else record.dev_score
        return (0.0 if score is None else score, record.key.seed)

    mine.sort(key=before_the_test)
    return mine[(len(mine) - 1) // 2] if mine else None
