"""`knn-few-shot`: for each input its nearest labelled examples as demonstrations."""

from __future__ import annotations

__all__ = ["KnnFewShot"]

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from crossover.candidate import Candidate, Demonstration, PromptedCandidate, PromptProgram
from crossover.candidate.head import head_tokens
from crossover.candidate.neighbours import Neighbours, nearest_states
from crossover.candidate.program import LAYOUTS, Layout, Nearness
from crossover.candidate.prompted import prompt_tokens, scored_answers
from crossover.candidate.wording import joined
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.choosing import folds
from crossover.methods.effort import Meter
from crossover.methods.frozen import Option, best_of, options, score_of
from crossover.methods.written import DEV_ROWS as WRITTEN_ROWS
from crossover.methods.written import SHOWN_TOKENS, layouts_for, likelihoods, shown_within, written_score
from crossover.metrics import Metric
from crossover.model.base import Capability, LanguageModel
from crossover.records import KINDS, Configuration, Example, Family, Inputs, Kind, TaskSpec

NEIGHBOURS = 8
DEV_ROWS = 32


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
        program = PromptProgram.default(spec)
        pool = [Demonstration.of(e) for e in labelled]
        if program.is_open:
            candidate, tried, dev_score = _write_knn(program, labelled, spec, model, metric, effort, seed)
            return Fitted(
                candidate=candidate,
                tried=tried,
                dev_score=dev_score,
                labels_used=len(labelled),
                token_passes=meter.token_passes,
                seconds=meter.seconds,
            )
        k = min(NEIGHBOURS, len(pool))

        dev = _spread(labelled, round(DEV_ROWS * max(effort, 1)), seed)
        by, found_near = _nearer(labelled, spec, k, model)
        near = [found_near[i] for i in dev]
        rows = [labelled[i] for i in dev]
        found: list[Option] = []
        for layout in LAYOUTS:
            laid_out = program.in_layout(layout)
            prompts = []
            for row, neighbours in zip(rows, near, strict=True):
                shown = laid_out.with_demonstrations([pool[j] for j in reversed(neighbours)])
                prompts += prompt_tokens(shown, [row.inputs], model)
            logprobs = model.score(prompts, scored_answers(laid_out, model)).logprobs
            # The prior is read off the dev rows' inputs: with demonstrations in every prompt, more rows cost too much.
            found += options(laid_out.with_retrieval(pool, k, by), logprobs, logprobs, rows, labelled, spec, metric)
        best = best_of(found)
        return Fitted(
            candidate=best.candidate,
            tried=tuple(option.configuration(k=k, near_by=by) for option in found),
            dev_score=score_of(found),
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """Every prompt has its own demonstrations."""
        k = min(NEIGHBOURS, budget)
        if shape.written:
            k = max(1, min(k, SHOWN_TOKENS // max(shape.row + shape.answer, 1)))
            prompt = (k + 1) * shape.row + k * shape.answer
            judged, answered = min(budget, WRITTEN_ROWS), min(budget, WRITTEN_ROWS) + shape.n_test
            return Cost(
                read=3 * judged * (prompt + shape.answer) + answered * prompt + 3 * shape.prefix,
                written=answered * shape.written,
                added=k * (shape.row + shape.answer),
            )
        row = (k + 1) * shape.row + k * shape.answer + shape.answer_tree
        dev = min(budget, round(DEV_ROWS * max(effort, 1)))
        test_row = row - shape.row - shape.answer_tree + shape.test_row
        added = k * (shape.row + shape.answer)
        return Cost(read=2 * dev * row + shape.n_test * test_row + 3 * shape.prefix, added=added)


def _write_knn(
    program: PromptProgram,
    labelled: Sequence[Example],
    spec: TaskSpec,
    model: LanguageModel,
    metric: Metric,
    effort: float,
    seed: int,
) -> tuple[Candidate, tuple[Configuration, ...], float | None]:
    """Choose layout and nearness by how likely the nearest of the others make a row's answer; answer the same rows."""
    k = shown_within(labelled, program, model, NEIGHBOURS)
    pool = [Demonstration.of(e) for e in labelled]
    dev = _spread(labelled, round(WRITTEN_ROWS * max(effort, 1)), seed)
    rows = [labelled[i] for i in dev]
    found: list[tuple[float, PromptProgram, list[tuple[int, ...]]]] = []

    def attempt(by: Nearness, layout: Layout, near: Sequence[Sequence[int]]) -> float:
        laid_out = program.in_layout(layout)
        prompts = []
        for i, row in zip(dev, rows, strict=True):
            shown = laid_out.with_demonstrations([pool[j] for j in reversed(near[i])])
            prompts += prompt_tokens(shown, [row.inputs], model)
        likely = float(likelihoods(laid_out, rows, model, prompts).mean())
        found.append((likely, laid_out.with_retrieval(pool, k, by), prompts))
        return likely

    near = _near(labelled, spec, k, model)
    by_words = {layout: attempt("words", layout, near["words"]) for layout in layouts_for(spec, labelled)}
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


def _nearer(
    labelled: Sequence[Example], spec: TaskSpec, k: int, model: LanguageModel
) -> tuple[Nearness, list[list[int]]]:
    """Return what is near, words or the model's states, and each row's k nearest others by it.

    Taken is that by which more of a row's neighbours have the row's own label: demonstrations help by their labels.
    """
    near = _near(labelled, spec, k, model)
    same = {
        by: sum(labelled[j].target == labelled[i].target for i, row in enumerate(rows) for j in row)
        for by, rows in near.items()
    }
    best = max(near, key=lambda by: same[by])
    return best, near[best]


def _near(labelled: Sequence[Example], spec: TaskSpec, k: int, model: LanguageModel) -> dict[Nearness, list[list[int]]]:
    """Return each row's k nearest others, nearest first, by words and, where the model can, by its states."""
    texts = [joined(e.inputs, spec.input_fields) for e in labelled]
    everyone = range(len(labelled))
    near: dict[Nearness, list[list[int]]] = {"words": Neighbours(texts).nearest(texts, k, without=everyone)}
    if "embed" in model.capabilities:
        states = model.embed([head_tokens(model, e.inputs, spec.input_fields) for e in labelled])
        near["states"] = nearest_states(states, states, k, without=everyone)
    return near


def _spread(rows: Sequence[Example], n: int, seed: int) -> list[int]:
    """Return up to n row indices, labels spread evenly."""
    if len(rows) <= n:
        return list(range(len(rows)))
    parts = folds(rows, -(-len(rows) // n), seed)
    return sorted(np.concatenate(parts[:1]).astype(int).tolist())[:n]
