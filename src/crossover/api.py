"""The operations that people call: compare, open a study, pack, load. The command line is a thin layer above."""

from __future__ import annotations

__all__ = ["Bundle", "Listener", "Study", "compare", "doctor", "load", "methods", "models", "open_study", "predict_file"]

import csv
import hashlib
import io
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crossover.bundle import Bundle, load_bundle, pack_candidate
from crossover.errors import DataError, OptionError, StudyError
from crossover.listener import Listener, Silent
from crossover.methods import DEFAULT_METHODS, Method, get_method, method_names
from crossover.methods.prompt.zero_shot import UserPrompt
from crossover.metrics import get_metric
from crossover.model.allocation import keep_memory
from crossover.model.base import LanguageModel
from crossover.model.catalog import CATALOG, DEFAULT_MODEL, cache_folder
from crossover.model.load import load_model
from crossover.model.precision import choose_precision, measure_throughput
from crossover.records import Arm, TaskSpec, TrialKey, TrialRecord, Verdict
from crossover.stats import detectable_difference
from crossover.study import (
    Plan,
    StudyKey,
    StudyMemo,
    StudyStore,
    default_budgets,
    fit_time,
    make_plan,
    measure_pace,
    record_predictions,
    run_cells,
    task_shape,
)
from crossover.task import Task, read_predictions, read_prompt, read_table, unlabelled
from crossover.verdict import decide, to_json

_PARTS = ("crossover-lm", "torch", "transformers", "peft", "scikit-learn", "polars")


