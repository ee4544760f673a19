"""Run a study: methods × budgets × seeds × precisions on one task."""

from __future__ import annotations

__all__ = ["FIRST_LOOK_SECONDS", "compare"]

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from crossover.about import machine, parts
from crossover.api.reflecting import beside_bytes, reflector_for, refuse_lacking
from crossover.api.study import Study
from crossover.api.words import check_margin, model_in_words
from crossover.errors import OptionError
from crossover.listener import Listener, Silent
from crossover.methods import get_method, named_methods
from crossover.methods.prompt.zero_shot import UserPrompt
from crossover.metrics import get_metric
from crossover.model.allocation import keep_memory
from crossover.model.catalog import DEFAULT_MODEL
from crossover.model.load import ModelSource, find_model
from crossover.model.one import OneModel
from crossover.model.precision import PRECISIONS, choose_precision, device_name, unavailable
from crossover.records import TrialKey
from crossover.stats import detectable_difference
from crossover.study import (
    RECORDED,
    Room,
    StudyKey,
    StudyMemo,
    StudyStore,
    at_precisions,
    check_budgets,
    check_lengths,
    check_schema,
    conduct,
    constrained,
    default_budgets,
    digest,
    free_rooms,
    in_words,
    make_plan,
    programs,
    record_predictions,
    resident_bytes,
    rooms_for,
    trial_key,
    with_room,
)
from crossover.task import Predictions, Task, read_predictions, read_probe, read_prompt

FIRST_LOOK_SECONDS = 290.0
"""What a run takes that asks for nothing in particular: people want a first answer before they go for coffee."""

