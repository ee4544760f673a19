"""What is left of the base model: nothing lost without a change, less the stronger the change; from no data at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from crossover.measure import own_text, retained, share_kept
from crossover.measure.retention import ANSWER_TOKENS, OPENINGS, REQUESTS
from crossover.model.base import TrainRow, TrainSettings
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model


def test_the_base_writes_the_same_text_each_time() -> None:
    first, again = own_text(tiny_model()), own_text(tiny_model())
    assert first == again
    assert own_text(tiny_model(seed=1)).written != first.written, "another model writes another text"
    assert len(first.written) == len(OPENINGS) + len(REQUESTS)
    assert all(1 <= len(tokens) <= ANSWER_TOKENS for tokens in first.written)


def test_the_further_the_weights_move_the_less_is_left(
    tiny: LocalModel, train_rows: Sequence[TrainRow], quick: TrainSettings
) -> None:
    text, found = own_text(tiny), []
    for steps in (0, 1, 8):
        with tiny.training(replace(quick, rank=8)) as trainer:
            for _ in range(steps):
                trainer.step(train_rows)
            adapter = trainer.adapter()
        found.append(retained(adapter, text, tiny))
    assert found[0].divergence == 0.0
    assert found[0].loss_rise == 0.0
    assert 0.0 < found[1].divergence < found[2].divergence
    assert found[2].loss_rise == pytest.approx(found[2].divergence, abs=0.5 * found[2].divergence), (
        "on text that is drawn from the base the two estimate the same"
    )
    assert all(one.tokens == sum(map(len, text.written)) and one.seconds > 0 for one in found)


def test_retention_is_a_share() -> None:
    assert share_kept(0.0) == 1.0
    assert 0.0 < share_kept(30.0) < share_kept(0.1) < 1.0
