"""What is measured of a candidate beside its score: what is kept of the base model, probes, what an edit does."""

from __future__ import annotations

__all__ = ["Besides"]

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from crossover.candidate import Candidate
from crossover.errors import StudyError
from crossover.measure import OwnText, interaction, own_text, retained, score_probe, share_kept
from crossover.model.base import Adapter, LanguageModel
from crossover.records import Inputs, Measurement, Probe, ProbeScores, Retained, TaskSpec, TrialRecord
from crossover.study.late import keep_late_probes, late_probes, unanswered
from crossover.study.store import StudyStore

Found = TypeVar("Found")


class Besides:
    """Measures candidates of one model beside their score; nothing that it does can fail a trial.

    The text that the base model writes and the base model's answers to probes are kept in the study: every trial is
    measured on the same, whenever it runs.
    """

    def __init__(self, model: LanguageModel, store: StudyStore, probes: Sequence[Probe] = ()) -> None:
        """Measure nothing yet."""
        self._model, self._store, self._probes = model, store, tuple(probes)

    def measured(
        self,
        measurement: Measurement,
        candidate: Candidate,
        spec: TaskSpec,
        inputs: Sequence[Inputs],
        *,
        edits: bool,
    ) -> Measurement:
        """Return a measurement with what was measured beside.

        A candidate that asks the model as it is keeps all of it, by definition: a prompt is taken off with the request,
        and a head changes no weight of the model's. Of `lora+few-shot` and its like it is the adapter that is measured.

        Args:
            measurement: the candidate's score.
            candidate: what the method left.
            spec: the task.
            inputs: of the training split, best such as the candidate was not fitted on.
            edits: whether edits of the prompt are tried, too: what they do hangs little on the seed.

        Raises:
            StudyError: the store cannot be read or written.
        """
        if not candidate.needs_model:
            return measurement
        adapter = candidate.adapter
        kept = None if adapter is None else _tried(partial(self._retained, adapter))
        known = 1.0 if adapter is None else None if kept is None else share_kept(kept.divergence)
        tried = _tried(partial(interaction, candidate, inputs, spec, self._model)) if edits else None
        return replace(
            measurement,
            retention=known,
            retained=kept,
            probes=self._probed(candidate, self._probes),
            interaction=tried,
        )

    def probe_finished(self, record: TrialRecord) -> None:
        """Answer, by what a finished trial left, the probes that it has not answered: they were added later.

        A trial's record is written once, so they are kept beside it (`late_probes`).

        Raises:
            StudyError: the store cannot be read or written, or the candidate is gone.
        """
        lacking = unanswered(record, self._probes, late_probes(self._store))
        if record.candidate is None or not lacking:
            return
        late = late_probes(self._store).get(record.candidate, {})
        found = {**late, **self._probed(self._store.candidate(record.candidate), lacking)}
        keep_late_probes(self._store, record.candidate, found)

    def _probed(self, candidate: Candidate, probes: Sequence[Probe]) -> dict[str, ProbeScores]:
        found = {probe.name: _tried(partial(self._probe, probe, candidate)) for probe in probes}
        return {name: scores for name, scores in found.items() if scores is not None}

    def _retained(self, adapter: Adapter) -> Retained:
        return retained(adapter, self._text(), self._model)

    def _probe(self, probe: Probe, candidate: Candidate) -> ProbeScores:
        name = self._name("probe", probe.name, probe.sha256)
        before = self._store.get(name)
        if before is None:
            before = score_probe(probe, self._model)
            self._store.put(name, before)
        after = before
        if candidate.adapter is not None:
            with self._model.adapted(candidate.adapter):
                after = score_probe(probe, self._model)
        return ProbeScores(before=tuple(before), after=tuple(after), sha256=probe.sha256)

    def _text(self) -> OwnText:
        name = self._name("own text")
        known = self._store.get(name)
        if known is None:
            text = own_text(self._model)
            known = {"prompts": text.prompts, "written": text.written}
            self._store.put(name, known)
        return OwnText(prompts=tuple(map(tuple, known["prompts"])), written=tuple(map(tuple, known["written"])))

    def _name(self, *what: str) -> str:
        """Return a name in the store for something of this model in this precision."""
        identity = self._model.identity
        told = json.dumps([*what, identity.sha256, identity.precision])
        return f"{what[0]} {hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _tried(measured: Callable[[], Found]) -> Found | None:
    """Return what was measured, or None where that failed: a trial's score stands without it.

    Raises:
        StudyError: the store cannot be read or written.
    """
    try:
        return measured()
    except StudyError:
        raise
    except Exception:  # noqa: BLE001  # memory that runs out, a context too short, a network without a cache
        return None
