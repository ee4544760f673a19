"""What an arm made of each test row, its seeds taken together, and when one arm gets a row that another misses."""

from __future__ import annotations

__all__ = ["CLEARLY", "GETS", "Outcome", "gets_alone", "is_graded", "outcomes"]

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from crossover.records import TrialRecord

GETS = 0.5
"""An arm gets a row when its mean score over seeds is at least this: at least half of the seeds are right."""

CLEARLY = 0.2
"""A lead on one row that is worth looking at, where scores lie between right and wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One arm on one test row.

    Attributes:
        score: mean over the seeds that gave an answer, 0..1.
        answer: the most frequent one, of equals one that is as right or as wrong as the mean says; None where the
            machinery gave none.
        times: how many seeds gave it.
        seeds: how many gave any.
    """

    score: float
    answer: str | None
    times: int
    seeds: int


def outcomes(trials: Iterable[TrialRecord]) -> dict[str, Outcome]:
    """Return example id -> outcome of an arm's trials; rows whose answers are all missing are left out."""
    scores: dict[str, list[float]] = defaultdict(list)
    answers: dict[str, Counter[str | None]] = defaultdict(Counter)
    rated: dict[tuple[str, str | None], float] = {}
    for trial in trials:
        if trial.measurement is None:
            continue
        for result in trial.measurement.results:
            if result.score is not None:
                scores[result.example_id].append(result.score)
                answers[result.example_id][result.answer] += 1
                rated[result.example_id, result.answer] = result.score
    found = {}
    for example_id, values in scores.items():
        mean, given = fmean(values), answers[example_id]
        most = max(given.values())
        equals = [answer for answer, times in given.items() if times == most]
        # Beside a mark that says wrong, the one right answer of three different ones would be a riddle.
        fitting = [answer for answer in equals if (rated[example_id, answer] >= GETS) == (mean >= GETS)]
        found[example_id] = Outcome(score=mean, answer=(fitting or equals)[0], times=most, seeds=len(values))
    return found


def is_graded(trials: Iterable[TrialRecord]) -> bool:
    """Return whether any single answer is neither right nor wrong but something between."""
    measured = (trial.measurement for trial in trials if trial.measurement is not None)
    return any(result.score not in (None, 0.0, 1.0) for one in measured for result in one.results)


def gets_alone(winner: Outcome, loser: Outcome, *, graded: bool) -> bool:
    """Return whether the first gets a row that the second misses, or is clearly ahead where scores are graded."""
    if graded:
        return winner.score - loser.score > CLEARLY - 1e-9
    return winner.score >= GETS > loser.score
