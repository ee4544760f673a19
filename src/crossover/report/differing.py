"""Where two arms differ, as `crossover diff` prints it."""

from __future__ import annotations

__all__ = ["answer_words", "diff_text", "differ_sentence"]

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from crossover.report.text import DASH, clean, interval, one_line, score, shorten, signed_points
from crossover.verdict.diff import ArmSide, Diff, Disagreement, SliceDifference, shown_disagreements
from crossover.verdict.figures import p_value
from crossover.verdict.outcomes import Outcome
from crossover.verdict.slices import of_rows_alone

NAME_LENGTH = 32
FEWEST_CHARACTERS = 12
PART_LENGTH = 34
SLICES_LIMIT = 40
CONFUSIONS_LIMIT = 6
TEXT_LENGTH = 300
ANSWER_LENGTH = 120


def diff_text(diff: Diff, *, examples: bool = True, limit: int = 5) -> RenderableType:
    """Return the headline, the rows that one arm alone gets, slices, confusions, calibration and examples.

    Args:
        diff: two arms of a study.
        examples: whether the test's texts are shown.
        limit: most examples of each side.
    """
    parts: list[RenderableType] = [_headline(diff), "", _counts(diff)]
    groups = dict.fromkeys(one.group for one in diff.slices if examples or not of_rows_alone(one.group))
    hidden = dict.fromkeys(one.group for one in diff.slices if one.group not in groups)
    for group in groups:
        parts += ["", _slice_table(diff, group)]
    if any(one.p is not None for one in diff.slices if one.group in groups):
        note = "* surely differs here, corrected for all lines of its table. Each interval by itself holds 95%."
        parts += ["", Text(note, style="dim")]
    if hidden:
        parts += ["", Text(f"left out by --no-examples: {', '.join(map(one_line, hidden))}", style="dim")]
    for table in (_confusions(diff), _calibration(diff)):
        parts += ["", table] if table is not None else []
    if examples and limit:
        parts += _examples(diff, limit)
    return Group(*parts)


def differ_sentence(diff: Diff) -> str:
    """Return on how many rows each of two arms alone is right."""
    a, b = named(diff.a), named(diff.b)
    verb = "is 20 points or more ahead on" if diff.graded else "alone gets"
    return f"Of {diff.n_test:,} test rows {a} {verb} {diff.only_a:,}, {b} {diff.only_b:,}."


def named(side: ArmSide) -> str:
    """Return an arm's name for a heading: a long method is cut, what stands behind it is not."""
    method, at, rest = one_line(side.arm).partition("@")
    return shorten(method, max(NAME_LENGTH - len(rest), FEWEST_CHARACTERS)) + at + rest


def _headline(diff: Diff) -> Text:
    sides = [f"{named(one)} {score(one.score)} {interval(one.interval)}".strip() for one in (diff.a, diff.b)]
    said = f"{sides[0]} against {sides[1]}:"
    if diff.difference is None:
        return Text(f"{said} not compared: trials of one failed, or over 1% of its answers are missing.")
    seeds = "1 seed" if diff.seeds == 1 else f"{diff.seeds} seeds"
    of_one = " This speaks of one candidate, not of its method." if diff.candidate_only else ""
    tested = f", {p_value(diff.p)}" if diff.p is not None else ""
    return Text.assemble(
        (f"{said} ", ""),
        (f"{signed_points(diff.difference, diff.interval)} points", "bold"),
        f"{tested}, {seeds}, {diff.n_test:,} test rows.{of_one}",
    )