def compare(
    task: Task | Path | str,
    *,
    model: str = DEFAULT_MODEL,
    methods: Sequence[str] | None = None,
    budgets: Sequence[int] | None = None,
    seeds: int = 3,
    effort: float = 1.0,
    precision: str = "auto",
    time_limit: float | None = None,
    prompts: Sequence[Path | str] = (),
    predictions: Sequence[Path | str] = (),
    study: Path | str | None = None,
    listener: Listener | None = None,
    command: str | None = None,
) -> Study:
    """Measure methods × budgets × seeds on a task and keep every trial in a study folder.

    Running it again with the same data and model goes on where it stopped; more methods, budgets or seeds extend the study.

    Args:
        task: a task, or a data file.
        model: a catalog name, a folder or Hugging Face id with safetensors, or a GGUF file.
        methods: names (see `methods()`); by default all.
        budgets: numbers of labelled examples; by default a few that a laptop can do.
        seeds: how many draws of the labels (and of everything random) each arm gets.
        effort: compute a method may spend on fitting and choosing; 1 is one default LoRA fit.
        precision: fp32, fp16, bf16 or auto.
        time_limit: seconds; arms that do not fit are left out and named.
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
    begin = time.monotonic()
    _check_options(seeds, effort, time_limit)
    chosen = [get_method(name) for name in dict.fromkeys(methods or DEFAULT_METHODS)]
    chosen += [UserPrompt(p.name, p.text) for p in (read_prompt(path, task.spec) for path in prompts)]
    recorded = [read_predictions(path, task.test, task.spec) for path in predictions]
    _refuse_twins([m.name for m in chosen] + [f"predictions:{p.name}" for p in recorded])
    wanted = tuple(dict.fromkeys(budgets)) if budgets else default_budgets(len(task.train), len(task.spec.labels))
    for line in _opening(task, seeds):
        listener.note(*line)

    keep_memory()
    loaded = load_model(model, precision=precision, report=listener.progress)
    identity = loaded.identity
    listener.note("model", _describe(identity.name, identity.source_precision, identity.precision, identity.device))
    folder = Path(study) if study is not None else Path(f"{task.spec.name}-study")
    store = StudyStore.open(folder, create=True)
    store.claim(StudyKey(data_sha256=task.info.data_sha256, model=identity.name, model_sha256=identity.sha256))

    keys = {m.name: _key(m, task.spec, identity.name, identity.precision, effort) for m in chosen}
    plan = make_plan(
        chosen,
        wanted,
        seeds,
        task.spec,
        loaded.capabilities,
        n_train=len(task.train),
        asked=frozenset(methods or ()),
        keys=keys,
    )
    metric = get_metric(task.spec.metric)
    answers = {f"predictions:{p.name}": p for p in recorded}
    wordings = {name: key.wording for name, key in keys.items()}
    for name, given in answers.items():
        wordings[name] = _digest(sorted(given.answers.items()))
    memo = StudyMemo(
        spec=task.spec,
        info=task.info,
        checks=task.check.summary(),
        test=task.test,
        model=asdict(identity),
        precision=identity.precision,
        effort=effort,
        current=wordings,
        prompts=_prompts(chosen, task),
        command=command or "crossover.compare(...)",
        created=datetime.now(UTC).strftime("%-d %B %Y, %H:%M UTC"),
        machine=_machine(),
        versions={part: version(part) for part in _PARTS},
    )
    memo.save(store)
    for name, given in answers.items():
        key = TrialKey(method=name, budget=0, seed=0, model="", precision="", effort=effort, wording=wordings[name])
        store.finish(record_predictions(given, task, metric, key))
    _run(plan, task, store, loaded, listener, begin=begin, time_limit=time_limit, effort=effort)
    return Study(store, memo)


def open_study(folder: Path | str) -> Study:
    """Open a study's folder.

    Raises:
        StudyError: there is none, or its run stopped before the first trial.
    """
    store = StudyStore.open(Path(folder))
    memo = StudyMemo.load(store)
    if memo is None:
        raise StudyError(f"{folder} is an empty study.", "run it first: crossover run DATA --study DIR")
    return Study(store, memo)


class Study:
    """A study folder: its trials, and what follows from them."""

    def __init__(self, store: StudyStore, memo: StudyMemo) -> None:
        """Use `compare` or `open_study`."""
        self._store = store
        self._memo = memo

    @property
    def folder(self) -> Path:
        """Where the study is kept."""
        return self._store.folder

    def records(self) -> tuple[TrialRecord, ...]:
        """Return the finished trials that the verdict is drawn from."""
        stored = StudyMemo.load(self._store) or self._memo
        return tuple(stored.records(self._store))

    def verdict(self) -> Verdict:
        """Return what follows from the study's records; computed anew each time, from them alone."""
        return decide(self.records(), self._memo.info)

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
        from crossover.report.page import render  # noqa: PLC0415
        from crossover.report.provenance import Provenance  # noqa: PLC0415

        memo = StudyMemo.load(self._store) or self._memo
        model = memo.model
        provenance = Provenance(
            study=self.folder.name,
            created=memo.created,
            command=memo.command,
            versions={**memo.versions, "Python": platform.python_version()},
            checks=memo.checks,
            prompts=memo.prompts,
            model=(
                _describe(model["name"], model["source_precision"], model["precision"], model["device"]),
                f"{model['parameters']:,} parameters, reads {model['context_tokens']:,} tokens",
                memo.machine,
            ),
            hashes={"model": str(model["sha256"])},
        )
        rows = {e.id: e for e in memo.test} if examples else None
        page = render(self.verdict(), self.records(), provenance=provenance, examples=rows)
        return _replace(Path(path), page)

    def pack(self, output: Path | str | None = None, *, arm: str | None = None) -> Path:
        """Pack the recommended arm (or another) as a bundle: the seed with the median dev score.

        The bundle is answered with in a fresh process first: if it does not give the recorded answers on 100 test rows,
        nothing is left behind.

        Raises:
            StudyError: the verdict recommends nothing that can be packed.
            BundleError: the fresh process answers otherwise.
        """
        verdict = self.verdict()
        name = arm or verdict.recommended
        chosen = next((a for a in verdict.arms if a.arm == name), None)
        if chosen is None:
            known = ", ".join(a.arm for a in verdict.arms)
            raise StudyError(f"there is no arm {name!r} in {self.folder}.", f"arms: {known}")
        record = _median_seed(chosen, self.records())
        if record is None or record.candidate is None or record.measurement is None:
            raise StudyError(f"{chosen.arm} cannot be packed: it left no candidate.", "name another with --arm")
        target = Path(output) if output is not None else self.folder.parent / f"{self._memo.spec.name}-bundle"
        return pack_candidate(
            target,
            candidate=self._store.candidate(record.candidate),
            record=record,
            verdict=verdict,
            spec=self._memo.spec,
            test=self._memo.test,
            model=self._memo.model,
        )


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
    if output is not None and Path(output).suffix not in {".csv", ".jsonl"}:
        raise OptionError(f"{output} has no ending that is known.", "allowed: .csv, .jsonl")
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
    text = _as_text(answered, [*columns, field], "jsonl" if str(output).endswith(".jsonl") else "csv")
    if output is None:
        sys.stdout.write(text)
    else:
        _replace(Path(output), text)
    return len(answered)


