"""What tests of several sub-packages use: the tiny random model and a small task."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

from crossover.model.base import TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from crossover.records import Example, TaskSpec

# A pass through the tiny model takes milliseconds, the first one of a process more: no deadline.
settings.register_profile("crossover", deadline=None)
settings.load_profile("crossover")

TEXTS = {
    "delivery": (
        "my parcel has not arrived",
        "where is my package",
        "the courier never came",
        "delivery is late again",
        "tracking shows no movement",
        "parcel lost on the way",
        "when will it be shipped",
        "box came damaged by the courier",
    ),
    "refund": (
        "i want my money back",
        "please refund the order",
        "refund not on my account",
        "how long does a refund take",
        "money was not returned",
        "cancel it and pay me back",
        "refund is too low",
        "i was refunded twice",
    ),
    "log_in": (
        "cannot log in",
        "password reset mail is missing",
        "account is locked",
        "the code does not work",
        "login page stays blank",
        "i forgot my password",
        "two factor code never comes",
        "it says unknown user",
    ),
}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny matrices gain nothing from threads, and the sums keep their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny() -> LocalModel:
    """The tiny random model. Every test leaves it as it found it."""
    return tiny_model()


@pytest.fixture(scope="session")
def spec() -> TaskSpec:
    """A task with three labels, one of which is written in other words."""
    return TaskSpec(
        name="tickets",
        kind="classification",
        metric="accuracy",
        input_fields=("text",),
        target_field="intent",
        labels=tuple(TEXTS),
        label_names={"log_in": "access"},
    )


@pytest.fixture(scope="session")
def rows() -> tuple[Example, ...]:
    """24 examples, the labels in turn."""
    pairs = [
        (text, label) for texts in zip(*TEXTS.values(), strict=True) for label, text in zip(TEXTS, texts, strict=True)
    ]
    return tuple(
        Example(id=f"train:{row}", inputs={"text": text}, target=label, row=row)
        for row, (text, label) in enumerate(pairs, start=2)
    )


@pytest.fixture(scope="session")
def train_rows(tiny: LocalModel, rows: tuple[Example, ...]) -> tuple[TrainRow, ...]:
    """Eight training rows below one instruction."""
    return tuple(
        TrainRow(
            prompt=tiny.render(
                [
                    {"role": "system", "content": "Name the intent."},
                    {"role": "user", "content": row.inputs["text"]},
                ]
            ),
            completion=tiny.completion(str(row.target)),
        )
        for row in rows[:8]
    )


@pytest.fixture(scope="session")
def quick() -> TrainSettings:
    """A few strong steps."""
    return TrainSettings(rank=4, alpha=8, learning_rate=1e-2, warmup_steps=1, total_steps=8, seed=5)
