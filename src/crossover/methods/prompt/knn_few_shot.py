"""`knn-few-shot`: for each input its nearest labelled examples as demonstrations."""

from __future__ import annotations

__all__ = ["KnnFewShot"]

from collections.abc import Sequence
from typing import ClassVar

from crossover.candidate import Candidate, Demonstration, PromptedCandidate, PromptProgram
from crossover.candidate.program import LAYOUTS, Layout, Nearness
from crossover.candidate.prompted import scored_answers
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.beside import near_rows, nearer, prompts_beside, spread
from crossover.methods.effort import Meter
from crossover.methods.frozen import Option, best_of, options, score_of
from crossover.methods.start import PROMPTED, Beginning, begin
from crossover.methods.written import DEV_ROWS as WRITTEN_ROWS
from crossover.methods.written import SHOWN_TOKENS, layouts_for, likelihoods, shown_within, written_score
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import KINDS, Configuration, Example, Family, Inputs, Kind, TaskSpec

NEIGHBOURS = 8
DEV_ROWS = 32
_FEWEST_DEV_ROWS = 8


class KnnFewShot(Method):
    """8 nearest of the labelled examples, the nearest last (Liu et al. 2022, arXiv:2101.06804).

    Near by words or by the model's own hidden states, whichever agrees better with the labels. Dev scores are
    leave-one-out: a row is answered with the nearest of the others.
    """

    name: ClassVar[str] = "knn-few-shot"
    family: ClassVar[Family] = "prompt"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score"})
    min_budget: ClassVar[int] = 2
    goes_on_from: ClassVar[tuple[Family, ...]] = PROMPTED
    summary: ClassVar[str] = "for each input its 8 nearest labelled examples"

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
        """Score some labelled rows with the nearest of the others; keep whether the prior is corrected."""
        if model is None:
            raise TrialError("knn-few-shot needs a language model")
        meter = Meter(model)
        begun = begin(spec, start)
        choose = _write_knn if begun.program.is_open else _choose_knn
        with begun.put_on(model):
            candidate, tried, dev_score = choose(begun, labelled, spec, model, metric, effort, seed)
        return Fitted(
            candidate=begun.with_adapter(candidate),
            tried=tried,
            dev_score=dev_score,
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Labelled rows once for their states; every prompt has its own demonstrations."""
        k = min(NEIGHBOURS, budget)
        if shape.written:
            k = max(1, min(k, SHOWN_TOKENS // max(shape.row + shape.answer, 1)))
            prompt = (k + 1) * shape.row + k * shape.answer
            judged, answered = min(budget, WRITTEN_ROWS), min(budget, WRITTEN_ROWS) + shape.n_test
            return Cost(
                read=3 * judged * (prompt + shape.answer) + answered * prompt + 3 * shape.prefix + budget * shape.row,
                written=answered * shape.written,
                added=k * (shape.row + shape.answer),
                each=k * (shape.row + shape.answer),
            )
        row = (k + 1) * shape.row + k * shape.answer + shape.answer_tree
        dev = min(budget, _n_dev(effort))
        test_row = row - shape.row - shape.answer_tree + shape.test_row
        added = k * (shape.row + shape.answer)
        read = budget * shape.row + 2 * dev * row + shape.n_test * test_row + 3 * shape.prefix
        return Cost(read=read, added=added, each=added)


def _n_dev(effort: float) -> int:
    """Return how many labelled rows judge: all that is tried reads each of them below its own neighbours."""
    return max(round(DEV_ROWS * effort), _FEWEST_DEV_ROWS)


def _choose_knn(
    begun: Beginning,
    labelled: Sequence[Example],
    spec: TaskSpec,
    model: LanguageModel,
    metric: Metric,
    effort: float,
    seed: int,
) -> tuple[PromptedCandidate, tuple[Configuration, ...], float | None]:
    """Choose nearness by the neighbours' labels, then layout and prior on rows below the nearest of the others."""
    program = begun.bare
    pool = [Demonstration.of(e) for e in labelled]
    k = min(NEIGHBOURS, len(pool))
    dev = spread(labelled, _n_dev(effort), seed)
    by, found_near = nearer(labelled, spec, k, model)
    near = [found_near[i] for i in dev]
    rows = [labelled[i] for i in dev]
    found: list[Option] = []
    for layout in (program.layout,) if begun.is_trained else LAYOUTS:
        laid_out = program.in_layout(layout)
        prompts = prompts_beside(laid_out, rows, near, pool, model)
        logprobs = model.score(prompts, scored_answers(laid_out, model)).logprobs
        # The prior is read off the dev rows' inputs: with demonstrations in every prompt, more rows cost too much.
        of_prior = logprobs[:0] if begun.is_trained else logprobs
        found += options(laid_out.with_retrieval(pool, k, by), logprobs, of_prior, rows, labelled, spec, metric)
    tried = tuple(option.configuration(k=k, near_by=by) for option in found)
    return best_of(found).candidate, tried, score_of(found)


def _write_knn(
    begun: Beginning,
    labelled: Sequence[Example],
    spec: TaskSpec,
    model: LanguageModel,
    metric: Metric,
    effort: float,
    seed: int,
) -> tuple[PromptedCandidate, tuple[Configuration, ...], float | None]:
    """Choose layout and nearness by how likely the nearest of the others make a row's answer; answer the same rows."""
    program = begun.bare
    k = shown_within(labelled, program, model, NEIGHBOURS)
    pool = [Demonstration.of(e) for e in labelled]
    dev = spread(labelled, round(WRITTEN_ROWS * max(effort, 1)), seed)
    rows = [labelled[i] for i in dev]
    found: list[tuple[float, PromptProgram, list[tuple[int, ...]]]] = []

    def attempt(by: Nearness, layout: Layout, near: Sequence[Sequence[int]]) -> float:
        laid_out = program.in_layout(layout)
        prompts = prompts_beside(laid_out, rows, [near[i] for i in dev], pool, model)
        likely = float(likelihoods(laid_out, rows, model, prompts).mean())
        found.append((likely, laid_out.with_retrieval(pool, k, by), prompts))
        return likely

    near = near_rows(labelled, spec, k, model)
    by_words = {layout: attempt("words", layout, near["words"]) for layout in _layouts(begun, spec, labelled)}
    layout = max(by_words, key=lambda one: by_words[one])
    if "states" in near:
        attempt("states", layout, near["states"])
    _, best, prompts = max(found, key=lambda one: one[0])
    score = written_score(best, rows, spec, metric, model, prompts)
    tried = tuple(
        Configuration(
            settings={
                "k": k,
                "near_by": one.retrieval.by if one.retrieval else "words",
                "layout": one.layout,
                "log_likelihood": round(likely, 4),
            },
            dev_score=score if one is best else None,
        )
        for likely, one, _ in found
    )
    return PromptedCandidate(program=best), tried, score


def _layouts(begun: Beginning, spec: TaskSpec, labelled: Sequence[Example]) -> tuple[Layout, ...]:
    """Return the layouts to try: an adapter was trained in one, and is read in it."""
    return (begun.program.layout,) if begun.is_trained else layouts_for(spec, labelled)
