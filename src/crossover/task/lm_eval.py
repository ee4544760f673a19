"""A task of lm-evaluation-harness becomes rows: plain templates over a local file (its docs: task_guide.md)."""

from __future__ import annotations

__all__ = ["is_lm_eval", "read_lm_eval"]

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crossover.errors import DataError
from crossover.records import Kind
from crossover.task.choices import choices_in
from crossover.task.imported_prompts import as_template, fields_of, filled, wording
from crossover.task.prompts import PromptFile
from crossover.task.registry import read_table
from crossover.task.shapes import answers_end_in_numbers
from crossover.task.source import Said, Source, cells_sha256
from crossover.task.table import ReadOptions, Table
from crossover.task.wording import listed
from crossover.task.yaml_places import Place

OPTIONS = "options"
"""The column made of choices that are templates themselves."""

TARGET = "target"

_READ = (
    *("task", "dataset_path", "dataset_name", "dataset_kwargs", "output_type", "training_split", "validation_split"),
    *("test_split", "fewshot_split", "description", "doc_to_text", "doc_to_target", "doc_to_choice", "metric_list"),
)
_LEFT_OUT = (
    *("tag", "group", "task_alias", "num_fewshot", "generation_kwargs", "repeats", "metadata", "version"),
    *("target_delimiter", "fewshot_delimiter", "filter_list", "should_decontaminate", "fewshot_config"),
    "doc_to_decontamination_query",
)
_FORMATS = ("json", "csv", "parquet", "arrow")
_OUTPUTS = ("generate_until", "multiple_choice")
_KIND_OF_METRIC: Mapping[str, Kind] = {
    **dict.fromkeys(("bleu", "chrf", "ter", "sacrebleu"), "translation"),
    **dict.fromkeys(("rouge", "rouge1", "rouge2", "rougeL", "rougeLsum"), "summarization"),
}
_EXACT = ("exact_match", "em", "f1")


def is_lm_eval(top: Mapping[str, Place]) -> bool:
    """Tell whether a YAML file's keys are those of a task of lm-evaluation-harness."""
    return "doc_to_text" in top or "dataset_path" in top or "output_type" in top


def read_lm_eval(name: str, path: Path, top: Mapping[str, Place], options: ReadOptions) -> Source:
    """Return the rows of the file that a task names, with its templates as columns, prompt and labels.

    Rows keep the data file's numbers. With `doc_to_choice` as a list the choices are a classification's labels; where
    each row has its own they stand below the question with letters, and the answer is a letter.

    Raises:
        DataError: what would run something (`!function`, filters in templates) or fetch it, or is unknown; it names
            line and key.
    """
    for key, place in top.items():
        if key not in (*_READ, *_LEFT_OUT):
            raise place.refused(f'"{key}" is not read.', f"of a task are read: {', '.join(_READ)}")
    for key in ("dataset_path", "doc_to_text", "doc_to_target"):
        if key not in top:
            raise DataError(f'{name} has no "{key}", which a task of lm-eval needs.')
    output = top.get("output_type")
    if output is not None and output.value not in _OUTPUTS:
        raise output.refused(f"{output.shown} is not read.", f"allowed: {', '.join(_OUTPUTS)}")
    (train_name, train), test = _tables(path.parent, top, options)
    rows = _made(top, train)
    said = _said(name, top, rows)
    found = Source(name=train_name, stem=path.stem, table=rows.table, sha256=cells_sha256(rows.table), said=said)
    if test is None:
        return found
    held_out = _made(top, test[1], by=rows.by).table
    return replace(found, test=Source(name=test[0], stem=path.stem, table=held_out, sha256=cells_sha256(held_out)))


# --------------------------------------------------------------------------------------------------------------- files


def _tables(
    folder: Path, top: Mapping[str, Place], options: ReadOptions
) -> tuple[tuple[str, Table], tuple[str, Table] | None]:
    """Return the training rows and, where another file has them, the test's."""
    kind = top["dataset_path"]
    if kind.value not in _FORMATS:
        raise kind.refused(
            f"{kind.shown} is not read: nothing is fetched for an imported file.",
            f"allowed: {', '.join(_FORMATS)} with data_files",
            "a data set of the hub is given itself as DATA: crossover run OWNER/NAME",
        )
    if "dataset_name" in top and top["dataset_name"].value is not None:
        raise top["dataset_name"].refused(f"{top['dataset_name'].shown} is not read; files have no configurations.")
    given = top["dataset_kwargs"].fields if "dataset_kwargs" in top else {}
    for key, place in given.items():
        if key != "data_files":
            raise place.refused(f'"{key}" is not read.', "of dataset_kwargs is read: data_files")
    if "data_files" not in given:
        raise kind.refused("no file is named.", "dataset_kwargs: {data_files: {train: rows.jsonl}}")
    files = _files(folder, given["data_files"])
    wanted = {key: _split(top, files, key) for key in ("training_split", "validation_split", "test_split")}
    test = wanted["test_split"] or wanted["validation_split"]
    train = wanted["training_split"] or _split(top, files, "fewshot_split") or test or next(iter(files.values()))
    if test == train:
        test = None
    read = {path: read_table(path, options) for path in (train, test) if path is not None}
    return (train.name, read[train]), None if test is None else (test.name, read[test])


