"""The operations that people call: compare, open a study, pack, load. The command line is a thin layer above."""

from __future__ import annotations

__all__ = [
    "Bundle",
    "Listener",
    "Study",
    "compare",
    "doctor",
    "load",
    "methods",
    "models",
    "open_study",
    "predict_file",
]

import csv
import io
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crossover.about import doctor, machine, methods, models, parts
from crossover.bundle import Bundle, load_bundle, pack_candidate
from crossover.errors import DataError, OptionError, StudyError, closest
from crossover.listener import Listener, Silent
from crossover.methods import DEFAULT_METHODS, get_method
from crossover.methods.prompt.zero_shot import UserPrompt
from crossover.metrics import get_metric
from crossover.model.allocation import keep_memory
from crossover.model.catalog import DEFAULT_MODEL
from crossover.model.load import ModelSource, find_model
from crossover.model.one import OneModel
from crossover.model.precision import PRECISIONS, choose_precision, device_name, unavailable
from crossover.records import Arm, TrialKey, TrialRecord, Verdict
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
    conduct,
    default_budgets,
    digest,
    in_words,
    make_plan,
    programs,
    record_predictions,
    resident_bytes,
    rooms_for,
    trial_key,
)
from crossover.task import Predictions, Task, read_predictions, read_prompt, read_table
from crossover.verdict import decide, to_json

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would run."""

FIRST_LOOK_SECONDS = 290.0
"""What a run takes that asks for nothing in particular: people want a first answer before they go for coffee."""


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
    study: Path | str | None = None,
    listener: Listener | None = None,
    command: str | None = None,
) -> Study:
    """Measure methods × budgets × seeds on a task and keep every trial in a study folder.

    Running it again with the same data and model goes on where it stopped; more methods, budgets or seeds extend it.

    Args:
        task: a task, or a data file.
        model: a catalog name, a folder or Hugging Face id with safetensors, or a GGUF file.
        methods: names (see `methods()`); by default all.
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
        study: the folder; by default NAME-study beside where you are.
        listener: told what happens.
        command: what the report gives as the command that does it again.

    Raises:
        UserError: something about data, options, model or study that the message says how to mend.
    """
    if not isinstance(task, Task):
        task = Task.from_file(task)
    listener = listener or Silent()
    _check_options(seeds, effort, time_limit)
    chosen = [get_method(name) for name in dict.fromkeys(methods or DEFAULT_METHODS)]
    chosen += [UserPrompt(p.name, p.text) for p in (read_prompt(path, task.spec) for path in prompts)]
    recorded = [read_predictions(path, task.test, task.spec) for path in predictions]
    _refuse_twins([m.name for m in chosen] + [RECORDED + p.name for p in recorded])
    wanted = tuple(dict.fromkeys(budgets or default_budgets(len(task.train), len(task.spec.labels))))
    check_budgets(wanted, len(task.train))
    for line in _opening(task, seeds, recorded):
        listener.note(*line)

    keep_memory()
    device = device_name()
    precisions = tuple(dict.fromkeys(choose_precision(p, device) for p in _several(precision)))
    source = find_model(model, report=listener.progress)
    rooms = None if memory is None else _rooms(memory, source, precisions, device, listener)
    models = OneModel(source)
    identity = models.at(precisions[0]).identity
    listener.note("model", _describe(asdict(identity), precisions))
    keys = {m.name: trial_key(m, task.spec, identity, effort) for m in chosen}
    plan = make_plan(
        chosen,
        wanted,
        seeds,
        task.spec,
        models.at(precisions[0]).capabilities,
        n_train=len(task.train),
        asked=frozenset(methods or ()),
        keys=keys,
    )
    check_lengths(task, list(programs(chosen, task.spec).values()), models.at(precisions[0]))

    # All that can be wrong with what was asked for is known here: only now is a folder made.
    folder = Path(study) if study is not None else Path(f"{task.spec.name}-study")
    store = StudyStore.open(folder, create=True)
    if methods is None and budgets is None and time_limit is None:
        time_limit = FIRST_LOOK_SECONDS
        listener.note("time", "what fits into five minutes; --time-limit, --methods or --budgets ask for more")
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
        ).save(store)
        _say_what_counts(store, precisions, listener)
        metric = get_metric(task.spec.metric)
        for key, given in answered.items():
            store.finish(record_predictions(given, task, metric, key))
        plans = dict(zip(precisions, at_precisions(plan, precisions), strict=True))
        conduct(plans, task, store, models, metric, listener, effort=effort, deadline=deadline, rooms=rooms)
    return Study(store)


def open_study(folder: Path | str) -> Study:
    """Open a study's folder.

    Raises:
        StudyError: there is none, or its run stopped before the first trial.
    """
    return Study(StudyStore.open(Path(folder)))


class Study:
    """A study folder: its trials, and what follows from them."""

    def __init__(self, store: StudyStore) -> None:
        """Use `compare` or `open_study`."""
        self._store = store
        if StudyMemo.load(store) is None:
            raise StudyError(f"{store.folder} is an empty study.", "run it first: crossover run DATA --study DIR")

    @property
    def folder(self) -> Path:
        """Where the study is kept."""
        return self._store.folder

    def records(self) -> tuple[TrialRecord, ...]:
        """Return the finished trials that the verdict is drawn from."""
        return tuple(self._memo().records(self._store))

    def verdict(self) -> Verdict:
        """Return what follows from the study's records; computed anew each time, from them alone."""
        memo = self._memo()
        return decide(self.records(), memo.info, precision=memo.precision)

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values, schema crossover.verdict/1."""
        return dict(to_json(self.verdict()))

    def report(self, path: Path | str, *, examples: bool = True) -> Path:
        """Write the report: one page that opens offline.

        Args:
            path: the HTML file.
            examples: whether rows of the test on which arms differ go along. They are the user's texts.
        """
        # Altair takes half a second to import: only who wants a page waits for it.
        from crossover.report.page import render
        from crossover.report.provenance import Provenance

        memo, verdict = self._memo(), self.verdict()
        model = memo.model
        precisions = tuple(dict.fromkeys([memo.precision, *(arm.precision for arm in verdict.arms if arm.precision)]))
        provenance = Provenance(
            study=self.folder.name,
            created=memo.created,
            command=memo.command,
            versions=memo.versions,
            checks=memo.checks,
            prompts=memo.prompts,
            model=(
                _describe(model, precisions),
                f"{model['parameters']:,} parameters, reads {model['context_tokens']:,} tokens",
                memo.machine,
            ),
            hashes={"model": str(model["sha256"])},
        )
        rows = {e.id: e for e in memo.test} if examples else None
        page = render(verdict, self.records(), provenance=provenance, examples=rows)
        way_out = "free some space, or name another place: crossover report STUDY --html FILE"
        return _replace(Path(path), page, way_out)

    def pack(self, output: Path | str | None = None, *, arm: str | None = None) -> Path:
        """Pack the recommended arm (or another) as a bundle: the seed with the median dev score.

        The bundle is answered with in a fresh process first: if it does not give the recorded answers on 100 test rows,
        nothing is left behind.

        Raises:
            StudyError: the verdict recommends nothing that can be packed.
            BundleError: the fresh process answers otherwise.
        """
        memo, verdict, records = self._memo(), self.verdict(), self.records()
        name = arm or verdict.recommended
        if name is None:
            raise StudyError(
                f"{self.folder} has no arm to recommend yet.", "go on with the run, or name one with --arm"
            )
        chosen = next((a for a in verdict.arms if a.arm == name), None)
        if chosen is None:
            known = [a.arm for a in verdict.arms]
            near = closest(name, known)
            hint = [f"did you mean {near}?"] if near else []
            raise StudyError(f"there is no arm {name!r} in {self.folder}.", "arms: " + ", ".join(known), *hint)
        record = _median_seed(chosen, records)
        if record is None or record.candidate is None or record.measurement is None:
            raise StudyError(f"{chosen.arm} cannot be packed: it left no candidate.", "name another with --arm")
        return pack_candidate(
            Path(output) if output is not None else self.folder.parent / f"{memo.spec.name}-bundle",
            candidate=self._store.candidate(record.candidate),
            record=record,
            verdict=verdict,
            spec=memo.spec,
            test=memo.test,
            # The memo's model is the last run's; an arm of another precision is packed in its own.
            model={**memo.model, "precision": record.key.precision or memo.model["precision"]},
        )

    def _memo(self) -> StudyMemo:
        """Read what is remembered: another run may have gone on with the study."""
        memo = StudyMemo.load(self._store)
        assert memo is not None, "the constructor has seen one"
        return memo


def load(path: Path | str) -> Bundle:
    """Open a bundle: `load("tickets-bundle").predict([{"text": "where is my parcel"}])`.

    Raises:
        BundleError: it is damaged or not a bundle.
        ModelError: the model that it was made with cannot be had.
    """
    keep_memory()
    return load_bundle(Path(path))


def predict_file(bundle: Path | str, file: Path | str, output: Path | str | None = None) -> int:
    """Answer the rows of a file with a bundle; return how many.

    Args:
        bundle: the bundle's folder.
        file: rows with the bundle's input columns; other columns are kept.
        output: .csv or .jsonl; None writes csv to standard output. The answers' column is `predicted_TARGET`.

    Raises:
        DataError: the file cannot be read or lacks an input column.
        OptionError: the output cannot be written, or has another ending.
    """
    if output is not None:
        if Path(output).suffix not in {".csv", ".jsonl"}:
            raise OptionError(f"{output} has no ending that is known.", "allowed: .csv, .jsonl")
        if not Path(output).absolute().parent.is_dir():
            raise OptionError(
                f"{output} cannot be written: there is no such folder.", "make it, or name another with -o"
            )
    table = read_table(Path(file))
    opened = load(bundle)
    missing = [name for name in opened.input_fields if name not in table.columns]
    if missing:
        raise DataError(
            f'{Path(file).name} has no column "{missing[0]}".',
            "columns: " + ", ".join(table.columns),
            "the bundle reads: " + ", ".join(opened.input_fields),
        )
    columns = {name: [value or "" for value in table.column(name)] for name in table.columns}
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    answers = opened.predict([{name: row[name] for name in opened.input_fields} for row in rows])
    field = f"predicted_{opened.target_field}"
    answered = [{**row, field: p.answer or ""} for row, p in zip(rows, answers, strict=True)]
    names = list(dict.fromkeys([*columns, field]))
    text = _as_text(answered, names, "jsonl" if str(output).endswith(".jsonl") else "csv")
    if output is None:
        sys.stdout.write(text)
    else:
        _replace(Path(output), text, "name another place with -o FILE")
    return len(answered)


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
    memory: int, source: ModelSource, precisions: Sequence[str], device: str, listener: Listener
) -> dict[str, Room]:
    base = resident_bytes()
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


def _refuse_twins(names: Sequence[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise OptionError(
            f"two arms have the name {twins[0]}.", "prompts and predictions are named by their files: rename one"
        )


def _opening(task: Task, seeds: int, recorded: Sequence[Predictions]) -> list[tuple[str, str]]:
    lines = [(task.check.files[0].name, task.check.summary()[0])]
    lines += [("", line) for line in task.check.summary()[1:]]
    lines += [("", note) for note in task.check.notes]
    seen = 100 * detectable_difference(len(task.test), max(seeds, 2))
    how = "rows" if len(task.check.files) > 1 and not task.check.n_undrawn else "rows, stratified"
    unseen = f"differences under about {seen:.0f} points will not be seen"
    lines.append(("test", f"{len(task.test)} {how}: {unseen} · --test-size"))
    lines += [("predictions", f"{given.name}: {note}") for given in recorded for note in given.notes]
    return lines


def _answers_key(given: Predictions) -> TrialKey:
    wording = digest(sorted(given.answers.items()))
    return TrialKey(method=RECORDED + given.name, budget=0, seed=0, model="", precision="", wording=wording)


def _median_seed(arm: Arm, records: Sequence[TrialRecord]) -> TrialRecord | None:
    """Return the arm's trial whose dev score is the median; the lower one of two in the middle (Fairness 11)."""
    wanted = (arm.method, arm.budget, arm.model, arm.precision)
    mine = [
        r
        for r in records
        if (r.key.method, r.key.budget, r.key.model, r.key.precision) == wanted
        and r.candidate is not None
        and r.measurement is not None
    ]
    mine.sort(key=lambda r: (r.dev_score if r.dev_score is not None else 0.0, r.key.seed))
    return mine[(len(mine) - 1) // 2] if mine else None


def _describe(model: Mapping[str, Any], precisions: Sequence[str]) -> str:
    source, device = model["source_precision"], model["device"]
    bits = {"q4_0": "4-bit", "q4_1": "4-bit", "q4_k": "4-bit", "q5_k": "5-bit", "q8_0": "8-bit"}.get(source)
    where = f"{os.cpu_count()} cores" if device == "cpu" else device
    return f"{model['name']} ({f'{bits} source' if bits else source}) in {', '.join(precisions)} on {where}"


def _as_text(rows: Sequence[Mapping[str, str]], columns: Sequence[str], form: str) -> str:
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for cells in (columns, *([row[column] for column in columns] for row in rows)):
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return text.getvalue()


def _replace(path: Path, text: str, way_out: str) -> Path:
    """Write a file whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with scratch.open("w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror or error}.", way_out) from error
    finally:
        with suppress(OSError):
            scratch.unlink()
    return path
