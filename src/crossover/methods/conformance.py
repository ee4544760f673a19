"""The conformance suite: what every method keeps, ours and those of other packages. Call it from a test."""

from __future__ import annotations

__all__ = ["check"]

import dataclasses
from collections.abc import Sequence

from crossover.candidate import (
    Candidate,
    ConstantCandidate,
    CopiedCandidate,
    HeadCandidate,
    LinearCandidate,
    NearestCandidate,
    PromptedCandidate,
    predict,
)
from crossover.candidate.files import candidate_from_parts
from crossover.candidate.program import PromptProgram
from crossover.methods.base import Fitted, Method, Shape
from crossover.methods.effort import allowance
from crossover.metrics import get_metric
from crossover.model.base import LanguageModel
from crossover.records import FAMILIES, KINDS, Example, TaskSpec

_CLOSED = (
    ConstantCandidate,
    CopiedCandidate,
    HeadCandidate,
    LinearCandidate,
    NearestCandidate,
    PromptedCandidate,
)
_SLACK = 2.0
"""Effort is an allowance by estimate: a method may pass it by what its last configuration costs."""


def check(
    method: Method, model: LanguageModel, spec: TaskSpec, rows: Sequence[Example], *, effort: float = 0.1
) -> Fitted:
    """Check a method against the contract in `Method`'s docstring on a small task. Return what it fitted.

    Args:
        method: the method.
        model: a small model; what it was able to do before, it must be able to do after.
        spec: a task of a kind that the method serves.
        rows: at least 24 labelled examples, every label among them; the first 16 are the budget.
        effort: effort to fit with.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    _require(bool(method.name) and bool(method.summary), "it has a name and a summary")
    _require(method.family in FAMILIES, f"its family is one of {FAMILIES}")
    _require(set(method.kinds) <= set(KINDS), "its kinds are known kinds")
    labelled, held_out = rows[:16], rows[16:]
    unlabelled = [row.inputs for row in rows]
    reason = method.unsuitable(spec, len(labelled), model.capabilities)
    _require(reason is None, f"it can serve the task: {reason}")
    too_few = method.unsuitable(spec, method.min_budget - 1, model.capabilities)
    _require(method.min_budget == 0 or too_few is not None, "it refuses a budget below its least")

    prompt = model.render(PromptProgram.default(spec).prompts([rows[0].inputs])[0])
    before = model.score([prompt], [model.completion("a")]).logprobs
    copies = [dataclasses.replace(row, inputs=dict(row.inputs)) for row in labelled]
    metric = get_metric(spec.metric)

    def fit() -> Fitted:
        return method.fit(spec, labelled, unlabelled, model=model, metric=metric, effort=effort, seed=3)

    fitted = fit()
    _require(list(labelled) == copies, "it leaves its rows as they were")
    _require(isinstance(fitted.candidate, _CLOSED), "its candidate is of the closed set of types")
    _require(0 <= fitted.labels_used <= len(labelled), "it uses no more labels than its budget")
    _require(len(fitted.tried) >= 1, "it reports what it tried")
    _require(fitted.dev_score is None or 0 <= fitted.dev_score <= 1, "its dev score lies in 0..1")
    allowed = allowance(PromptProgram.default(spec), labelled, model, max(effort, 1.0))
    _require(fitted.token_passes <= _SLACK * allowed, f"it keeps to its effort: {fitted.token_passes} of {allowed}")
    after = model.score([prompt], [model.completion("a")]).logprobs
    _require(abs(before - after).max() < 1e-4, "it leaves the model as it found it")

    first = _answers(fitted.candidate, held_out, model)
    if spec.labels:
        _require(all(a in spec.labels for a in first), "it answers with labels of the task")
    else:
        _require(all(isinstance(a, str) for a in first), "it answers every input with a text")
    _require(_answers(fit().candidate, held_out, model) == first, "the same seed gives the same candidate")
    again = candidate_from_parts(fitted.candidate.parts())
    _require(_answers(again, held_out, model) == first, "its candidate survives being saved and loaded")
    alone = [_answers(fitted.candidate, [row], model)[0] for row in held_out[:4]]
    _require(alone == first[:4], "an input is answered the same alone and among others")
    written = 0 if spec.labels else 8
    cost = method.cost(Shape(prefix=20, row=10, answer_tree=4, answer=2, n_test=50, written=written), 16, effort)
    _require(min(cost.read, cost.trained, cost.written) >= 0, "it can say what it costs")
    return fitted


def _answers(candidate: Candidate, rows: Sequence[Example], model: LanguageModel) -> list[str | None]:
    return [p.answer for p in predict(candidate, [row.inputs for row in rows], model)]


def _require(kept: object, promise: str) -> None:
    if not kept:
        raise AssertionError(f"a method promises that {promise}")