def _split(top: Mapping[str, Place], files: Mapping[str, Path], key: str) -> Path | None:
    place = top.get(key)
    if place is None or place.value is None:
        return None
    if place.value not in files:
        raise place.refused(f"{place.shown} is no split of data_files.", f"splits: {', '.join(files)}")
    return files[place.text]


def _files(folder: Path, place: Place) -> dict[str, Path]:
    """Return split -> file; one alone is called "train", as `datasets` does."""
    splits = place.value if isinstance(place.value, Mapping) else {"train": place}
    found = {}
    for split, item in splits.items():
        if isinstance(item.value, tuple) and len(item.value) != 1:
            raise item.refused("one file a split is read.", "put its rows into one")
        file = item.value[0] if isinstance(item.value, tuple) else item
        path = (folder / file.text).resolve()
        if "://" in file.text or not path.is_relative_to(folder.resolve()):
            raise file.refused(
                f"{file.shown} lies elsewhere; an imported file reads only what lies beside it.",
                "copy the data beside it, with a path that begins there",
            )
        if not path.is_file():
            raise file.refused(f"there is no file {path}.", "paths begin where the YAML file lies")
        found[split] = path
    if not found:
        raise place.refused("no file is named.")
    return found


# ------------------------------------------------------------------------------------------------------------- columns


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """A table with what the task's templates make of it.

    Attributes:
        target: the column with the wanted answers.
        kind: where the choices or the metrics say it, with the reason.
        options: the column with a question's own choices, lettered.
        by: how the right one of them is said.
    """

    table: Table
    target: str
    kind: Kind | None = None
    reason: str | None = None
    options: str | None = None
    by: str | None = None


def _made(top: Mapping[str, Place], table: Table, *, by: str | None = None) -> _Rows:
    for field in fields_of(_text_template(top, table)):
        if field not in table.columns:
            raise _no_column(top["doc_to_text"], field, table)
    target = _column(top["doc_to_target"], table)
    if target is None:
        target = TARGET
        table = _with(table, TARGET, [filled(top["doc_to_target"], row) for row in _texts(table)])
    place, output = top.get("doc_to_choice"), top.get("output_type")
    if place is None or place.value is None:
        if output is not None and output.value == "multiple_choice":
            raise output.refused("multiple_choice needs doc_to_choice.")
        names = [str(one.fields["metric"].value) for one in _metrics(top) if "metric" in one.fields]
        kind, reason = _open_kind(names, table.column(target))
        return _Rows(table=table, target=target, kind=kind, reason=reason)
    if isinstance(place.value, tuple) and not any("{" in str(item.value) for item in place.items):
        labels = _labels(place, table.column(target), target)
        table = _with(table, target, labels)
        return _Rows(table=table, target=target, kind="classification", reason="doc_to_choice lists the labels")
    options = _column(place, table)
    if options is None:
        options = OPTIONS
        lists = [json.dumps([filled(item, row) for item in place.items]) for row in _texts(table)]
        table = _with(table, OPTIONS, lists)
    found = choices_in(table, options, target, by=by)
    if found is None:
        raise place.refused(f'"{target}" does not point at one of the choices in every row.')
    reason = f'each row has choices of its own and "{target}" says which is right, by {found.by}'
    return _Rows(table=found.table, target=target, kind="qa", reason=reason, options=options, by=found.by)


def _open_kind(metrics: Sequence[str], answers: Sequence[str | None]) -> tuple[Kind | None, str | None]:
    """Return the kind that the metrics speak of, with the reason; None where the answers will tell it."""
    known = next((name for name in metrics if name in _KIND_OF_METRIC), None)
    if known is not None:
        return _KIND_OF_METRIC[known], f"its metric is {known}"
    exact = next((name for name in metrics if name in _EXACT), None)
    if exact is None or len(set(answers)) <= len(answers) / 2:
        return None, None
    if answers_end_in_numbers(answers):
        return "math", "the answers end in a number after ####"
    return "qa", f"its metric is {exact}, and most answers differ"


