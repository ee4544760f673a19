"""Run a study: methods × budgets × seeds × precisions on one task."""

from __future__ import annotations

__all__ = ["FIRST_LOOK_SECONDS", "compare"]

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from crossover.about import machine, parts
from crossover.api.economics import check_stated, keep_stated
from crossover.api.preparing import FIRST_LOOK_SECONDS, prepare
from crossover.api.study import Study
from crossover.errors import StudyError
from crossover.listener import Listener, Silent
from crossover.metrics import get_metric
from crossover.model.catalog import DEFAULT_MODEL
from crossover.records import Prices, TrialKey
from crossover.study import (
    RECORDED,
    StudyKey,
    StudyMemo,
    StudyStore,
    at_precisions,
    digest,
    programs,
    record_predictions,
)
from crossover.study.conduct import conduct
from crossover.study.left_out import Remembering
from crossover.task import Predictions, Task


def compare(  # noqa: PLR0913  # the command line's contract has as many
    task: Task | Path | str,
    *,
    model: str = DEFAULT_MODEL,
    methods: Sequence[str] | None = None,
    budgets: Sequence[int] | None = None,
    seeds: int = 3,
    effort: float = 1.0,
    precision: str | Sequence[str] = "auto",
    time_limit: float | None = None,
    memory: int | None = None,
    prompts: Sequence[Path | str] = (),
    predictions: Sequence[Path | str] = (),
    probes: Sequence[Path | str] = (),
    race: bool = False,
    reflector: str | None = None,
    constrain: str | None = None,
    prices: Prices | None = None,
    calls_per_month: float | None = None,
    margin: float | None = None,
    study: Path | str | None = None,
    listener: Listener | None = None,
    command: str | None = None,
) -> Study:
    """Measure methods × budgets × seeds on a task and keep every trial in a study folder.

    Running it again with the same data and model goes on where it stopped; more methods, budgets or seeds extend it.

    Args:
        task: a task, or a data file.
        model: a catalog name, a folder or Hugging Face id with safetensors, or a GGUF file.
        methods: names (see `methods()`); "default", which it is without any, and "all" stand for several.
        budgets: numbers of labelled examples; by default a few that a laptop can do.
        seeds: how many draws of the labels (and of everything random) each arm gets.
        effort: compute a method may spend on fitting and choosing; 1 is one default LoRA fit.
        precision: fp32, fp16, bf16, int8, nf4 or auto; or several, each of which makes arms of its own. The first one
            of a study's first run is what its verdict is about.
        time_limit: seconds; arms that do not fit are left out and named. Where neither it nor methods nor budgets are
            given, a first look of a few minutes.
        memory: bytes that the study may take, all told; arms that do not fit are left out and named.
        prompts: files with prompts of your own: each is an arm `prompt:NAME`.
        predictions: files with another system's answers on the test rows: each is an arm `predictions:NAME`.
        probes: files with what the model shall still know: multiple choice or cloze. Each is answered by the base model
            and by what each trial leaves.
        race: stop arms that cannot win, by their scores on labelled training rows outside the draws, or by dev scores.
        reflector: a stronger model that rewrites prompts, for `gepa`; named as `model` is.
        constrain: how prompts and adapters answer: "yes" within the labels or the JSON schema, "no" freely, "both" as
            "yes", and freely beside it, which tells what share of a gain is format alone. By default labels are chosen
            and all other answers written freely. What is trained is the same in any case.
        margin: the difference, as a fraction of 1, up to which two arms count as equally good. By default what the
            study was run with before, or .03.
        prices: what the machine's hour and a kWh cost, for what arms cost in money; none is invented.
        calls_per_month: for what a month costs.
        study: the folder; by default NAME-study beside where you are.
        listener: told what happens.
        command: what the report gives as the command that does it again.

    Raises:
        UserError: something about data, options, model or study that the message says how to mend.
    """
    listener = listener or Silent()
    check_stated(prices, calls_per_month)
    ready = prepare(
        task,
        model=model,
        methods=methods,
        budgets=budgets,
        seeds=seeds,
        effort=effort,
        precision=precision,
        time_limit=time_limit,
        memory=memory,
        prompts=prompts,
        predictions=predictions,
        probes=probes,
        reflector=reflector,
        constrain=constrain,
        margin=margin,
        listener=listener,
    )
    task, time_limit, identity = ready.task, ready.time_limit, ready.identity

    # All that can be wrong with what was asked for is known here: only now is a folder made.
    folder = Path(study) if study is not None else Path(f"{task.spec.name}-study")
    store = StudyStore.open(folder, create=True)
    deadline = None if time_limit is None else time.monotonic() + time_limit  # fetching a model once does not count
    with store.writing():
        store.claim(StudyKey(data_sha256=task.info.data_sha256, model=identity.name, model_sha256=identity.sha256))
        answered = {_answers_key(given): given for given in ready.predictions}
        wordings = {key.method: key.wording for key in (*ready.keys.values(), *answered)}
        StudyMemo.of(
            task,
            programs(ready.methods, task.spec),
            identity,
            effort=effort,
            current=wordings,
            command=command or "crossover.compare(...)",
            machine=machine(),
            versions=parts(),
            margin=margin,
        ).save(store)
        keep_stated(store, prices, calls_per_month)
        _say_what_counts(store, ready.precisions, listener)
        metric = get_metric(task.spec.metric)
        for key, given in answered.items():
            store.finish(record_predictions(given, task, metric, key))
        plans = at_precisions(ready.plan, ready.precisions)
        remembering = Remembering(listener, store)
        try:
            conduct(
                plans,
                task,
                store,
                ready.models,
                metric,
                remembering,
                effort=effort,
                deadline=deadline,
                rooms=ready.rooms,
                race=race,
                probes=ready.probes,
            )
        except BaseException:  # stopped, or a full disk: what ended the run is told, not this
            with suppress(StudyError):
                remembering.keep()
            raise
        remembering.keep()
    return Study(store)


def _say_what_counts(store: StudyStore, precisions: Sequence[str], listener: Listener) -> None:
    memo = StudyMemo.load(store)
    assert memo is not None, "it was saved just now"
    others = [p for p in precisions if p != memo.precision]
    if others:
        arms = ", ".join(others)
        listener.note("precision", f"the verdict is about {memo.precision}; arms in {arms} stand beside it, corrected")


def _answers_key(given: Predictions) -> TrialKey:
    wording = digest(sorted(given.answers.items()))
    return TrialKey(method=RECORDED + given.name, budget=0, seed=0, model="", precision="", wording=wording)
