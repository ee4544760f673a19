"""`distill`: a long prompt's behaviour is trained into an adapter, so that a short prompt serves."""

from __future__ import annotations

__all__ = ["Distill", "choose_teacher"]

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from crossover.candidate import Candidate, Demonstration, PromptedCandidate, PromptProgram, predict
from crossover.candidate.prompted import prompt_tokens, scored_answers
from crossover.errors import TrialError
from crossover.methods.base import Cost, Fitted, Method, Shape
from crossover.methods.effort import Meter, allowance, planned_allowance
from crossover.methods.prompt.few_shot import FewShot
from crossover.methods.prompt.knn_few_shot import NEIGHBOURS, KnnFewShot
from crossover.methods.start import begin
from crossover.methods.weights.lora import Lora, fit_lora, recipes
from crossover.methods.written import DEV_ROWS as WRITTEN_ROWS
from crossover.metrics import Metric
from crossover.model.base import Capability, FloatArray, LanguageModel
from crossover.model.engine.forest import common_prefix
from crossover.records import KINDS, Configuration, Example, Family, Inputs, Kind, TaskSpec

_TEACHING = 0.2
"""Share of the effort that each of the two teachers may be chosen with."""

_ASKING = 0.15
"""Share of it for the teacher's answers; the rest is for training."""

_FEWEST = 8
"""Inputs that the teacher answers at least."""

_ENOUGH = 64
"""Inputs that neighbours must be able to answer within that share to be a teacher: with fewer answers to learn from, a
better teacher makes a worse student (docs/log.md, 2026-11-25)."""


class Distill(Method):
    """Context distillation (Askell et al. 2021, arXiv:2112.00861; Snell et al. 2022, arXiv:2209.15189).

    The teacher is `few-shot`, or what the step before left; where the effort lets `knn-few-shot` answer inputs enough,
    the better of the two by dev score. It answers inputs of the training split that have no label in the budget; an
    adapter learns these answers below the prompt without demonstrations: where they are labels, how probable the
    teacher holds each of them. Labels play a part in the teacher alone, so all of them can judge the student: its dev
    score is on rows that it has not seen.
    """

    name: ClassVar[str] = "distill"
    family: ClassVar[Family] = "both"
    kinds: ClassVar[tuple[Kind, ...]] = KINDS
    needs: ClassVar[frozenset[Capability]] = frozenset({"score", "train"})
    min_budget: ClassVar[int] = 4
    min_unlabelled: ClassVar[int] = _FEWEST
    goes_on_from: ClassVar[tuple[Family, ...]] = ("prompt",)
    summary: ClassVar[str] = "the best few-shot prompt trained into an adapter: a short prompt serves"

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
        """Choose the teacher, let it answer, train the student.

        Raises:
            TrialError: there are too few inputs without a label, or the teacher has no answers to them.
        """
        if model is None:
            raise TrialError("distill needs a language model")
        known = [row.inputs for row in labelled]
        asked = [one for one in unlabelled if one not in known]
        if len(asked) < _FEWEST:
            raise TrialError(
                f"distill needs at least {_FEWEST} training inputs without a label in the budget, there are "
                f"{len(asked)}: lower --budgets, or give more rows"
            )
        meter = Meter(model)
        begun = begin(spec, start)
        if isinstance(start, PromptedCandidate):
            teacher, tried = start, tuple[Configuration, ...]()
        else:
            teacher, tried = choose_teacher(spec, labelled, unlabelled, model, metric, effort, seed)
        asked = asked[: _n_asked(teacher.program, asked, begun.bare, labelled, model, effort)]
        taught, beliefs = _taught(teacher, asked, model)
        if len(taught) < _FEWEST // 2:
            raise TrialError(
                f"distill: the teacher, a prompt with demonstrations, answered {len(taught)} of {len(asked)} inputs "
                "with a text: there is nothing to learn from it"
            )
        student = replace(begun.bare, layout=teacher.program.layout)
        share = 1 - _TEACHING - _ASKING
        fitted = fit_lora(
            student,
            taught,
            spec,
            model,
            metric,
            effort * share,
            seed,
            layouts=(student.layout,),
            recipes=recipes(),
            beliefs=beliefs,
        )
        judged = labelled if spec.labels else labelled[:WRITTEN_ROWS]
        dev_score = _score(fitted.candidate, judged, spec, metric, model)
        tokens = {
            "teacher_prompt_tokens": _prompt_length(teacher.program, asked, model),
            "prompt_tokens": _prompt_length(student, asked, model),
        }
        return Fitted(
            candidate=fitted.candidate,
            tried=(
                *tried,
                *(
                    replace(
                        one,
                        settings={**one.settings, "answers_of_teacher": len(taught), **tokens},
                        dev_score=dev_score,
                    )
                    for one in fitted.tried
                ),
            ),
            dev_score=dev_score,
            labels_used=len(labelled),
            token_passes=meter.token_passes,
            seconds=meter.seconds,
        )

    def cost(self, shape: Shape, budget: int, effort: float) -> Cost:
        """The teachers' fits, the answers, most of a LoRA fit, and the test with a short prompt."""
        fitting, allowed = replace(shape, n_test=0), planned_allowance(shape, budget, effort)
        shown = min(NEIGHBOURS, budget) * (shape.row + shape.answer) + shape.row
        methods: list[Method] = [FewShot()]
        if _ASKING * allowed >= _ENOUGH * shown:
            methods.append(KnnFewShot())
        teachers = [method.cost(fitting, budget, effort * _TEACHING) for method in methods]
        trained = Lora().cost(shape, budget, effort * (1 - _TEACHING - _ASKING))
        asked = round(_ASKING * allowed) + (budget * (shape.row + shape.answer_tree) if not shape.written else 0)
        return Cost(
            read=sum(cost.read for cost in teachers) + trained.read + asked,
            trained=trained.trained,
            added=max(cost.added for cost in teachers),
            shown=0,
            written=sum(cost.written for cost in teachers) + trained.written + _FEWEST * shape.written,
        )


