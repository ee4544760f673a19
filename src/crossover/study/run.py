"""Run a study's cells one after the other: fit, freeze, measure, write."""

from __future__ import annotations

__all__ = ["Spent", "Watcher", "run_cell", "run_cells"]

import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from crossover.candidate import Candidate, PromptedCandidate
from crossover.errors import StudyError, TrialError, UserError
from crossover.measure import EnergyMeter, PeakMemory, measure
from crossover.metrics import Metric
from crossover.model.base import LanguageModel
from crossover.records import Inputs, Probe, TrialRecord
from crossover.study.answering import answer_freely, as_measured
from crossover.study.besides import Besides
from crossover.study.cells import Cell
from crossover.study.late import keep_late_validation, late_validation
from crossover.study.race import Race
from crossover.study.store import StudyStore
from crossover.study.validating import Validating
from crossover.task import Task, sample, unlabelled

ATTEMPTS = 2
UNLABELLED = 512
"""Inputs of the training split that a method may see without their answers: priors take 32, distilling as many as the
effort allows."""
PROMPT_CHARACTERS = 20_000
_TELL_SECONDS = 0.5
_PRIOR_SECONDS = 10.0


class Watcher(Protocol):
    """Told what happens; the terminal's progress display is one."""

    def cell_started(self, method: str, budget: int, seed: int) -> None:
        """A trial begins."""

    def cell_progress(
        self, method: str, budget: int, seed: int, *, phase: str, done: float, tokens_per_second: float | None
    ) -> None:
        """A trial is `done` (0..1) of the way."""

    def cell_finished(self, record: TrialRecord) -> None:
        """A trial is complete, or was complete already."""

    def left_out(self, method: str, budget: int, reason: str) -> None:
        """An arm is not run."""


