"""Fixed demonstrations: a few draws compete on labelled rows that are not among them."""

from __future__ import annotations

__all__ = ["DEV_ROWS", "DRAWS", "SHOWN", "Draw", "choose_shown", "judged_by", "shown_cost"]

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crossover.candidate import Demonstration, PromptedCandidate
from crossover.candidate.program import LAYOUTS, Layout
from crossover.methods.base import Cost, Fitted, Shape
from crossover.methods.effort import Meter, allowance
from crossover.methods.frozen import PRIOR_ROWS, Option, best_of, label_scores, options, score_of
from crossover.methods.start import Beginning
from crossover.methods.written import DEV_ROWS as WRITTEN_ROWS
from crossover.methods.written import SHOWN_TOKENS, layouts_for, likelihoods, shown_within, written_score
from crossover.metrics import Metric
from crossover.model.base import LanguageModel
from crossover.records import Configuration, Example, Inputs, TaskSpec

SHOWN = 8
"""Most demonstrations in a prompt."""

DRAWS = 2
DEV_ROWS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Rows that are shown, in this order, and rows that judge them; never a row on both sides. Indices."""

    shown: tuple[int, ...]
    dev: tuple[int, ...]


Drawing = Callable[[int], Sequence[Draw]]
"""Gives draws of up to so many demonstrations; the first one is tried in every layout."""


def judged_by(n_rows: int, shown: Sequence[int], generator: random.Random) -> Draw:
    """Return a draw: the rows that are shown, and up to 32 of the others to judge them by."""
    rest = sorted(set(range(n_rows)) - set(shown))
    dev = rest if len(rest) <= DEV_ROWS else sorted(generator.sample(rest, DEV_ROWS))
    return Draw(shown=tuple(shown), dev=tuple(dev))


def choose_shown(
    draw: Drawing,
    begun: Beginning,
    labelled: Sequence[Example],
    unlabelled: Sequence[Inputs],
    spec: TaskSpec,
    model: LanguageModel,
    metric: Metric,
    effort: float,
) -> Fitted:
    """Choose the layout with the first draw, then the draw, and how the label prior is corrected."""
    meter = Meter(model)
    with begun.put_on(model):
        if begun.program.is_open:
            candidate, tried, dev_score = _write_shown(draw, begun, labelled, spec, model, metric)
        else:
            bound = allowance(begun.bare, labelled, model, effort)
            candidate, tried, dev_score = _label_shown(
                draw, begun, labelled, unlabelled, spec, model, metric, lambda: meter.token_passes < bound
            )
    return Fitted(
        candidate=begun.with_adapter(candidate),
        tried=tried,
        dev_score=dev_score,
        labels_used=len(labelled),
        token_passes=meter.token_passes,
        seconds=meter.seconds,
    )


def _label_shown(
    draw: Drawing,
    begun: Beginning,
    labelled: Sequence[Example],
    unlabelled: Sequence[Inputs],
    spec: TaskSpec,
    model: LanguageModel,
    metric: Metric,
    may_go_on: Callable[[], bool],
) -> tuple[PromptedCandidate, tuple[Configuration, ...], float | None]:
    tried: list[Configuration] = []

    def attempt(one: Draw, layout: Layout, prior_rows: int) -> list[Option]:
        demonstrated = begun.bare.in_layout(layout).with_demonstrations(
            [Demonstration.of(labelled[i]) for i in one.shown]
        )
        rows = [labelled[i] for i in one.dev]
        # A demonstration's own text would be answered by copying: it says nothing of the prior.
        shown = [labelled[i].inputs for i in one.shown]
        others = [i for i in unlabelled if i not in shown][:prior_rows]
        logprobs = label_scores(demonstrated, [*(row.inputs for row in rows), *others], model)
        own, theirs = logprobs[: len(rows)], logprobs[len(rows) :]
        of_prior = logprobs[:0] if begun.is_trained else theirs if others else own
        found = options(demonstrated, own, of_prior, rows, labelled, spec, metric)
        tried.extend(o.configuration(demonstrations=[labelled[i].id for i in one.shown]) for o in found)
        return found

    # While they compete, priors are read off the dev rows' own inputs: further rows would double the cost.
    layouts = (begun.program.layout,) if begun.is_trained else LAYOUTS
    first, *further = draw(SHOWN)
    competed = [option for layout in layouts for option in attempt(first, layout, 0)]
    best, winner = best_of(competed), first
    layout = best.candidate.program.layout
    for one in further:
        if not may_go_on():
            break
        rivals = attempt(one, layout, 0)
        competed += rivals
        if best_of(rivals).choice.key() > best.choice.key():
            best, winner = best_of(rivals), one
    if unlabelled and not begun.is_trained:
        best = best_of(attempt(winner, layout, PRIOR_ROWS))
    return best.candidate, tuple(tried), score_of(competed)


def _write_shown(
    draw: Drawing, begun: Beginning, labelled: Sequence[Example], spec: TaskSpec, model: LanguageModel, metric: Metric
) -> tuple[PromptedCandidate, tuple[Configuration, ...], float | None]:
    """Choose layout and draw by how likely they make the other rows' answers; answer some of these for a dev score."""
    program = begun.bare
    found: list[tuple[float, PromptedCandidate, Draw]] = []

    def attempt(one: Draw, layout: Layout) -> float:
        shown = [Demonstration.of(labelled[i]) for i in one.shown]
        demonstrated = program.in_layout(layout).with_demonstrations(shown)
        likely = float(likelihoods(demonstrated, [labelled[i] for i in one.dev], model).mean())
        found.append((likely, PromptedCandidate(program=demonstrated), one))
        return likely

    first, *further = draw(shown_within(labelled, program, model, SHOWN))
    layouts = (program.layout,) if begun.is_trained else layouts_for(spec, labelled)
    by_layout = {layout: attempt(first, layout) for layout in layouts}
    layout = max(by_layout, key=lambda one: by_layout[one])
    for one in further:
        attempt(one, layout)
    _, best, winner = max(found, key=lambda one: one[0])
    score = written_score(best.program, [labelled[i] for i in winner.dev[:WRITTEN_ROWS]], spec, metric, model)
    configurations = tuple(
        Configuration(
            settings={
                "demonstrations": [labelled[i].id for i in one.shown],
                "layout": candidate.program.layout,
                "log_likelihood": round(likely, 4),
            },
            dev_score=score if candidate is best else None,
        )
        for likely, candidate, one in found
    )
    return best, configurations, score


def shown_cost(shape: Shape, budget: int, n_draws: int) -> Cost:
    """Return the cost of so many draws: each draw's prefix with dev rows below it, then prior rows, then the test."""
    shown = min(SHOWN, max(budget // 2, 1))
    prefix = shape.prefix + shown * (shape.row + shape.answer)
    dev = min(budget - shown, DEV_ROWS)
    tried = n_draws + 1  # the first draw in both layouts
    if shape.written:
        shown = max(1, min(shown, SHOWN_TOKENS // max(shape.row + shape.answer, 1)))
        prefix = shape.prefix + shown * (shape.row + shape.answer)
        read = (tried + 1) * (prefix + min(dev, DEV_ROWS) * (shape.row + shape.answer))
        answered = min(dev, WRITTEN_ROWS) + shape.n_test
        read += 2 * prefix + answered * shape.row
        return Cost(read=read, written=answered * shape.written, added=prefix - shape.prefix)
    row = shape.row + shape.answer_tree
    read = tried * (prefix + dev * row) + prefix + (dev + PRIOR_ROWS) * row
    return Cost(read=read + prefix + shape.n_test * shape.test_row, added=prefix - shape.prefix)
