"""`few-shot`: the same solved examples in every prompt, chosen among a few seeded draws."""

from __future__ import annotations

__all__ = ["FewShot"]

import random
from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, Demonstration, PromptedCandidate, PromptProgram
from crossover.candidate.program import LAYOUTS, Layout
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import folds
from crossover.methods.effort import Meter, allowance
from crossover.methods.frozen import PRIOR_ROWS, Option, best_of, label_scores, options, score_of
from crossover.methods.written import DEV_ROWS as WRITTEN_ROWS
from crossover.methods.written import SHOWN_TOKENS, layouts_for, likelihoods, shown_within, written_score
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import KINDS, Configuration, Example, Family, Inputs, Kind, TaskSpec

DEMONSTRATIONS = 8
DRAWS = 2
DEV_ROWS = 32


class FewShot(Method):
    """Up to 8 demonstrations, labels spread evenly. Draws compete on labelled rows that are not among them."""

    name: ClassVar[str] = "few-shot"
    family: ClassVar[Family] = "prompt"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score"})
    min_budget: ClassVar[int] = 2
    is_core: ClassVar[bool] = True
    summary: ClassVar[str] = "up to 8 fixed demonstrations, the best of a few draws"

    def fit(
        self,
        spec: TaskSpec,
        labelled: Sequence[Example],
        unlabelled: Sequence[Inputs],
        *,
        model: LanguageModel | None,
        metric: Metric,
        effort: float,
        seed: int,
        start: Candidate | None = None,
    ) -> Fitted:
        """Choose the layout with the first draw, then the draw, and how the label prior is corrected."""
        if model is None:
            raise TrialError("few-shot needs a language model")
        meter = Meter(model)
        program = PromptProgram.default(spec)
        if program.is_open:
            draws = round(DRAWS * max(effort, 1))
            candidate, configurations, dev_score = _write_few_shot(program, labelled, spec, model, metric, draws, seed)
            return Fitted(
                candidate=candidate,
                tried=configurations,
                dev_score=dev_score,
                labels_used=len(labelled),
                token_passes=meter.token_passes,
                seconds=meter.seconds,
            )
        bound = allowance(program, labelled, model, effort)
        tried: list[Configuration] = []

        def try_draw(draw: _Draw, layout: Layout, prior_rows: int) -> list[Option]:
            demonstrated = program.in_layout(layout).with_demonstrations(
                [Demonstration.of(labelled[i]) for i in draw.shown]
            )
            rows = [labelled[i] for i in draw.dev]
            # A demonstration's own text would be answered by copying: it says nothing of the prior.
            shown = [labelled[i].inputs for i in draw.shown]
            others = [i for i in unlabelled if i not in shown][:prior_rows]
            logprobs = label_scores(demonstrated, [*(row.inputs for row in rows), *others], model)
            own, theirs = logprobs[: len(rows)], logprobs[len(rows) :]
            found = options(demonstrated, own, theirs if others else own, rows, labelled, spec, metric)
            tried.extend(o.configuration(demonstrations=[labelled[i].id for i in draw.shown]) for o in found)
            return found

        # While they compete, priors are read off the dev rows' own inputs: further rows would double the cost.
        first, *further = _draws(labelled, DEMONSTRATIONS, round(DRAWS * max(effort, 1)), seed)
        competed = [option for layout in LAYOUTS for option in try_draw(first, layout, 0)]
        best, winner = best_of(competed), first
        layout = best.candidate.program.layout
        for draw in further:
            if meter.token_passes >= bound:
                break
            rivals = try_draw(draw, layout, 0)
            competed += rivals
            if best_of(rivals).choice.key() > best.choice.key():
                best, winner = best_of(rivals), draw
        if unlabelled:
            best = best_of(try_draw(winner, layout, PRIOR_ROWS))
        return Fitted(
            candidate=best.candidate,
            tried=tuple(tried),
            dev_score=score_of(competed),
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Each draw's prefix with dev rows below it, the winner's once more with prior rows, then the test."""
        shown = min(DEMONSTRATIONS, max(budget // 2, 1))
        prefix = shape.prefix + shown * (shape.row + shape.answer)
        dev = min(budget - shown, DEV_ROWS)
        tried = round(DRAWS * max(effort, 1)) + 1  # the first draw in both layouts
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


class _Draw:
    def __init__(self, shown: Sequence[int], dev: Sequence[int]) -> None:
        self.shown = shown
        self.dev = dev


def _write_few_shot(
    program: PromptProgram,
    labelled: Sequence[Example],
    spec: TaskSpec,
    model: LanguageModel,
    metric: Metric,
    n_draws: int,
    seed: int,
) -> tuple[Candidate, tuple[Configuration, ...], float | None]:
    """Choose layout and draw by how likely they make the other rows' answers; answer some of these for a dev score."""
    k = shown_within(labelled, program, model, DEMONSTRATIONS)
    tried: list[tuple[float, PromptProgram, _Draw]] = []

    def try_draw(draw: _Draw, layout: Layout) -> float:
        shown = [Demonstration.of(labelled[i]) for i in draw.shown]
        demonstrated = program.in_layout(layout).with_demonstrations(shown)
        found = float(likelihoods(demonstrated, [labelled[i] for i in draw.dev], model).mean())
        tried.append((found, demonstrated, draw))
        return found

    first, *further = _draws(labelled, k, n_draws, seed)
    by_layout = {layout: try_draw(first, layout) for layout in layouts_for(spec, labelled)}
    layout = max(by_layout, key=lambda one: by_layout[one])
    for draw in further:
        try_draw(draw, layout)
    _, best, winner = max(tried, key=lambda one: one[0])
    dev = [labelled[i] for i in winner.dev[:WRITTEN_ROWS]]
    score = written_score(best, dev, spec, metric, model)
    configurations = tuple(
        Configuration(
            settings={
                "demonstrations": [labelled[i].id for i in draw.shown],
                "layout": one.layout,
                "log_likelihood": round(found, 4),
            },
            dev_score=score if one is best else None,
        )
        for found, one, draw in tried
    )
    return PromptedCandidate(program=best), configurations, score


def _draws(labelled: Sequence[Example], most: int, n: int, seed: int) -> list[_Draw]:
    """Return draws of up to `most` demonstrations and the rows that judge them; never a row on both sides."""
    k = min(most, max(len(labelled) // 2, 1))
    draws = []
    for draw in range(n):
        generator = random.Random(f"crossover.few-shot/{seed}/{draw}")
        parts = folds(labelled, max(len(labelled) // k, 1), seed * 1000 + draw)
        shown = max(reversed(parts), key=len)[:k]
        generator.shuffle(shown)
        rest = sorted(set(range(len(labelled))) - set(shown))
        dev = rest if len(rest) <= DEV_ROWS else sorted(generator.sample(rest, DEV_ROWS))
        draws.append(_Draw(shown, dev))
    return draws
