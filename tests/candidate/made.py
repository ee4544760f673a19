"""One candidate of each type, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from crossover.candidate import (
    Candidate,
    ConstantCandidate,
    Demonstration,
    HeadCandidate,
    LinearCandidate,
    PromptedCandidate,
    PromptProgram,
)
from crossover.candidate.logistic import Logistic
from crossover.candidate.prompted import prompt_tokens, target_answers
from crossover.model.base import Adapter, LanguageModel, TrainRow, TrainSettings
from crossover.model.tiny import tiny_model
from crossover.records import Example, TaskSpec

LABELS = ("delivery", "refund", "log_in")
DEMONSTRATIONS = (
    Demonstration(inputs={"text": "parcel lost {on} the way"}, target="delivery"),
    Demonstration(inputs={"text": "money back — now"}, target="refund"),
)


def logistic(n_features: int) -> Logistic:
    generator = np.random.default_rng(0)
    return Logistic(labels=LABELS, weights=generator.normal(size=(3, n_features)), bias=generator.normal(size=3))


def adapter() -> Adapter:
    model = tiny_model()
    row = TrainRow(prompt=tuple(range(20)), completion=(1, 2, 3))
    with model.training(TrainSettings(rank=2, alpha=4, learning_rate=0.05, warmup_steps=1, total_steps=3)) as trainer:
        trainer.step([row])
        return trainer.adapter()


def taught(model: LanguageModel, program: PromptProgram, rows: Sequence[Example]) -> Adapter:
    """Return an adapter with which the model knows the rows' answers by heart."""
    prompts = prompt_tokens(program, [row.inputs for row in rows], model)
    answers = target_answers(program, [str(row.target) for row in rows], model)
    lessons = [TrainRow(prompt=prompt, completion=answer) for prompt, answer in zip(prompts, answers, strict=True)]
    settings = TrainSettings(rank=8, learning_rate=0.01, total_steps=120)
    with model.training(settings) as trainer:
        for _ in range(settings.total_steps):
            trainer.step(lessons)
        return trainer.adapter()


def candidates(spec: TaskSpec) -> dict[str, Candidate]:
    """Return name -> candidate; the tiny model serves them all."""
    words = ("parcel", "money", "money back", "zürich")
    program = PromptProgram.default(spec)
    prior = {"delivery": -1.5, "refund": -0.25, "log_in": -3.0}
    generator = np.random.default_rng(1)
    return {
        "constant": ConstantCandidate(answer="refund"),
        "linear": LinearCandidate(
            fields=("text",), vocabulary=words, idf=np.array([1.0, 2.0, 3.0, 1.5]), model=logistic(4)
        ),
        "head": HeadCandidate(
            fields=("text",),
            mean=generator.normal(size=64),
            scale=generator.uniform(0.5, 2, size=64),
            head=logistic(64),
        ),
        "head, adapted": HeadCandidate(
            fields=("text",),
            mean=generator.normal(size=64),
            scale=generator.uniform(0.5, 2, size=64),
            head=logistic(64),
            adapter=adapter(),
        ),
        "prompted": PromptedCandidate(program=program),
        "prompted, shown": PromptedCandidate(program=program.with_demonstrations(DEMONSTRATIONS), prior=prior),
        "prompted, nearest": PromptedCandidate(program=program.with_retrieval(DEMONSTRATIONS, 2)),
        "prompted, adapted": PromptedCandidate(program=program, adapter=adapter()),
    }


NAMES = (
    *("constant", "linear", "head", "head, adapted"),
    *("prompted", "prompted, shown", "prompted, nearest", "prompted, adapted"),
)


def same_tensors(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)
