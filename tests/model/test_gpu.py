"""On a GPU the same code computes the same: `make test PYTEST_ARGS="-m gpu"`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from crossover.model.base import Constraint, TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.model.precision import unavailable
from crossover.model.tiny import tiny_model

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

BEGINNING = tuple(range(20, 60))
PROMPTS = [(*BEGINNING, 1, 2), (*BEGINNING, 3), (*BEGINNING, 1, 4, 5)]
MANY = [(i, j, 9) for i in range(12) for j in range(12)]


@pytest.fixture
def there() -> LocalModel:
    base = tiny_model()
    identity = replace(base.identity, device="cuda")
    return LocalModel(base._network.to("cuda"), base._chat._tokenizer, identity)


@pytest.mark.parametrize("offsets", [None, [0.0] * len(MANY)], ids=["whole tree", "best first"])
def test_scores_are_those_of_the_processor(there: LocalModel, offsets: list[float] | None) -> None:
    found = there.score(PROMPTS, MANY, offsets=offsets).logprobs
    expected = tiny_model().score(PROMPTS, MANY).logprobs
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert np.abs(found.max(axis=1) - expected.max(axis=1)).max() < 1e-3


def test_embeddings_are_those_of_the_processor(there: LocalModel) -> None:
    assert np.abs(there.embed(PROMPTS) - tiny_model().embed(PROMPTS)).max() < 1e-3


@pytest.mark.parametrize("constraint", [None, Constraint(choices=("yes", "no", "maybe"))])
def test_answers_are_those_of_the_processor(there: LocalModel, constraint: Constraint | None) -> None:
    found = there.generate(PROMPTS, max_tokens=12, constraint=constraint)
    assert found == tiny_model().generate(PROMPTS, max_tokens=12, constraint=constraint)


@pytest.mark.parametrize("full", [False, True])
def test_steps_are_those_of_the_processor(there: LocalModel, train_rows: tuple[TrainRow, ...], *, full: bool) -> None:
    settings = TrainSettings(full=full, rank=4, alpha=8, learning_rate=1e-3, total_steps=4, seed=1)
    with there.training(settings) as trainer, tiny_model().training(settings) as beside:
        for _ in range(3):
            assert trainer.step(train_rows).loss == pytest.approx(beside.step(train_rows).loss, abs=1e-3)
        found, expected = trainer.adapter(), beside.adapter()
    for name, weights in expected.weights.items():
        torch.testing.assert_close(found.weights[name], weights, atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16", "int8", "nf4"])
def test_every_precision_works(precision: str) -> None:
    assert unavailable(precision, "cuda") is None