def run_cells(
    cells: Sequence[Cell],
    task: Task,
    store: StudyStore,
    model: LanguageModel,
    metric: Metric,
    watcher: Watcher,
    *,
    seconds_of: Mapping[tuple[str, int], float],
    passes_of: Mapping[tuple[str, int], int],
    race: Race | None = None,
    probes: Sequence[Probe] = (),
) -> Spent:
    """Run every cell that the store does not have yet.

    Args:
        cells: what the plan says, in order.
        seconds_of: expected seconds of a cell by (method, budget).
        passes_of: expected token passes likewise, for the share that is done.
        race: says which cells need not run; None: all run.
        probes: the user's own, answered by what each trial leaves.

    Returns:
        Seconds that cells were expected to take and that they took.
    """
    finished = store.finished()
    validating = Validating(task, metric)
    spent = Spent()
    told: set[tuple[str, int]] = set()
    for cell in cells:
        key = cell.key
        if key in finished:
            _catch_up(cell, finished[key], store, model, validating, probes)
            watcher.cell_finished(finished[key])
            continue
        reason = None if race is None else race.reason_against(cell, finished)
        if reason is not None:
            if cell.arm not in told:
                watcher.left_out(cell.label, key.budget, reason)
            told.add(cell.arm)
            continue
        start = time.monotonic()
        if store.attempt(key) > ATTEMPTS:
            said = f"set aside: it ended the process {ATTEMPTS} times"
            record = TrialRecord(key=key, family=cell.method.family, error=said)
        else:
            watcher.cell_started(cell.label, key.budget, key.seed)
            try:
                with _telling(watcher, cell, model, passes_of.get(cell.arm, 0)):
                    record = run_cell(cell, task, store, model, metric, probes, validating)
            except BaseException:  # Ctrl-C, a full disk: the process goes on to end in order, the trial did not end it
                _withdraw(store, cell)
                raise
            expected = seconds_of.get(cell.arm, 0.0)
            if expected:  # what asks no model takes a second or two, which says nothing of the machine's pace
                spent = spent.plus(expected, time.monotonic() - start)
        store.finish(record)
        finished[key] = record
        watcher.cell_finished(record)
    return spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds that cells were expected to take, and that they took."""

    expected: float = 0.0
    taken: float = 0.0

    def plus(self, expected: float, taken: float) -> Spent:
        """Return the sum."""
        return Spent(expected=self.expected + expected, taken=self.taken + taken)

    @property
    def ratio(self) -> float:
        """How many times as long it takes as expected; the first half minute of evidence counts little."""
        return (self.taken + _PRIOR_SECONDS) / (self.expected + _PRIOR_SECONDS)


def _catch_up(
    cell: Cell,
    record: TrialRecord,
    store: StudyStore,
    model: LanguageModel,
    validating: Validating,
    probes: Sequence[Probe],
) -> None:
    """Ask what a finished trial left for what it was not asked then: further probes, validation rows of new seeds."""
    if probes:
        Besides(model, store, probes).probe_finished(record)
    late = late_validation(store)
    rows = validating.lacking(cell, record, late)
    if not rows or record.candidate is None:
        return
    try:
        scores = validating.scores(store.candidate(record.candidate), rows, model if cell.method.needs else None)
    except StudyError:
        raise
    except Exception:  # noqa: BLE001  # a prompt too long for one of them, memory: what is finished stands without it
        return
    keep_late_validation(store, record.candidate, {**late.get(record.candidate, {}), **scores})


def _withdraw(store: StudyStore, cell: Cell) -> None:
    try:
        store.withdraw(cell.key)
    except StudyError:
        return  # the disk is full: one attempt more than there was; what ended the trial is told, not this


def run_cell(
    cell: Cell,
    task: Task,
    store: StudyStore,
    model: LanguageModel,
    metric: Metric,
    probes: Sequence[Probe] = (),
    validating: Validating | None = None,
) -> TrialRecord:
    """Fit a method on its labels, freeze and store its candidate, answer the validation rows, then read the test once.

    What a method cannot do (a prompt that is too long with its demonstrations, a fault of its own) is recorded as a
    failed trial and the study goes on: it would fail each time.

    Raises:
        StudyError: the store cannot be written.
    """
    key, method = cell.key, cell.method
    labelled = sample(task.train, key.budget, key.seed, task.spec.labels)
    validating = validating or Validating(task, metric)
    own = {row.id for row in validating.rows(cell, seed=key.seed)}
    unseen = unlabelled(task.train, key.seed, UNLABELLED, but=own)
    needed = model if method.needs else None
    source = model.identity.source_precision if method.needs else None
    model.forget()  # tokens counted and milliseconds must not depend on the trial before
    try:
        with PeakMemory() as memory:
            with EnergyMeter(on_gpu=needed is not None and needed.identity.device != "cpu") as energy:
                fitted = method.fit(
                    task.spec,
                    labelled,
                    unseen,
                    model=needed,
                    metric=metric,
                    effort=key.effort,
                    seed=key.seed,
                )
            others: Sequence[Inputs] = ()
            if needed is not None:
                known = [example.inputs for example in labelled]
                others = [one for one in unseen if one not in known] or unseen
                fitted = as_measured(fitted, task.spec, others, needed)
            digest = store.keep_candidate(fitted.candidate)
            scores = validating.scores(fitted.candidate, validating.rows(cell), needed)
            measurement = measure(fitted.candidate, task.test, task.spec, metric, needed)
            free = answer_freely(fitted.candidate, task, metric, needed)
        measurement = replace(measurement, peak_memory_mb=memory.mb, free=free)
        if needed is not None:
            besides = Besides(needed, store, probes)
            measurement = besides.measured(measurement, fitted.candidate, task.spec, others, edits=key.seed == 0)
    except StudyError:
        raise
    except (TrialError, UserError) as error:
        return TrialRecord(key=key, family=method.family, source_precision=source, error=str(error))
    except Exception as error:  # noqa: BLE001  # one method's fault must not end a study; the store keeps where it was
        where = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
        return TrialRecord(key=key, family=method.family, source_precision=source, error=told)
    return TrialRecord(
        key=key,
        family=method.family,
        source_precision=source,
        dev_score=fitted.dev_score,
        tried=fitted.tried,
        labels_used=fitted.labels_used,
        token_passes=fitted.token_passes,
        fit_seconds=fitted.seconds,
        measurement=measurement,
        candidate=digest,
        fit_joules=energy.joules,
        energy_source=energy.source,
        validation=scores,
        prompt=_prompt(fitted.candidate),
    )


def _prompt(candidate: Candidate) -> str | None:
    """Return a candidate's prompt for people to read; nobody needs more of it than they would."""
    if not isinstance(candidate, PromptedCandidate):
        return None
    text = candidate.program.as_text()
    return text if len(text) <= PROMPT_CHARACTERS else text[: PROMPT_CHARACTERS - 1] + "…"


class _telling:  # noqa: N801  # a context manager, used as a word
    """Tell the watcher about a running cell: the model's token counter says how far it is."""

    def __init__(self, watcher: Watcher, cell: Cell, model: LanguageModel, passes: int) -> None:
        self._watcher, self._cell, self._model, self._passes = watcher, cell, model, passes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _tell(self) -> None:
        key = self._cell.key
        begin, last, at = self._model.token_passes, self._model.token_passes, time.monotonic()
        while not self._stop.wait(_TELL_SECONDS):
            now, passes = time.monotonic(), self._model.token_passes
            if passes == last and now - at < 5:
                continue
            speed = (passes - last) / (now - at) if passes > last else None
            last, at = passes, now
            done = min((passes - begin) / self._passes, 1.0) if self._passes else 0.0
            self._watcher.cell_progress(
                self._cell.label, key.budget, key.seed, phase="running", done=done, tokens_per_second=speed
            )