def _counts(diff: Diff) -> RenderableType:
    a, b = named(diff.a), named(diff.b)
    lines = (
        [
            (f"{a} is ahead by 20 points or more", diff.only_a),
            (f"{b} is ahead by 20 points or more", diff.only_b),
            ("about the same", diff.both),
        ]
        if diff.graded
        else [(f"only {a}", diff.only_a), (f"only {b}", diff.only_b), ("both", diff.both), ("neither", diff.neither)]
    )
    if diff.unanswered:
        lines.append(("without an answer of one of them", diff.unanswered))
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("who has it right" if not diff.graded else "who is ahead", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    for name, count in lines:
        table.add_row(Text(name), f"{count:,}")
    return Padding(table, (0, 0, 0, 2))


def _slice_table(diff: Diff, group: str) -> RenderableType:
    own = [one for one in diff.slices if one.group == group]
    shown = sorted(own, key=_clearest)[:SLICES_LIMIT] if len(own) > SLICES_LIMIT else own
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column(Text(shorten(one_line(group), PART_LENGTH)), overflow="fold")
    for heading in ("rows", "first", "second"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("points", no_wrap=True)
    for one in shown:
        mark = " *" if one.p is not None and one.p < 0.05 else ""
        points = signed_points(one.difference, one.interval) + mark
        table.add_row(
            Text(shorten(one_line(one.name), PART_LENGTH)), f"{one.n:,}", score(one.score_a), score(one.score_b), points
        )
    if len(own) > len(shown):
        table.add_row(Text(f"and {len(own) - len(shown):,} more (--json lists all)", style="dim"), "", "", "", "")
    return Padding(table, (0, 0, 0, 2))


def _clearest(one: SliceDifference) -> tuple[float, float]:
    return (1.0 if one.p is None else one.p, -abs(one.difference or 0.0))


def _confusions(diff: Diff) -> RenderableType | None:
    if not diff.a.confusions and not diff.b.confusions:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("takes", no_wrap=True)
    table.add_column("for", overflow="fold")
    table.add_column("answers", justify="right", no_wrap=True)
    table.add_column("of its rows", justify="right", no_wrap=True)
    for side in (diff.a, diff.b):
        if side.score is None:
            continue
        more = len(side.confusions) - CONFUSIONS_LIMIT
        table.add_row(Text(named(side), style="bold"), "", "", "")
        for one in side.confusions[:CONFUSIONS_LIMIT]:
            table.add_row(
                Text(f"  {shorten(one_line(one.wanted), NAME_LENGTH)}"),
                Text(shorten(one_line(one.answered), NAME_LENGTH)),
                f"{one.n:,}",
                f"{one.share:.0%}",
            )
        if more > 0:
            table.add_row(Text(f"  and {more:,} more", style="dim"), "", "", "")
        if not side.confusions:
            table.add_row("  nothing", "", "", "")
    return Padding(table, (0, 0, 0, 2))


def _calibration(diff: Diff) -> RenderableType | None:
    sides = [side for side in (diff.a, diff.b) if side.calibration is not None]
    if not sides:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for heading in ("calibration", "error", "by chance"):
        table.add_column(heading, justify="left" if heading == "calibration" else "right", no_wrap=True)
    table.add_column("said → right")
    for side in sides:
        found = side.calibration
        assert found is not None
        curve = ", ".join(f"{score(one.confidence)} → {score(one.score)}" for one in found.bins)
        table.add_row(Text(named(side)), score(found.error), score(found.by_chance), curve)
    note = "Said: the best answer's share of the two best answers' probability; of a text, at its least sure token."
    return Group(Padding(table, (0, 0, 0, 2)), Text(note, style="dim"))


def _examples(diff: Diff, limit: int) -> list[RenderableType]:
    shown = shown_disagreements(diff, limit)
    parts: list[RenderableType] = []
    for winner, side, total in (("a", diff.a, diff.only_a), ("b", diff.b, diff.only_b)):
        mine = [one for one in shown if one.winner == winner]
        if mine:
            verb = "ahead" if diff.graded else "right"
            first = f", the first {len(mine)}" if total > len(mine) else ""
            title = f"{verb} only with {named(side)}: {total:,} {'row' if total == 1 else 'rows'}{first}"
            parts += ["", Text(title, style="bold"), *(line for one in mine for line in _example(one, diff))]
    return parts


def _example(one: Disagreement, diff: Diff) -> Sequence[RenderableType]:
    several = len(one.inputs) > 1
    said = " · ".join((f"{one_line(k)}: " if several else "") + one_line(text) for k, text in one.inputs.items())
    answers = ((named(diff.a), one.outcome_a), (named(diff.b), one.outcome_b))
    told = "   ".join(f"{name}: {answer_words(outcome, graded=diff.graded)}" for name, outcome in answers)
    wanted = DASH if one.target is None else shorten(one_line(one.target), ANSWER_LENGTH)
    return (
        Padding(Text(f"row {one.row:,}: {shorten(said, TEXT_LENGTH)}"), (0, 0, 0, 2)),
        Padding(Text(f"wanted: {wanted}   {told}", style="dim"), (0, 0, 0, 4)),
    )


def answer_words(outcome: Outcome, *, graded: bool, limit: int = ANSWER_LENGTH) -> str:
    """Return an arm's most frequent answer, its score where that is graded, and how often it came where seeds vary."""
    answer = DASH if outcome.answer is None else shorten(one_line(clean(outcome.answer)), limit)
    times = "" if outcome.times == outcome.seeds else f" ({outcome.times} of {outcome.seeds} seeds)"
    return f"{score(outcome.score)} · {answer}{times}" if graded else f"{answer}{times}"