def choose_teacher(
    spec: TaskSpec,
    labelled: Sequence[Example],
    unlabelled: Sequence[Inputs],
    model: LanguageModel,
    metric: Metric,
    effort: float,
    seed: int,
) -> tuple[PromptedCandidate, tuple[Configuration, ...]]:
    """Return the better of the long prompts by dev score, and what was tried for it."""

    def fit(method: Method) -> Fitted:
        return method.fit(spec, labelled, unlabelled, model=model, metric=metric, effort=effort * _TEACHING, seed=seed)

    fits = {"few-shot": fit(FewShot())}
    if _may_teach(spec, labelled, model, effort):
        fits["knn-few-shot"] = fit(KnnFewShot())
    best = max(fits.values(), key=lambda fitted: fitted.dev_score or 0.0)
    assert isinstance(best.candidate, PromptedCandidate), "both methods leave prompts"
    tried = tuple(
        replace(one, settings={"teacher": name, **one.settings})
        for name, fitted in fits.items()
        for one in fitted.tried
    )
    return best.candidate, tried


def _may_teach(spec: TaskSpec, labelled: Sequence[Example], model: LanguageModel, effort: float) -> bool:
    """Return whether neighbours could answer inputs enough."""
    short = PromptProgram.default(spec)
    shown = short.with_demonstrations([Demonstration.of(row) for row in labelled[:NEIGHBOURS]])
    per_row = _prompt_length(shown, [row.inputs for row in labelled], model) + _answer_length(short, model)
    return _ASKING * allowance(short, labelled, model, effort) >= _ENOUGH * per_row


def _n_asked(
    teacher: PromptProgram,
    asked: Sequence[Inputs],
    short: PromptProgram,
    labelled: Sequence[Example],
    model: LanguageModel,
    effort: float,
) -> int:
    """Return how many inputs the teacher can answer within its share of the effort."""
    prompts = prompt_tokens(teacher, asked[:8], model)
    # A beginning that all prompts share is computed once.
    shared = common_prefix(prompts)
    per_row = sum(len(prompt) - shared for prompt in prompts) / len(prompts)
    bound = _ASKING * allowance(short, labelled, model, effort) - shared
    return min(len(asked), max(_FEWEST, round(bound / max(per_row + _answer_length(teacher, model), 1))))


def _answer_length(program: PromptProgram, model: LanguageModel) -> int:
    """Return the tokens that an answer takes: those of all labels, which one pass scores, or as many as are written."""
    return program.answer_tokens or sum(map(len, scored_answers(program, model)))


def _taught(
    teacher: PromptedCandidate, asked: Sequence[Inputs], model: LanguageModel
) -> tuple[list[Example], FloatArray | None]:
    """Return the inputs with the teacher's answers as their targets, and of labels what it believes of each.

    Inputs without an answer are left out. Beliefs are [inputs, labels]; None where answers are written.
    """
    beliefs = None
    answers: Sequence[str | None]
    if teacher.program.is_written:
        answers = [prediction.answer for prediction in predict(teacher, asked, model)]
    else:
        labels = list(teacher.program.label_words)
        with model.adapted(teacher.adapter):
            beliefs = teacher.beliefs(asked, model)
        answers = [labels[best] for best in beliefs.argmax(axis=1)]
    taught = [
        Example(id=f"taught:{place}", inputs=inputs, target=answer, row=place)
        for place, (inputs, answer) in enumerate(zip(asked, answers, strict=True))
        if answer
    ]
    return taught, beliefs


def _score(
    candidate: Candidate, rows: Sequence[Example], spec: TaskSpec, metric: Metric, model: LanguageModel
) -> float | None:
    found = predict(candidate, [row.inputs for row in rows], model)
    scores = [metric.score(one.answer or "", row, spec) for one, row in zip(found, rows, strict=True)]
    return sum(scores) / len(scores) if scores else None


def _prompt_length(program: PromptProgram, inputs: Sequence[Inputs], model: LanguageModel) -> int:
    """Return the mean length of some prompts in tokens."""
    prompts = prompt_tokens(program, inputs[:8], model)
    return round(sum(map(len, prompts)) / max(len(prompts), 1))
