"""What `compare` and `estimate` do first: everything that can be wrong is found, what to run is planned."""

from __future__ import annotations

__all__ = ["FIRST_LOOK_SECONDS", "Prepared", "prepare"]

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from crossover.api.reflecting import beside_bytes, reflector_for, refuse_lacking
from crossover.api.words import check_margin, model_in_words
from crossover.errors import OptionError
from crossover.listener import Listener
from crossover.methods import Method, get_method, named_methods
from crossover.methods.prompt.zero_shot import UserPrompt
from crossover.model.allocation import keep_memory
from crossover.model.base import ModelIdentity
from crossover.model.load import ModelSource, find_model
from crossover.model.one import OneModel
from crossover.model.precision import PRECISIONS, choose_precision, device_name, unavailable
from crossover.records import Probe, TrialKey
from crossover.stats import detectable_difference
from crossover.study import (
    RECORDED,
    Plan,
    Room,
    check_budgets,
    check_lengths,
    check_schema,
    constrained,
    default_budgets,
    free_rooms,
    in_words,
    make_plan,
    programs,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """All that was asked for, found to be possible; nothing is written yet.

    Attributes:
        task: with room for its answers.
        methods: those that were named, the user's own prompts among them.
        plan: what of it can be run, in the first precision.
        precisions: those that were asked for; the first is what a new study's verdict is about.
        rooms: precision -> what memory there is.
        models: gives the model in each precision.
        identity: the model's, in the first precision.
        keys: method -> its trials' key but for budget and seed.
        predictions: other systems' answers.
        probes: what the model shall still know.
        time_limit: seconds; a first look's where nothing in particular was asked for; None: everything runs.
    """

    task: Task
    methods: tuple[Method, ...]
    plan: Plan
    precisions: tuple[str, ...]
    rooms: Mapping[str, Room]
    models: OneModel
    identity: ModelIdentity
    keys: Mapping[str, TrialKey]
    predictions: tuple[Predictions, ...]
    probes: tuple[Probe, ...]
    time_limit: float | None


def prepare(  # noqa: PLR0913  # as many as `compare` has
    task: Task | Path | str,
    *,
    model: str,
    methods: Sequence[str] | None,
    budgets: Sequence[int] | None,
    seeds: int,
    effort: float,
    precision: str | Sequence[str],
    time_limit: float | None,
    memory: int | None,
    prompts: Sequence[Path | str],
    predictions: Sequence[Path | str],
    probes: Sequence[Path | str],
    reflector: str | None,
    constrain: str | None,
    margin: float | None,
    listener: Listener,
) -> Prepared:
    """Check what was asked for, load the model and plan; the arguments are those of `compare`.

    Raises:
        UserError: something about data, options or model that the message says how to mend.
    """
    if not isinstance(task, Task):
        task = Task.from_file(task)
    task = constrained(task, constrain)
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
    if methods is None and budgets is None and time_limit is None:
        time_limit = FIRST_LOOK_SECONDS if task.spec.labels else FIRST_LOOK_WRITTEN_SECONDS
        within = "five minutes" if task.spec.labels else "ten minutes, as answers are written"
        listener.note("time", f"what fits into {within}; --time-limit, --methods or --budgets ask for more")
    return Prepared(
        task=task,
        methods=tuple(chosen),
        plan=plan,
        precisions=precisions,
        rooms=rooms,
        models=models,
        identity=identity,
        keys=keys,
        predictions=tuple(recorded),
        probes=tuple(probed),
        time_limit=time_limit,
    )


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
