"""The test rows that one of two arms gets right and the other does not, or answers clearly better."""

from __future__ import annotations

__all__ = ["Difference", "Differences", "where_they_differ"]

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from crossover.records import Arm, Example, TrialRecord, Verdict
from crossover.report.series import nominated, trials_of
from crossover.report.text import DASH, clean, one_line, score, shorten

TEXT_LIMIT = 600
ANSWER_LIMIT = 200
CLEARLY = 0.2
"""A lead on one row that is worth looking at, where scores lie between right and wrong."""


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
    """Rows that `winner` gets and `loser` misses: the first of them, and how many there are in all.

    `graded`: scores lie between right and wrong, and the rows are those on which `winner` is clearly ahead.
    """

    winner: str
    loser: str
    total: int
    shown: tuple[Difference, ...]
    graded: bool = False


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

    An arm gets a row when its mean score over seeds is at least one half. Where scores lie between right and wrong, the
    rows are those on which one is ahead by `CLEARLY`, and each answer has its score beside it. Without a weights arm
    the `both` arm stands in; with fewer than two nominated arms there is nothing to compare and the list is empty.
    """
    sent = nominated(verdict)
    prompt, weights = sent.get("prompt"), sent.get("weights") or sent.get("both")
    if prompt is None or weights is None:
        return []
    pairs = ((prompt, weights), (weights, prompt))
    outcome = {arm.arm: _by_example(arm, records) for arm in (prompt, weights)}
    graded = _is_graded((prompt, weights), records)
    found = []
    for winner, loser in pairs:
        wins, losses = outcome[winner.arm], outcome[loser.arm]
        both = [key for key in wins if key in losses and key in examples]
        ids = [key for key in both if _gets(wins[key][0], losses[key][0], graded=graded)]
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
                    winner_answer=_told(wins[key], graded=graded),
                    loser_answer=_told(losses[key], graded=graded),
                )
            )
        found.append(
            Differences(
                winner=one_line(winner.method),
                loser=one_line(loser.method),
                total=len(ids),
                shown=tuple(shown),
                graded=graded,
            )
        )
    return found


def _is_graded(arms: Sequence[Arm], records: Sequence[TrialRecord]) -> bool:
    trials = [record for arm in arms for record in trials_of(arm, records)]
    results = [result for trial in trials if trial.measurement is not None for result in trial.measurement.results]
    return any(result.score not in (None, 0.0, 1.0) for result in results)


def _gets(wins: float, loses: float, *, graded: bool) -> bool:
    return wins - loses >= CLEARLY if graded else wins >= 0.5 > loses


def _told(outcome: tuple[float, str], *, graded: bool) -> str:
    return f"{score(outcome[0])} · {outcome[1]}" if graded else outcome[1]
