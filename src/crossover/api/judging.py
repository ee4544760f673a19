"""Let a model judge a study's written answers beside the reference answers."""

from __future__ import annotations

__all__ = ["Judged", "judge_arms"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crossover.errors import OptionError
from crossover.listener import Listener
from crossover.measure import Judgement, judge
from crossover.model.base import LanguageModel
from crossover.records import Example, Interval, TaskSpec, TrialRecord
from crossover.stats import arm_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a judge made of one arm's answers: those of the seed that `pack` would take.

    Attributes:
        arm: the arm's name.
        judge: the judging model's name.
        share: how often its answer is preferred to the reference, ties counted as half; None where nothing was judged.
        interval: of the share, for other test rows.
        judged: rows that both orders gave a reply for.
        errors: rows without a judgement, by reason.
        agreement: share of the judged rows on which both orders say the same.
    """

    arm: str
    judge: str
    share: float | None
    interval: Interval | None
    judged: int
    errors: dict[str, int]
    agreement: float | None


def judge_arms(
    chosen: Sequence[tuple[str, TrialRecord]],
    spec: TaskSpec,
    test: Sequence[Example],
    model: LanguageModel,
    listener: Listener,
) -> list[tuple[Judged, list[Judgement]]]:
    """Judge each arm's recorded answers; see `crossover.measure.judge`.

    Raises:
        OptionError: the task's answers are labels, which are right or wrong without a judge.
    """
    if spec.kind == "classification":
        raise OptionError(
            f"{spec.name} is a classification: its answers are right or wrong without a judge.",
            "a judge is for written answers: " + "chat, generation, summarization, translation, qa",
        )
    found = []
    for place, (arm, record) in enumerate(chosen):
        listener.progress(f"{model.identity.name} judges {arm}", place / len(chosen))
        assert record.measurement is not None
        answers = [result.answer for result in record.measurement.results]
        judgements = judge(model, spec, test, answers)
        found.append((_judged(arm, model.identity.name, judgements), judgements))
    listener.progress(f"{model.identity.name} has judged", 1.0)
    return found


def _judged(arm: str, name: str, judgements: Sequence[Judgement]) -> Judged:
    shares = [one.share for one in judgements if one.share is not None]
    errors: dict[str, int] = {}
    for one in judgements:
        if one.error is not None:
            reason = (
                "the judge's reply says none of A, B and tie" if one.error.startswith("the judge said") else one.error
            )
            errors[reason] = errors.get(reason, 0) + 1
    mean = arm_interval(np.array([shares])) if shares else None
    agreeing = [one.agrees for one in judgements if one.agrees is not None]
    return Judged(
        arm=arm,
        judge=name,
        share=mean.mean if mean else None,
        interval=mean.interval if mean else None,
        judged=len(shares),
        errors=errors,
        agreement=sum(agreeing) / len(agreeing) if agreeing else None,
    )