def methods() -> list[dict[str, str]]:
    """Return name, family and summary of every method."""
    return [{"name": m.name, "family": m.family, "summary": m.summary} for m in map(get_method, method_names())]


def models() -> list[dict[str, Any]]:
    """Return the models that have a short name, and whether they are on this machine."""
    return [
        {
            "name": m.name,
            "title": m.title,
            "license": m.license,
            "parameters": m.parameters,
            "source_precision": m.source_precision,
            "download_mb": m.download_mb,
            "on_this_machine": (cache_folder() / "models" / m.name).exists(),
            "is_default": m.name == DEFAULT_MODEL,
        }
        for m in CATALOG.values()
    ]


def doctor() -> dict[str, Any]:
    """Return what this machine has and what `auto` chooses on it."""
    import psutil  # noqa: PLC0415  # with torch: neither belongs into the start-up of other commands
    import torch  # noqa: PLC0415

    cuda = torch.cuda.is_available()
    device = "cuda" if cuda else "cpu"
    return {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "memory_mb": round(psutil.virtual_memory().total / 2**20),
        "memory_free_mb": round(psutil.virtual_memory().available / 2**20),
        "gpu": torch.cuda.get_device_name(0) if cuda else None,
        "gflops": {k: None if v is None else round(v) for k, v in measure_throughput(device).gflops.items()},
        "auto_precision": choose_precision("auto", device),
        "cache": str(cache_folder()),
        "versions": {part: version(part) for part in _PARTS} | {"python": platform.python_version()},
    }


def _run(
    plan: Plan,
    task: Task,
    store: StudyStore,
    model: LanguageModel,
    listener: Listener,
    *,
    begin: float,
    time_limit: float | None,
    effort: float,
) -> None:
    finished = store.finished()
    todo = [cell for cell in plan.cells if cell.key not in finished]
    seconds_of: dict[tuple[str, int], float] = {}
    passes_of: dict[tuple[str, int], int] = {}
    deadline = None if time_limit is None else begin + time_limit
    if todo:
        inputs = unlabelled(task.train, 0, 64)
        shape = task_shape(task.spec, inputs, len(task.test), model)
        pace = measure_pace(task.spec, inputs, model)
        for cell in plan.cells:
            arm = (cell.method.name, cell.key.budget)
            cost = cell.method.cost(shape, cell.key.budget, effort)
            seconds_of[arm] = pace.seconds(cell.method, shape, cell.key.budget, effort)
            passes_of[arm] = round(cost.read + 3 * cost.trained)
        if deadline is not None:
            plan = fit_time(plan, pace, shape, deadline - time.monotonic(), done=frozenset(finished))
    expected = sum(seconds_of[c.method.name, c.key.budget] for c in plan.cells if c.key not in finished) if todo else 0.0
    listener.plan([(c.method.name, c.key.budget, c.key.seed) for c in plan.cells], expected)
    for left in plan.left_out:
        listener.left_out(left.method, left.budget, left.reason)
    run_cells(
        plan.cells,
        task,
        store,
        model,
        get_metric(task.spec.metric),
        listener,
        deadline=deadline,
        seconds_of=seconds_of,
        passes_of=passes_of,
    )


