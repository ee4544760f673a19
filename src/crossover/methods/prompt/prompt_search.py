"""`prompt-search`: wordings × label words × layouts × demonstrations × prior, by successive halving on the labels."""

from __future__ import annotations

__all__ = ["PromptSearch"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, PromptedCandidate
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import folds
from crossover.methods.effort import Meter, allowance, planned_allowance
from crossover.methods.frozen import PRIOR_ROWS, best_of, label_scores, options
from crossover.methods.prompt.halving import RUNGS, Judge, Judged, chosen_among, halve, hold_against
from crossover.methods.prompt.population import Population
from crossover.methods.start import PROMPTED, begin
from crossover.methods.written import DEV_ROWS as WRITTEN_ROWS
from crossover.methods.written import written_score
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import KINDS, Configuration, Example, Family, Inputs, Kind, TaskSpec

_FIXED = 0.4
"""Share of the effort for programs with fixed demonstrations: their rows cost a tenth of those beside neighbours."""


class PromptSearch(Method):
    """Many programs, few rows each; the better half goes on with twice as many rows (successive halving, Jamieson &
    Talwalkar 2016, arXiv:1502.07943). Then the best of them is held against prompts with each input's nearest examples.

    A program is a wording, words for the labels, a layout, and demonstrations: none, a draw in some order, or each
    input's nearest ones. Programs are compared by the metric plus the right answer's probability, which tells more than
    accuracy on a few dozen rows, and needs no stronger model to propose anything. What `few-shot` and `knn-few-shot`
    begin with is always among them, and neighbours, which cost ten times as much to judge, are never dropped for what
    they do on a handful of rows.
    """

    name: ClassVar[str] = "prompt-search"
    family: ClassVar[Family] = "prompt"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score"})
    min_budget: ClassVar[int] = 4
    goes_on_from: ClassVar[tuple[Family, ...]] = PROMPTED
    summary: ClassVar[str] = "wordings, label words, demonstrations and their order, searched on the labels"

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
        """Search within the effort's token passes."""
        if model is None:
            raise TrialError("prompt-search needs a language model")
        meter = Meter(model)
        begun = begin(spec, start)
        with begun.put_on(model):
            bound = allowance(begun.bare, labelled, model, effort)
            order = [i for fold in folds(labelled, max(len(labelled) // RUNGS[0], 1), seed) for i in fold]
            judge = Judge(labelled, order, spec, metric, model, corrects=not begun.is_trained)
            programs = Population(begun, labelled, spec, model, seed)
            alive, tried = halve(programs.fixed(), judge, meter, _FIXED * bound)
            fixed = max(alive, key=lambda one: one.key)
            best, near = hold_against(fixed, programs.near(fixed.proposal), judge, meter, bound)
            tried += near
            # The dev score is that of the choice that was made: whoever came no further had no part in it.
            alive += near[:1] if len(near) == 1 else [one for one in near if len(one.rows) > RUNGS[0]]
            if best.proposal.program.is_open:
                candidate, dev_score = _written(best, labelled, spec, metric, model)
            else:
                others = () if begun.is_trained else unlabelled
                candidate = _labelled(best, labelled, others, spec, metric, model, corrects=not begun.is_trained)
                dev_score = chosen_among(alive)
        return Fitted(
            candidate=begun.with_adapter(candidate),
            tried=tuple(
                Configuration(
                    settings={**one.proposal.settings, "rows": len(one.rows), "key": round(one.key, 4)},
                    dev_score=dev_score if one is best and one.score is None else one.score,
                )
                for one in tried
            ),
            dev_score=dev_score,
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Its allowance, then the test, with demonstrations or neighbours."""
        shown = min(8, max(budget // 2, 1))
        added = shown * (shape.row + shape.answer)
        read = planned_allowance(shape, budget, effort)
        if shape.written:
            answered = min(budget, WRITTEN_ROWS) + shape.n_test
            return Cost(
                read=read + answered * shape.row,
                written=answered * shape.written,
                added=added,
                shown=added * 3 // 4,
                each=added // 2,
            )
        return Cost(
            read=read + shape.n_test * (shape.test_row + added // 2), added=added, shown=added * 3 // 4, each=added // 2
        )


def _written(
    best: Judged, labelled: Sequence[Example], spec: TaskSpec, metric: Metric, model: LanguageModel
) -> tuple[PromptedCandidate, float | None]:
    """Return the program as a candidate, and what it scores where it writes the answers to some rows itself."""
    program, rows = best.proposal.program, [labelled[i] for i in best.rows[:WRITTEN_ROWS]]
    score = written_score(program, rows, spec, metric, model, best.prompts[:WRITTEN_ROWS])
    return PromptedCandidate(program=program), score


def _labelled(
    best: Judged,
    labelled: Sequence[Example],
    unlabelled: Sequence[Inputs],
    spec: TaskSpec,
    metric: Metric,
    model: LanguageModel,
    *,
    corrects: bool,
) -> PromptedCandidate:
    """Return the program as a candidate, its label prior corrected or not, estimated on inputs without labels."""
    program = best.proposal.program
    of_prior = best.values if corrects else best.values[:0]
    # With neighbours in every prompt further rows cost too much: the dev rows' own inputs tell the prior.
    if unlabelled and program.retrieval is None:
        shown = [one.inputs for one in program.demonstrations]
        of_prior = label_scores(program, [one for one in unlabelled if one not in shown][:PRIOR_ROWS], model)
    rows = [labelled[i] for i in best.rows]
    return best_of(options(program, best.values, of_prior, rows, labelled, spec, metric)).candidate
