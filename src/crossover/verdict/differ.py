"""Compare a study's arms two by two: overall, by slice, by example; and each arm's calibration and confusions."""

from __future__ import annotations

__all__ = ["Differing", "confidence"]

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crossover.records import Example, TrialRecord
from crossover.stats import Calibration, Comparison, calibration, holm
from crossover.verdict.arms import ArmData, example_order, gather
from crossover.verdict.diff import ANOTHER_TEXT, ArmSide, Confusion, Diff, Disagreement, SliceDifference
from crossover.verdict.outcomes import GETS, Outcome, gets_alone, is_graded, outcomes
from crossover.verdict.pairs import Pairs
from crossover.verdict.slices import Slice, slices

FEWEST = 2
"""Examples from which on a slice has an interval."""


class Differing:
    """The arms of one study, ready to be compared two by two."""

    def __init__(
        self,
        records: Sequence[TrialRecord],
        examples: Sequence[Example],
        *,
        labels: Sequence[str] = (),
        by: Mapping[str, Mapping[str, str]] | None = None,
        parts: Sequence[Slice] | None = None,
        groups: Mapping[str, str] | None = None,
        level: float = 0.95,
    ) -> None:
        """Gather the arms.

        Args:
            records: all finished trials of the study: how much their seeds vary is part of every interval.
            examples: the test rows.
            labels: the closed set of answers, or nothing.
            by: further divisions of the rows, see `crossover.verdict.slices.slices`.
            parts: the slices themselves, in place of what examples, labels and `by` give.
            groups: example id -> group, where rows belong together; by default the examples' own.
            level: of all intervals.
        """
        self._records = tuple(records)
        own = {example.id: example.group for example in examples if example.group is not None}
        self._arms = {arm.name: arm for arm in gather(records, level=level, groups=own if groups is None else groups)}
        self._level = level
        self._examples = {example.id: example for example in examples}
        self._labels = tuple(labels)
        self._slices = slices(tuple(examples), labels=labels, by=by) if parts is None else tuple(parts)
        self._order = example_order([r.measurement for r in self._records if r.measurement is not None])
        self._narrowed: dict[frozenset[str], tuple[dict[str, ArmData], Pairs]] = {}
        self._outcomes: dict[str, dict[str, Outcome]] = {}

    @property
    def arms(self) -> tuple[str, ...]:
        """The names of all arms, in the verdict's order."""
        return tuple(self._arms)

    @cached_property
    def _pairs(self) -> Pairs:
        return Pairs(tuple(self._arms.values()), level=self._level)

    def outcomes(self, arm: str) -> dict[str, Outcome]:
        """Return example id -> what an arm made of it."""
        if arm not in self._outcomes:
            self._outcomes[arm] = outcomes(self._trials(arm))
        return self._outcomes[arm]

    def is_graded(self, *arms: str) -> bool:
        """Return whether any answer of these arms has a score between right and wrong."""
        return is_graded(trial for arm in arms for trial in self._trials(arm))

    def side(self, arm: str) -> ArmSide:
        """Return one arm by itself.

        Raises:
            KeyError: the study has no such arm.
        """
        found = self._arms[arm]
        return ArmSide(
            arm=arm,
            score=found.summary.score,
            interval=found.summary.interval,
            seeds=found.summary.seeds,
            calibration=self._calibration(arm),
            confusions=self._confusions(arm),
        )

    def compare(self, a: str, b: str) -> Comparison | None:
        """Return the paired comparison that the verdict would make, or None while one of the two has no score."""
        left, right = self._arms[a], self._arms[b]
        return self._pairs.compare(left, right) if left.scored and right.scored else None

    def diff(self, a: str, b: str) -> Diff:
        """Return where two arms differ.

        Raises:
            KeyError: the study has no such arm.
        """
        found = self.compare(a, b)
        graded = self.is_graded(a, b)
        mine, other = self.outcomes(a), self.outcomes(b)
        answered = [key for key in mine if key in other]
        only_a = [key for key in answered if gets_alone(mine[key], other[key], graded=graded)]
        only_b = [key for key in answered if gets_alone(other[key], mine[key], graded=graded)]
        rest = set(answered) - set(only_a) - set(only_b)
        neither = 0 if graded else sum(mine[key].score < GETS for key in rest)
        sided: list[tuple[Literal["a", "b"], str]] = [*(("a", key) for key in only_a), *(("b", key) for key in only_b)]
        disagreements = [
            Disagreement(
                id=key,
                row=self._examples[key].row,
                inputs=self._examples[key].inputs,
                target=self._examples[key].target,
                winner=winner,
                outcome_a=mine[key],
                outcome_b=other[key],
            )
            for winner, key in sided
            if key in self._examples
        ]
        disagreements.sort(key=lambda one: (-abs(one.outcome_a.score - one.outcome_b.score), one.row, one.id))
        return Diff(
            a=self.side(a),
            b=self.side(b),
            difference=found.difference if found else None,
            interval=found.interval if found else None,
            p=found.p if found else None,
            seeds=found.n_seeds if found else 0,
            candidate_only=found.candidate_only if found else False,
            n_test=len(self._order),
            graded=graded,
            only_a=len(only_a),
            only_b=len(only_b),
            both=len(rest) - neither,
            neither=neither,
            unanswered=len(self._order) - len(answered),
            slices=self.sliced(a, b),
            disagreements=tuple(disagreements),
        )

    def sliced(self, a: str, b: str) -> tuple[SliceDifference, ...]:
        """Return the two arms on every slice, p-values corrected within each group of slices."""
        found = [self._on(part, a, b) for part in self._slices]
        corrected: list[SliceDifference] = []
        for group in dict.fromkeys(part.group for part in self._slices):
            own = [one for one in found if one.group == group]
            tested = [one.p for one in own if one.p is not None]
            adjusted = iter(holm(tested))
            corrected += [replace(one, p=next(adjusted)) if one.p is not None else one for one in own]
        return tuple(corrected)

    def _on(self, part: Slice, a: str, b: str) -> SliceDifference:
        arms, pairs = self._narrow(part)
        left, right = arms[a], arms[b]
        answered = ~(np.isnan(left.scores).any(axis=0) | np.isnan(right.scores).any(axis=0))
        n = int(answered.sum()) if left.scores.size and right.scores.size else 0
        tested = pairs.compare(left, right) if n >= FEWEST and left.scored and right.scored else None
        means = (float(left.scores[:, answered].mean()), float(right.scores[:, answered].mean())) if n else (None, None)
        plain = means[0] - means[1] if means[0] is not None and means[1] is not None else None
        return SliceDifference(
            group=part.group,
            name=part.name,
            n=n,
            score_a=means[0],
            score_b=means[1],
            difference=tested.difference if tested else plain,
            interval=tested.interval if tested else None,
            p=tested.p if tested else None,
        )

    def _narrow(self, part: Slice) -> tuple[dict[str, ArmData], Pairs]:
        """Return all arms on some of the rows: how much seeds vary there is learned from all of them, too."""
        if part.ids not in self._narrowed:
            here = np.array([key in part.ids for key in self._order], dtype=bool)
            arms = {name: _restricted(arm, here) for name, arm in self._arms.items()}
            self._narrowed[part.ids] = arms, Pairs(tuple(arms.values()), level=self._level)
        return self._narrowed[part.ids]

    def _trials(self, arm: str) -> list[TrialRecord]:
        key = self._arms[arm].key
        return [r for r in self._records if replace(r.key, seed=key.seed) == key]

    def _calibration(self, arm: str) -> Calibration | None:
        place = {key: index for index, key in enumerate(self._order)}
        measured = [t.measurement for t in self._trials(arm) if t.measurement is not None]
        sure, right = (np.full((len(measured), len(place)), np.nan) for _ in range(2))
        for seed, measurement in enumerate(measured):
            for result in measurement.results:
                if result.margin is not None and result.score is not None:
                    sure[seed, place[result.example_id]] = confidence(result.margin)
                    right[seed, place[result.example_id]] = result.score
        return calibration(sure, right, level=self._level) if measured else None

    def _confusions(self, arm: str) -> tuple[Confusion, ...]:
        if not self._labels:
            return ()
        known = set(self._labels)
        pairs: Counter[tuple[str, str]] = Counter()
        totals: Counter[str] = Counter()
        for trial in self._trials(arm):
            for result in trial.measurement.results if trial.measurement is not None else ():
                example = self._examples.get(result.example_id)
                if example is None or example.target is None or result.score is None:
                    continue
                totals[example.target] += 1
                answered = result.answer if result.answer in known else ANOTHER_TEXT
                if answered != example.target:
                    pairs[example.target, answered] += 1
        return tuple(
            Confusion(wanted=wanted, answered=answered, n=n, share=n / totals[wanted])
            for (wanted, answered), n in sorted(pairs.items(), key=lambda one: (-one[1], one[0]))
        )


def confidence(margin: float) -> float:
    """Return the best answer's share of the probability of the two best, from the difference of their logarithms."""
    return float(1 / (1 + np.exp(-min(700.0, max(-700.0, margin)))))


def _restricted(arm: ArmData, here: NDArray[np.bool_]) -> ArmData:
    """Return an arm on some of the rows. It stays scored where the whole arm is, as long as any answer is left."""
    scores = arm.scores[:, here]
    usable = arm.scored and scores.size > 0 and not bool(np.isnan(scores).all(axis=1).any())
    return replace(
        arm,
        summary=arm.summary if usable else replace(arm.summary, score=None),
        scores=scores,
        lenient=arm.lenient[:, here],
        free=arm.free[:, here],
        seed_means=np.nanmean(scores, axis=1) if usable else np.empty(0),
        clusters=None if arm.clusters is None else arm.clusters[here],
    )
