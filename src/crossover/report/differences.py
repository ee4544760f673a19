"""Where the compared arms differ, for the page: pairs, test rows, slices, confusions, calibration."""

from __future__ import annotations

__all__ = [
    "ComparedArm",
    "Differences",
    "PairRow",
    "RowCell",
    "SideRows",
    "SliceRow",
    "TestRow",
    "where_they_differ",
]

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from markupsafe import escape

from crossover.records import Arm, Example, Family, TrialRecord, Verdict
from crossover.report.calibrated import Drawing, drawing
from crossover.report.differing import answer_words
from crossover.report.series import names
from crossover.report.text import DASH, clean, count, one_line, score, shorten, signed_points
from crossover.verdict.diff import ArmSide, SliceDifference
from crossover.verdict.differ import Differing
from crossover.verdict.figures import n_labels
from crossover.verdict.outcomes import GETS, Outcome
from crossover.verdict.sides import compared_arms
from crossover.verdict.slices import of_rows_alone

TEXT_LIMIT = 600
ANSWER_LIMIT = 160
ROWS_LIMIT = 400
BYTES_LIMIT = 190_000
"""Of all test rows on the page, as HTML."""
ROW_BYTES, CELL_BYTES = 190, 150
"""About what the markup of one row takes, and of each arm's answer in it, beside the texts."""
SLICES_LIMIT = 200
CONFUSIONS_LIMIT = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedArm:
    """An arm whose rows are shown: the column's heading, and what draws its mark."""

    name: str
    family: Family


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRow:
    """Two arms: their difference in points, and the rows that one, the other, both or neither gets."""

    first: ComparedArm
    second: ComparedArm
    difference: str
    only_first: str
    only_second: str
    both: str
    neither: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCell:
    """One arm's answer to one test row; `score` is None where it gave none."""

    text: str
    score: float | None

    @property
    def mark(self) -> str:
        """What tells right from wrong without colour."""
        return "" if self.score is None else "✓" if self.score >= GETS else "✗"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRow:
    """One test row with the answers of the compared arms, in their order. `label` is its place among the labels."""

    row: int
    inputs: tuple[tuple[str, str], ...]
    target: str
    label: int | None
    cells: tuple[RowCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRow:
    """One label, third or part of a column: rows, the two scores, and their difference in points."""

    group: str
    name: str
    n: int
    first: str
    second: str
    difference: str
    surely: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRows:
    """One arm by itself: its confusions, the first as (wanted, answered, answers, share); its reliability curve."""

    arm: ComparedArm
    confused: int
    confusions: tuple[tuple[str, str, str, str], ...]
    calibration: Drawing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """The section's content.

    Attributes:
        arms: that are compared: the nominees, the best baseline, the recommended.
        pairs: every two of them.
        graded: scores lie between right and wrong.
        labels: names for the filter; empty where answers are no labels.
        rows: test rows that one of the arms misses; empty where the page leaves texts out.
        total: how many such rows there are.
        sliced: the first pair on each slice.
        slices_total: how many slices there are.
        sides: each arm by itself.
    """

    arms: tuple[ComparedArm, ...]
    pairs: tuple[PairRow, ...]
    graded: bool
    labels: tuple[str, ...]
    rows: tuple[TestRow, ...]
    total: int
    sliced: tuple[SliceRow, ...]
    slices_total: int
    sides: tuple[SideRows, ...]

    @property
    def confused(self) -> bool:
        """Whether any arm took one label for another."""
        return any(side.confusions for side in self.sides)

    @property
    def calibrated(self) -> bool:
        """Whether any arm has a reliability curve."""
        return any(side.calibration for side in self.sides)


def where_they_differ(
    verdict: Verdict, records: Sequence[TrialRecord], examples: Mapping[str, Example], *, texts: bool = True
) -> Differences | None:
    """Return where the nominees, the best baseline and the recommended arm differ; None with fewer than two of them.

    Args:
        verdict: what follows from `records`.
        records: all trials of the study.
        examples: test rows by id.
        texts: whether the rows' texts are shown.
    """
    differing = Differing(records, tuple(examples.values()), labels=verdict.task.labels)
    chosen = [arm for arm in compared_arms(verdict) if arm.arm in differing.arms and differing.outcomes(arm.arm)]
    if len(chosen) < 2:
        return None
    called = _called(verdict, chosen)
    shown = {arm.arm: ComparedArm(name=called[arm.arm], family=arm.family) for arm in chosen}
    arms = tuple(shown)
    graded = differing.is_graded(*arms)
    pairs = []
    for a, b in combinations(arms, 2):
        found = differing.diff(a, b)
        pairs.append(
            PairRow(
                first=shown[a],
                second=shown[b],
                difference=signed_points(found.difference, found.interval),
                only_first=count(found.only_a),
                only_second=count(found.only_b),
                both=count(found.both),
                neither=DASH if graded else count(found.neither),
            )
        )
    labels = tuple(verdict.task.labels)
    missed = _missed(differing, arms, examples)
    rows = _rows(missed, differing, arms, examples, labels, graded=graded) if texts else ()
    sliced = [one for one in differing.sliced(arms[0], arms[1]) if texts or not of_rows_alone(one.group)]
    return Differences(
        arms=tuple(shown.values()),
        pairs=tuple(pairs),
        graded=graded,
        labels=tuple(shorten(one_line(label), ANSWER_LIMIT) for label in labels),
        rows=rows,
        total=len(missed),
        sliced=tuple(_slice_row(one) for one in sliced[:SLICES_LIMIT]),
        slices_total=len(sliced),
        sides=tuple(_side(differing.side(arm), shown[arm]) for arm in arms),
    )


def _called(verdict: Verdict, arms: Sequence[Arm]) -> dict[str, str]:
    """Return short names; with the number of labels where two would be called the same."""
    called = names(verdict)
    several = [called[arm.arm] for arm in arms]
    twice = {name for name in several if several.count(name) > 1}
    with_labels = {arm.arm: f"{called[arm.arm]}, {n_labels(arm.budget)}" for arm in arms}
    return {arm.arm: with_labels[arm.arm] if called[arm.arm] in twice else called[arm.arm] for arm in arms}


def _missed(differing: Differing, arms: Sequence[str], examples: Mapping[str, Example]) -> list[str]:
    """Return the rows that one of the arms misses, such that the first of them hold every pattern of who gets what."""
    patterns: dict[tuple[bool, ...], list[str]] = defaultdict(list)
    for key in examples:
        found = [differing.outcomes(arm).get(key) for arm in arms]
        scores = [None if one is None else one.score for one in found]
        if not all(value is None or value >= 1.0 for value in scores):
            patterns[tuple(value is not None and value >= GETS for value in scores)].append(key)
    # Rows that no arm gets say the least about how the arms differ: they come after the others.
    queues = [keys for pattern, keys in sorted(patterns.items()) if any(pattern)]
    last = [key for pattern, keys in patterns.items() if not any(pattern) for key in keys]
    longest = max(map(len, queues), default=0)
    return [keys[place] for place in range(longest) for keys in queues if place < len(keys)] + last


def _rows(
    missed: Sequence[str],
    differing: Differing,
    arms: Sequence[str],
    examples: Mapping[str, Example],
    labels: Sequence[str],
    *,
    graded: bool,
) -> tuple[TestRow, ...]:
    """Return the first of the missed rows that the page has room for, in the file's order."""
    places = {label: place for place, label in enumerate(labels)}
    found: list[TestRow] = []
    room = BYTES_LIMIT
    for key in missed[:ROWS_LIMIT]:
        example = examples[key]
        target = DASH if example.target is None else shorten(clean(example.target), ANSWER_LIMIT)
        row = TestRow(
            row=example.row,
            inputs=tuple((one_line(name), shorten(clean(text), TEXT_LIMIT)) for name, text in example.inputs.items()),
            target=target,
            label=places.get(example.target or ""),
            cells=tuple(_cell(differing.outcomes(arm).get(key), graded=graded) for arm in arms),
        )
        room -= _bytes(row)
        if room < 0 and found:
            break
        found.append(row)
    return tuple(sorted(found, key=lambda row: row.row))


def _bytes(row: TestRow) -> int:
    texts = [row.target, *(cell.text for cell in row.cells), *(part for pair in row.inputs for part in pair)]
    return ROW_BYTES + CELL_BYTES * len(row.cells) + sum(len(str(escape(text)).encode()) for text in texts)


def _cell(outcome: Outcome | None, *, graded: bool) -> RowCell:
    if outcome is None:
        return RowCell(text="no answer", score=None)
    return RowCell(text=answer_words(outcome, graded=graded, limit=ANSWER_LIMIT), score=round(outcome.score, 4))


def _slice_row(one: SliceDifference) -> SliceRow:
    return SliceRow(
        group=one_line(one.group),
        name=shorten(one_line(one.name), ANSWER_LIMIT),
        n=one.n,
        first=score(one.score_a),
        second=score(one.score_b),
        difference=signed_points(one.difference, one.interval),
        surely=one.p is not None and one.p < 0.05,
    )


def _side(side: ArmSide, arm: ComparedArm) -> SideRows:
    confusions = tuple(
        (
            shorten(one_line(one.wanted), ANSWER_LIMIT),
            shorten(one_line(one.answered), ANSWER_LIMIT),
            count(one.n),
            f"{one.share:.0%}",
        )
        for one in side.confusions[:CONFUSIONS_LIMIT]
    )
    found = side.calibration
    return SideRows(
        arm=arm,
        confused=len(side.confusions),
        confusions=confusions,
        calibration=drawing(found) if found is not None else None,
    )
