"""The tiny model that remembers what it was trained on and what it scored. It computes as ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from crossover.model.base import Adapter, FloatArray, Scores, Trainer, TrainRow, TrainSettings, TrainStep
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """What was done: "begin" a fit, "train" on prompts, "score" or "embed" prompts."""

    what: str
    prompts: frozenset[Ids] = frozenset()


class RecordingModel(LocalModel):
    """A `LocalModel` with a list of events."""

    def __init__(self, seed: int = 0) -> None:
        base = tiny_model(seed=seed)
        super().__init__(base._network, base._chat._tokenizer, base.identity)
        self.events: list[Event] = []

    def score(
        self,
        prompts: Sequence[Sequence[int]],
        continuations: Sequence[Sequence[int]],
        *,
        offsets: Sequence[float] | None = None,
    ) -> Scores:
        self.events.append(Event("score", frozenset(map(tuple, prompts))))
        return super().score(prompts, continuations, offsets=offsets)

    def embed(self, sequences: Sequence[Sequence[int]]) -> FloatArray:
        self.events.append(Event("embed", frozenset(map(tuple, sequences))))
        return super().embed(sequences)

    def training(self, settings: TrainSettings) -> AbstractContextManager[Trainer]:
        return self._recorded(super().training(settings))

    @contextmanager
    def _recorded(self, opened: AbstractContextManager[Trainer]) -> Iterator[Trainer]:
        self.events.append(Event("begin"))
        with opened as trainer:
            yield _RecordingTrainer(trainer, self.events)


class _RecordingTrainer(Trainer):
    def __init__(self, trainer: Trainer, events: list[Event]) -> None:
        self._trainer = trainer
        self._events = events

    def step(self, rows: Sequence[TrainRow]) -> TrainStep:
        self._events.append(Event("train", frozenset(row.prompt for row in rows)))
        return self._trainer.step(rows)

    def contrast(
        self, sequences: Sequence[Sequence[int]], groups: Sequence[int], *, temperature: float = 0.1
    ) -> TrainStep:
        self._events.append(Event("train", frozenset(map(tuple, sequences))))
        return self._trainer.contrast(sequences, groups, temperature=temperature)

    def adapter(self) -> Adapter:
        return self._trainer.adapter()

    @property
    def steps(self) -> int:
        return self._trainer.steps

    def save(self, folder: Path) -> None:
        self._trainer.save(folder)

    def restore(self, folder: Path) -> None:
        self._trainer.restore(folder)