def _check_options(seeds: int, effort: float, time_limit: float | None) -> None:
    if not 1 <= seeds <= 100:
        raise OptionError(f"--seeds {seeds} is not possible.", "allowed: 1 to 100; a verdict needs 3")
    if not 0.05 <= effort <= 100:
        raise OptionError(f"--effort {effort:g} is not possible.", "allowed: 0.05 to 100; 1 is one default LoRA fit")
    if time_limit is not None and time_limit < 10:
        raise OptionError(f"--time-limit {time_limit:g} s is too short.", "allowed: 10s or more, for example 5m or 1h")


def _refuse_twins(names: Sequence[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise OptionError(f"two arms have the name {twins[0]}.", "prompts and predictions are named by their files: rename one")


def _opening(task: Task, seeds: int) -> list[tuple[str, str]]:
    lines = [(task.check.files[0].name, task.check.summary()[0])]
    lines += [("", line) for line in task.check.summary()[1:]]
    lines += [("", note) for note in task.check.notes]
    seen = 100 * detectable_difference(len(task.test), max(seeds, 2))
    how = "rows" if len(task.check.files) > 1 and not task.check.n_undrawn else "rows, stratified"
    lines.append(("test", f"{len(task.test)} {how}: differences under about {seen:.0f} points will not be seen · --test-size"))
    return lines


def _key(method: Method, spec: TaskSpec, model: str, precision: str, effort: float) -> TrialKey:
    wording = ""
    if method.needs:
        said = [spec.instruction, sorted(spec.label_names.items())]
        wording = _digest([*said, method.program(spec).template] if isinstance(method, UserPrompt) else said)
    model, precision = (model, precision) if method.needs else ("", "")
    return TrialKey(method=method.name, budget=0, seed=0, model=model, precision=precision, effort=effort, wording=wording)


def _prompts(methods: Sequence[Method], task: Task) -> dict[str, str]:
    from crossover.candidate import PromptProgram  # noqa: PLC0415  # kept with its one user

    inputs = {name: f"{{{name}}}" for name in task.spec.input_fields}
    programs = {"default": PromptProgram.default(task.spec)}
    programs |= {m.name: m.program(task.spec) for m in methods if isinstance(m, UserPrompt)}
    return {
        name: "\n\n".join(f"{m['role']}: {m['content']}" for m in program.prompts([inputs])[0])
        for name, program in programs.items()
    }


def _median_seed(arm: Arm, records: Sequence[TrialRecord]) -> TrialRecord | None:
    """Return the arm's trial whose dev score is the median; the lower one of two in the middle (Fairness 11)."""
    mine = [
        r
        for r in records
        if r.key.method == arm.method and r.key.budget == arm.budget and r.candidate is not None and r.measurement
    ]
    mine.sort(key=lambda r: (r.dev_score if r.dev_score is not None else 0.0, r.key.seed))
    return mine[(len(mine) - 1) // 2] if mine else None


def _describe(name: str, source: str, precision: str, device: str) -> str:
    bits = {"q4_0": "4-bit", "q4_1": "4-bit", "q4_k": "4-bit", "q5_k": "5-bit", "q8_0": "8-bit"}.get(source)
    where = f"{os.cpu_count()} cores" if device == "cpu" else device
    return f"{name} ({f'{bits} source' if bits else source}) in {precision} on {where}"


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, ensure_ascii=False).encode()).hexdigest()[:12]


def _as_text(rows: Sequence[Mapping[str, str]], columns: Sequence[str], form: str) -> str:
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    # A cell that a spreadsheet would run as a formula is written as text.
    writer.writerows([["'" + row[c] if row[c][:1] in _FORMULA else row[c] for c in columns] for row in rows])
    return text.getvalue()


_FORMULA = {"=", "+", "-", "@", "\t", "\r"}


def _replace(path: Path, text: str) -> Path:
    """Write a file whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror or error}.", "name another place with --html FILE") from error
    finally:
        scratch.unlink(missing_ok=True)
    return path


