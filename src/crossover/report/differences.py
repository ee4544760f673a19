"""The test rows that one of two arms gets right and the other does not."""

from __future__ import annotations

__all__ = ["Difference", "Differences", "where_they_differ"]

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from crossover.records import Arm, Example, TrialRecord, Verdict
from crossover.report.series import nominated, trials_of
from crossover.report.text import DASH, clean, one_line, shorten

TEXT_LIMIT = 600
ANSWER_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One test row: its number in the file, its texts, the wanted answer and each arm's most frequent one."""

    row: int
    inputs: tuple[tuple[str, str], ...]
    target: str
    winner_answer: str
    loser_answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Rows that `winner` gets and `loser` misses: the first of them, and how many there are in all."""

    winner: str
    loser: str
    total: int
    shown: tuple[Difference, ...]


def _by_example(arm: Arm, records: Sequence[TrialRecord]) -> dict[str, tuple[float, str]]:
    """Return example id -> (mean score over seeds, most frequent answer with how often it came when seeds disagree)."""
    scores: dict[str, list[float]] = defaultdict(list)
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for record in trials_of(arm, records):
        if record.measurement is None:
            continue
        for result in record.measurement.results:
            if result.score is not None:
                scores[result.example_id].append(result.score)
                answers[result.example_id][result.answer if result.answer is not None else DASH] += 1
    found = {}
    for example_id, values in scores.items():
        answer, times = answers[example_id].most_common(1)[0]
        words = shorten(clean(answer), ANSWER_LIMIT)
        found[example_id] = (
            fmean(values),
            words if times == len(values) else f"{words} ({times} of {len(values)} seeds)",
        )
    return found


def where_they_differ(
    verdict: Verdict, records: Sequence[TrialRecord], examples: Mapping[str, Example], *, limit: int = 20
) -> list[Differences]:
    """Return what the nominated prompt arm gets and the nominated weights arm misses, and the reverse.

    An arm gets a row when its mean score over seeds is at least one half. Without a weights arm the `both` arm stands
    in; with fewer than two nominated arms there is nothing to compare and the list is empty.
    """
    sent = nominated(verdict)
    prompt, weights = sent.get("prompt"), sent.get("weights") or sent.get("both")
    if prompt is None or weights is None:
        return []
    pairs = ((prompt, weights), (weights, prompt))
    outcome = {arm.arm: _by_example(arm, records) for arm in (prompt, weights)}
    found = []
    for winner, loser in pairs:
        wins, losses = outcome[winner.arm], outcome[loser.arm]
        ids = [key for key in wins if key in losses and key in examples and wins[key][0] >= 0.5 > losses[key][0]]
        ids.sort(key=lambda key: (losses[key][0] - wins[key][0], examples[key].row))
        shown = []
        for key in ids[:limit]:
            example = examples[key]
            inputs = tuple((one_line(name), shorten(clean(text), TEXT_LIMIT)) for name, text in example.inputs.items())
            target = DASH if example.target is None else shorten(clean(example.target), ANSWER_LIMIT)
            shown.append(
                Difference(
                    row=example.row,
                    inputs=inputs,
                    target=target,
                    winner_answer=wins[key][1],
                    loser_answer=losses[key][1],
                )
            )
        found.append(
            Differences(
                winner=one_line(winner.method), loser=one_line(loser.method), total=len(ids), shown=tuple(shown)
            )
        )
    return found