def _said(name: str, top: Mapping[str, Place], rows: _Rows) -> Said:
    template = _text_template(top, rows.table).rstrip()
    above = top["description"].text.strip() if "description" in top and top["description"].value is not None else ""
    if "{" in above:
        raise top["description"].refused("a field in the description is not read.", "put it into doc_to_text")
    words = wording(template, keep_cue=False)
    rest = words.input_template
    if rows.options is not None and rows.options not in fields_of(template):
        rest = f"{rest or template}\n{{{rows.options}}}"
        cue = f"\n{words.cue}" if words.cue is not None else ""
        template = f"{template.removesuffix(cue)}\n{{{rows.options}}}{cue}"
    notes = [f"a task of lm-eval: {name}"]
    if rows.reason is not None:
        notes.append(f"kind: {rows.kind}, {rows.reason}")
    left_out = [key for key in _LEFT_OUT if key in top]
    if left_out:
        notes.append(f"not read: {', '.join(left_out)}")
    if words.cue is not None:
        notes.append(
            f'doc_to_text\'s last line, "{words.cue}", is left to the methods; the arm prompt:doc_to_text has it'
        )
    return Said(
        inputs=fields_of(template),
        target=rows.target,
        kind=rows.kind,
        metric="choice_accuracy" if rows.options is not None else None,
        instruction="\n\n".join(filter(None, (above, words.instruction))) or None,
        input_template=rest,
        prompts=(PromptFile(name="doc_to_text", text=f"{above}\n\n{template}".strip()),),
        notes=tuple(notes),
    )


def _text_template(top: Mapping[str, Place], table: Table) -> str:
    place = top["doc_to_text"]
    column = _column(place, table)
    template = as_template(place) if column is None else f"{{{column}}}"
    if not fields_of(template):
        raise place.refused("there is no {{field}}: the model would never see the input.")
    return template


def _column(place: Place, table: Table) -> str | None:
    """Return the column that a key names, bare or as {{column}}; None where it is more than that."""
    if isinstance(place.value, tuple):
        return None
    text = place.text.strip()
    bare = text[2:-2].strip() if text.startswith("{{") and text.endswith("}}") else text
    if bare in table.columns:
        return bare
    if "{" not in text:
        raise _no_column(place, text, table)
    return None


def _no_column(place: Place, name: str, table: Table) -> DataError:
    return place.refused(f'there is no column "{name[:60]}".', "columns: " + listed(table.columns, at_most=20))


def _labels(place: Place, cells: Sequence[str | None], target: str) -> list[str | None]:
    """Return each row's choice: what points at it is its number, from 0, or the choice itself."""
    choices = [_word(item) for item in place.items]
    said = [(cell or "").strip() for cell in cells]
    numbers = {str(number): choice for number, choice in enumerate(choices)}
    ways = [way for way in (numbers, {one: one for one in choices}) if {*said} - {""} <= way.keys()]
    found = [[way.get(cell) for cell in said] for way in ways]
    if not found:
        odd = next((cell for cell in said if cell and cell not in numbers and cell not in choices), said[0])
        raise place.refused(f'"{target}" has the value "{odd[:40]}", which is no choice and no number of one.')
    if len(found) == 2 and found[0] != found[1]:
        raise place.refused(
            f'"{target}" may mean a choice or its number: the choices are numbers.', "write them as words"
        )
    return found[0]


def _word(place: Place) -> str:
    if isinstance(place.value, Mapping | tuple) or place.value is None:
        raise place.refused(f"a choice is a text, got {place.shown}.")
    return place.value if isinstance(place.value, str) else json.dumps(place.value)


def _with(table: Table, column: str, cells: Sequence[str | None]) -> Table:
    """Return a table with a column made anew."""
    if column not in table.columns:
        added = tuple((*row, new) for row, new in zip(table.cells, cells, strict=True))
        return replace(table, columns=(*table.columns, column), cells=added)
    at = table.columns.index(column)
    changed = tuple((*row[:at], new, *row[at + 1 :]) for row, new in zip(table.cells, cells, strict=True))
    return replace(table, cells=changed)


def _metrics(top: Mapping[str, Place]) -> tuple[Place, ...]:
    place = top.get("metric_list")
    return place.items if place is not None and place.value is not None else ()


def _texts(table: Table) -> list[dict[str, str]]:
    return [{name: cell or "" for name, cell in zip(table.columns, row, strict=True)} for row in table.cells]