FIRST_LOOK_WRITTEN_SECONDS = 590.0
"""The same where answers are written: one costs as much as fifty labels that are chosen."""


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
        race: stop arms that cannot win, by their dev scores on the labels of the budget.
        reflector: a stronger model that rewrites prompts, for `gepa`; named as `model` is.
        constrain: how prompts and adapters answer: "yes" within the labels or the JSON schema, "no" freely, "both" as
            "yes", and freely beside it, which tells what share of a gain is format alone. By default labels are chosen
            and all other answers written freely. What is trained is the same in any case.
        margin: the difference, as a fraction of 1, up to which two arms count as equally good. By default what the
            study was run with before, or .03.
        study: the folder; by default NAME-study beside where you are.
        listener: told what happens.
        command: what the report gives as the command that does it again.

    Raises:
        UserError: something about data, options, model or study that the message says how to mend.
    """
    if not isinstance(task, Task):
        task = Task.from_file(task)
    task = constrained(task, constrain)
    listener = listener or Silent()
    _check_options(seeds, effort, time_limit)
    if margin is not None:
        check_margin(margin)
    named, kind = methods or ["default"], task.spec.kind
    known = [get_method(name) for name in named_methods(named, kind)]  # before anything is fetched
    if reflector is None:
        refuse_lacking(known, named, kind)
    own = [*task.prompts, *(read_prompt(path, task.spec) for path in prompts)]
    prompted = [UserPrompt(prompt.name, prompt.text) for prompt in own]
    recorded = [read_predictions(path, task.test, task.spec) for path in predictions]
    probed = [read_probe(path) for path in probes]
    _refuse_twins([probe.name for probe in probed], what="probes")
    _refuse_twins([m.name for m in (*known, *prompted)] + [RECORDED + p.name for p in recorded])
    wanted = tuple(dict.fromkeys(budgets or default_budgets(task.n_labelled, len(task.spec.labels))))
    check_budgets(wanted, task.n_labelled)
    for line in _opening(task, seeds, recorded):
        listener.note(*line)
    for probe in probed:
        listener.note("probe", f"{probe.name}: {len(probe.rows):,} rows, {probe.kind}, before and after each trial")

    keep_memory()
    device = device_name()
    precisions = tuple(dict.fromkeys(choose_precision(p, device) for p in _several(precision)))
    source = find_model(model, report=listener.progress)
    rewriting = None if reflector is None else find_model(reflector, report=listener.progress)
    beside = beside_bytes(rewriting, source, precisions[0])
    models = OneModel(source)
    who = None if rewriting is None else reflector_for(rewriting, source, models, precisions[0])
    chosen = [*(get_method(name, who) for name in named_methods(named, kind, who)), *prompted]
    if reflector is not None:
        refuse_lacking(chosen, named, kind, reflector)
    lacking = {m.precision: unavailable(m.precision, device) for m in chosen if m.precision is not None}
    loaded = tuple(dict.fromkeys((*precisions, *(p for p, why in lacking.items() if why is None))))
    rooms = (
        free_rooms(source.footprints(loaded), beside)
        if memory is None
        else _rooms(memory, source, loaded, device, listener, beside)
    )
    identity = models.at(precisions[0]).identity
    task = with_room(task, models.at(precisions[0]))
    listener.note("model", model_in_words(asdict(identity), precisions))
    check_schema(task.spec, models.at(precisions[0]))
    keys = {m.name: trial_key(m, task.spec, identity, effort) for m in chosen}
    plan = make_plan(
        chosen,
        wanted,
        seeds,
        task.spec,
        models.at(precisions[0]).capabilities,
        n_train=task.n_labelled,
        n_inputs=len(task.train),
        asked=frozenset(methods or ()),
        keys=keys,
        unavailable={p: why for p, why in lacking.items() if why is not None},
    )
    check_lengths(task, list(programs(chosen, task.spec).values()), models.at(precisions[0]))

    # All that can be wrong with what was asked for is known here: only now is a folder made.
    folder = Path(study) if study is not None else Path(f"{task.spec.name}-study")
    store = StudyStore.open(folder, create=True)
    if methods is None and budgets is None and time_limit is None:
        time_limit = FIRST_LOOK_SECONDS if task.spec.labels else FIRST_LOOK_WRITTEN_SECONDS
        within = "five minutes" if task.spec.labels else "ten minutes, as answers are written"
        listener.note("time", f"what fits into {within}; --time-limit, --methods or --budgets ask for more")
    deadline = None if time_limit is None else time.monotonic() + time_limit  # fetching a model once does not count
    with store.writing():
        store.claim(StudyKey(data_sha256=task.info.data_sha256, model=identity.name, model_sha256=identity.sha256))
        answered = {_answers_key(given): given for given in recorded}
        wordings = {key.method: key.wording for key in (*keys.values(), *answered)}
        StudyMemo.of(
            task,
            programs(chosen, task.spec),
            identity,
            effort=effort,
            current=wordings,
            command=command or "crossover.compare(...)",
            machine=machine(),
            versions=parts(),
            margin=margin,
        ).save(store)
        _say_what_counts(store, precisions, listener)
        metric = get_metric(task.spec.metric)
        for key, given in answered.items():
            store.finish(record_predictions(given, task, metric, key))
        plans = at_precisions(plan, precisions)
        conduct(
            plans,
            task,
            store,
            models,
            metric,
            listener,
            effort=effort,
            deadline=deadline,
            rooms=rooms,
            race=race,
            probes=probed,
        )
    return Study(store)


def _check_options(seeds: int, effort: float, time_limit: float | None) -> None:
    if not 1 <= seeds <= 100:
        raise OptionError(f"--seeds {seeds} is not possible.", "allowed: 1 to 100; a verdict needs 3")
    if not 0.05 <= effort <= 100:
        raise OptionError(f"--effort {effort:g} is not possible.", "allowed: 0.05 to 100; 1 is one default LoRA fit")
    if time_limit is not None and time_limit < 10:
        raise OptionError(f"--time-limit {time_limit:g} s is too short.", "allowed: 10s or more, for example 5m or 1h")


def _several(precision: str | Sequence[str]) -> list[str]:
    names = [precision] if isinstance(precision, str) else list(precision)
    if not names:
        raise OptionError("--precision names none.", "allowed: " + ", ".join(PRECISIONS))
    return names


def _rooms(
    memory: int, source: ModelSource, precisions: Sequence[str], device: str, listener: Listener, beside: int
) -> dict[str, Room]:
    base = resident_bytes() + beside
    works = [p for p in PRECISIONS if p != "auto" and unavailable(p, device) is None]
    rooms = rooms_for(memory, base, source.name, precisions, source.footprints(works))
    weights = ", ".join(f"{in_words(room.footprint.weights)} in {p}" for p, room in rooms.items())
    taken = f"{in_words(base)} are taken already, {source.name} takes {weights}"
    listener.note("memory", f"{in_words(memory)} in all: {taken}")
    return rooms


def _say_what_counts(store: StudyStore, precisions: Sequence[str], listener: Listener) -> None:
    memo = StudyMemo.load(store)
    assert memo is not None, "it was saved just now"
    others = [p for p in precisions if p != memo.precision]
    if others:
        arms = ", ".join(others)
        listener.note("precision", f"the verdict is about {memo.precision}; arms in {arms} stand beside it, corrected")


def _refuse_twins(names: Sequence[str], what: str = "arms") -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise OptionError(
            f"two {what} have the name {twins[0]}.",
            "prompts, predictions and probes are named by their files: rename one",
        )


def _opening(task: Task, seeds: int, recorded: Sequence[Predictions]) -> list[tuple[str, str]]:
    name = task.check.files[0].name
    listing = f" · crossover check {name} lists them"
    summary = [line + listing * line.endswith(" set aside") for line in task.check.summary()]
    lines = [(name, summary[0])]
    lines += [("", line) for line in summary[1:]]
    lines += [("", note) for note in task.check.notes]
    seen = 100 * detectable_difference(len(task.test), max(seeds, 2))
    drawn = "stratified" if task.spec.labels else "drawn at random"
    how = "rows" if len(task.check.files) > 1 and not task.check.n_undrawn else f"rows, {drawn}"
    unseen = f"differences under about {seen:.0f} points will not be seen"
    if not task.spec.labels:  # scores between right and wrong spread less, how much is not known before
        unseen = f"at worst, differences under {seen:.0f} points will not be seen"
    if task.info.test_groups is not None and task.info.test_groups < len(task.test):
        alike = 100 * detectable_difference(max(task.info.test_groups, 2), max(seeds, 2))
        how += f" in {task.info.test_groups} groups"
        unseen += f", under {alike:.0f} where the rows of a group are all alike"
    lines.append(("test", f"{len(task.test)} {how}: {unseen} · --test-size"))
    lines += [("predictions", f"{given.name}: {note}") for given in recorded for note in given.notes]
    return lines


def _answers_key(given: Predictions) -> TrialKey:
    wording = digest(sorted(given.answers.items()))
    return TrialKey(method=RECORDED + given.name, budget=0, seed=0, model="", precision="", wording=wording)
