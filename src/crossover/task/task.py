"""A task: what a data file becomes."""

from __future__ import annotations

__all__ = ["Task"]

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path

from crossover.errors import DataError, OptionError
from crossover.metrics import metric_for
from crossover.metrics.checks import check_rules
from crossover.metrics.labels import label_key
from crossover.records import Example, Json, Kind, TaskInfo, TaskSpec
from crossover.task.check import ClassCount, DataCheck, FileRead, SetAside
from crossover.task.choices import find_choices, input_columns, like
from crossover.task.clean import Row, labelled_rows
from crossover.task.columns import Columns, choose_columns
from crossover.task.conversations import said
from crossover.task.divided import divide
from crossover.task.kinds import check_kind_option, kind_of
from crossover.task.label_names import check_label_names, read_label_names
from crossover.task.open_source import open_source
from crossover.task.prompts import PromptFile
from crossover.task.schema import check_targets, infer_schema, parse_targets, read_schema
from crossover.task.shapes import shaped
from crossover.task.sides import MIN_ROWS, check_has_rows, check_rows, sides_of_one_file, sides_of_two_files
from crossover.task.source import Source
from crossover.task.table import STUDY_ROWS, ReadOptions, Table
from crossover.task.wording import listed
from crossover.task.workbook import XlsxReader
from crossover.template import parse, validate

HASH_VERSION = "crossover.task/1"
MIN_ANSWER_TOKENS = 16
MAX_ANSWER_TOKENS = 1024
SHOWN_CHARACTERS = 200
MOST_ANSWER_TOKENS = 32_768
UNKNOWN_ANSWER_TOKENS = 256
"""Room for an answer where no wanted one tells how long they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task made from a data file: what methods may know, the two splits, and how they came about.

    Attributes:
        spec: what a method may know.
        train: rows to draw label budgets from (`sample`), in the file's order.
        test: held-out rows, in the file's order; no text of theirs is in `train`.
        info: the task as a verdict names it; `data_sha256` covers the files' bytes and what shapes the splits.
        check: what was read, inferred and set aside.
        room_said: whether people said how long an answer may be, or no target tells it; otherwise `spec.answer_tokens`
            is an estimate.
        prompts: whole prompts that came with the data, each of which is an arm.
    """

    spec: TaskSpec
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    info: TaskInfo
    check: DataCheck
    room_said: bool = False
    prompts: tuple[PromptFile, ...] = ()

    @property
    def n_labelled(self) -> int:
        """How many training rows have a wanted answer: what a label budget can be."""
        return sum(example.target is not None for example in self.train)

    @classmethod
    def from_file(  # noqa: PLR0913  # the command line's contract has as many
        cls,
        path: Path | str,
        *,
        test: Path | str | None = None,
        test_size: int | None = None,
        input: str | Sequence[str] | None = None,
        target: str | None = None,
        kind: str | None = None,
        metric: str | None = None,
        schema: Mapping[str, Json] | Path | str | None = None,
        answer_tokens: int | None = None,
        input_template: str | None = None,
        instruction: str | None = None,
        label_names: Mapping[str, str] | Path | str | None = None,
        sheet: str | None = None,
        max_rows: int = STUDY_ROWS,
        merge_spellings: bool = False,
        seed: int = 0,
    ) -> Task:
        r"""Read a data file and make the task.

        Args:
            path: .csv, .tsv, .jsonl, .ndjson, .json, .parquet, .arrow or .xlsx; a folder that `save_to_disk` wrote;
                OWNER/NAME on the Hugging Face hub; promptfoo's .yaml or that of a task of lm-evaluation-harness. What
                such a file says of the task counts where the arguments say nothing.
            test: a file with the test rows; without one, and without a column that says it, they are split off.
            test_size: number of test rows; by default all of the test file, or a quarter of the one; at most 500, or
                150 where answers are written.
            input: column or columns that the model reads; inferred by default.
            target: column with the wanted answers; inferred by default.
            kind: one of `records.KINDS`; inferred by default.
            metric: the primary metric; the kind's by default.
            schema: JSON schema of an extraction's answers, or a file with one; inferred from the targets by default.
            answer_tokens: most tokens of an answer where answers are not labels; by default what the training targets
                need.
            input_template: how the input columns are put together, for example "{passage}\\n{question}".
            instruction: the user's own words for the task.
            label_names: label -> words, or a file with them (.csv, .json, .yaml).
            sheet: of a workbook, by name or by number from 1; by default the only one that holds a table.
            max_rows: most rows of a file to read; of more a seeded sample is drawn.
            merge_spellings: take labels that differ only in case, spaces or punctuation as one, in the spelling that
                most training rows have.
            seed: of the split.

        Raises:
            DataError: a file cannot be read, or holds nothing that can be studied.
            OptionError: an option has a value that is not allowed.
        """
        if answer_tokens is not None and not 1 <= answer_tokens <= MOST_ANSWER_TOKENS:
            raise OptionError(
                f"--answer-tokens {answer_tokens:,} is not possible.", f"allowed: 1 to {MOST_ANSWER_TOKENS:,}"
            )
        path, test_path = Path(path), Path(test) if test is not None else None
        said_kind = check_kind_option(kind)
        if test_size is not None and test_size < MIN_ROWS:
            raise OptionError(f"--test-size {test_size} is too small.", f"allowed: {MIN_ROWS} or more")
        if max_rows < 2 * MIN_ROWS:
            raise OptionError(f"--max-rows {max_rows} is too small.", f"allowed: {2 * MIN_ROWS} or more")
        source, held_out, files, notes = _tables(path, test_path, ReadOptions(sheet=sheet, max_rows=max_rows))
        name, table, told = source.name, source.table, source.said
        is_said = input is not None or target is not None
        asked, target = (input, target) if is_said else (told.inputs or None, told.target)
        said_kind, metric = said_kind or told.kind, metric or told.metric
        instruction = instruction if instruction is not None else told.instruction
        chosen = find_choices(table, target=target) if asked is None and said_kind in (None, "qa") else None
        if chosen is not None:
            table = chosen.table
            held_out = None if held_out is None else (held_out[0], like(*held_out, chosen))
            asked, target, metric = input_columns(name, chosen), chosen.target, metric or "choice_accuracy"
        inputs = asked
        if input_template is not None:
            fields = parse(input_template, where="--input-template").fields
            validate(parse(input_template), allowed=table.columns, needed=table.columns, where="--input-template")
            inputs = asked or tuple(dict.fromkeys(fields))
        check_has_rows(name, table)
        columns, found_kind, kind_reason = _columns_and_kind(name, table, inputs, target, said_kind)
        if chosen is not None:
            found_kind, kind_reason = "qa", chosen.reason
        if input_template is None and told.fits(columns.inputs):
            input_template = told.input_template
        rules_suffice = said_kind in ("chat", "generation") and metric in (None, "rules") and _is_ruled(table, columns)
        found, aside = labelled_rows(
            name,
            table,
            columns.inputs,
            columns.target,
            references=columns.references,
            checks=columns.checks,
            rules_suffice=rules_suffice,
        )
        check_rows(name, columns, table, found, needed=MIN_ROWS if held_out else 2 * MIN_ROWS)
        if found_kind is None:
            found_kind, kind_reason = kind_of(name, table, columns.target, [r.target for r in found], kind=said_kind)
        used_metric = metric_for(found_kind, metric, has_checks=all(row.checks for row in found)).name
        merged = _merged([row.target for row in found]) if merge_spellings else {}
        prepare = partial(_prepared, kind=found_kind, merged=merged, ruled=used_metric == "rules")
        rows, formless = prepare(name, found)
        aside += formless
        n_ruled = sum(row.checks is not None for row in rows)
        if n_ruled and used_metric != "rules":
            notes.append(
                f"{n_ruled:,} of {len(rows):,} rows have checks; {used_metric} decides: --metric rules uses them"
            )
        if held_out is None:
            split = sides_of_one_file(name, rows, test_size=test_size, seed=seed)
        else:
            split = sides_of_two_files(
                name,
                rows,
                held_out[0],
                held_out[1],
                columns,
                test_size=test_size,
                seed=seed,
                with_strata=prepare,
                rules_suffice=rules_suffice,
            )
        aside += _refused(name, table) + (_refused(*held_out) if held_out and held_out[0] != name else [])
        answer_schema = _schema(name, rows, split.train, schema) if found_kind == "extraction" else None
        is_closed = found_kind == "classification"
        targets = [row.target for row in split.train if row.target]
        labels = tuple(sorted({row.target for row in split.train})) if is_closed else ()
        names = (
            read_label_names(label_names, labels)
            if isinstance(label_names, str | Path)
            else check_label_names(label_names or {}, labels)
        )
        spec = TaskSpec(
            name=source.stem,
            kind=found_kind,
            metric=used_metric,
            input_fields=columns.inputs,
            target_field=columns.target,
            labels=labels,
            label_names=names,
            instruction=instruction.strip() or None if instruction is not None else None,
            input_template=input_template,
            schema=answer_schema,
            answer_tokens=0 if is_closed else answer_tokens or _answer_tokens(targets),
        )
        info = TaskInfo(
            name=source.stem,
            kind=found_kind,
            metric=used_metric,
            n_train=len(targets),
            n_test=len(split.test),
            labels=labels,
            data_sha256=_data_sha256(files, spec, n_test=len(split.test), seed=seed, merged=merge_spellings),
        )
        n_train, n_test = (Counter(row.target for row in side) for side in (split.train, split.test))
        check = DataCheck(
            files=tuple(files),
            input_fields=columns.inputs,
            target_field=columns.target,
            kind=found_kind,
            reasons=(*columns.reasons, *filter(None, (kind_reason,))),
            unused_columns=columns.unused,
            set_aside=_with_texts((*aside, *split.aside), columns, [(name, table), *([held_out] if held_out else [])]),
            near_duplicates=split.near,
            n_undrawn=split.n_undrawn,
            class_counts=tuple(
                ClassCount(label=label, n_train=n_train[label], n_test=n_test[label])
                for label in sorted(labels, key=lambda label: (-n_train[label], label))
            ),
            spellings=_spellings(labels),
            notes=(*notes, *split.notes),
        )
        return cls(
            spec=spec,
            train=tuple(_example("train", row) for row in split.train),
            test=tuple(_example("test", row) for row in split.test),
            info=info,
            check=check,
            room_said=answer_tokens is not None or not targets,
            prompts=told.prompts if told.fits(columns.inputs) else (),
        )


def _tables(
    path: Path, test_path: Path | None, options: ReadOptions
) -> tuple[Source, tuple[str, Table] | None, list[FileRead], list[str]]:
    """Return the rows to learn from, the test's name and table, the files as they were read, and notes."""
    books = [one for one in (path, test_path) if one is not None and one.suffix.casefold() in XlsxReader.endings]
    if options.sheet is not None and not books:
        raise OptionError(
            f'--sheet "{options.sheet}": {path.name} is no workbook.', "workbooks: " + ", ".join(XlsxReader.endings)
        )
    source = open_source(path, options)
    files, notes = (
        [_file_read(source)],
        [f"{source.name}: {note}" for note in (*source.table.notes, *source.said.notes)],
    )
    test = source.test if test_path is None else open_source(test_path, options, as_test=True)
    if test is not None:
        files.append(_file_read(test))
        notes += [f"{test.name}: {note}" for note in test.table.notes]
        return source, (test.name, test.table), files, notes
    divided = divide(source.table)
    if divided is None:
        return source, None, files, notes
    train, held_out, note = divided
    return replace(source, table=train), (source.name, held_out), files, [*notes, f"{source.name}: {note}"]


def _is_ruled(table: Table, columns: Columns) -> bool:
    """Whether every row has rules that an answer must keep, so that it needs no wanted answer."""
    return columns.checks is not None and all((cell or "").strip() for cell in table.column(columns.checks))


def _refused(name: str, table: Table) -> list[SetAside]:
    return [SetAside(file=name, row=number, reason=reason) for number, reason in table.refused]


def _with_texts(
    aside: Sequence[SetAside], columns: Columns, tables: Sequence[tuple[str, Table]]
) -> tuple[SetAside, ...]:
    """Return the rows that were set aside with what they say, as far as they were read."""
    shown: dict[tuple[str, int], tuple[str, str | None]] = {}
    wanted = {(one.file, one.row) for one in aside}
    for file, table in tables:
        answers = table.column(columns.target)
        inputs = [(column, table.column(column)) for column in columns.inputs]
        for place, number in enumerate(table.rows):
            if (file, number) in wanted:
                texts = said({name: cells[place] or "" for name, cells in inputs}).values()
                shown[file, number] = (_shown(" · ".join(texts)), _shown(answers[place] or "") or None)
    found = (shown.get((one.file, one.row), ("", None)) for one in aside)
    return tuple(replace(one, text=text, answer=answer) for one, (text, answer) in zip(aside, found, strict=True))


def _shown(text: str) -> str:
    return " ".join(text[: 2 * SHOWN_CHARACTERS].split())[:SHOWN_CHARACTERS]


def _columns_and_kind(
    name: str, table: Table, input: str | Sequence[str] | None, target: str | None, kind: Kind | None
) -> tuple[Columns, Kind | None, str | None]:
    """Return the columns, and the kind with its reason where the columns together speak of one."""
    found = shaped(table, kind=kind) if target is None and input is None else None
    if found is None:
        return choose_columns(name, table, input=input, target=target), None, None
    columns = choose_columns(name, table, input=found.inputs, target=found.target)
    return columns, found.kind, found.reason if kind is None else None


def _prepared(
    name: str, rows: Sequence[Row], *, kind: Kind, merged: Mapping[str, str], ruled: bool
) -> tuple[list[Row], list[SetAside]]:
    """Return rows with what they are drawn by, and those set aside whose target is not of the kind's form.

    Args:
        merged: a label's key -> the spelling to take for it.
        ruled: whether every row needs rules that an answer must keep.

    Raises:
        DataError: rules cannot be read, or most targets are not of the kind's form.
    """
    check_rules(name, {row.number: row.checks for row in rows}, needed=ruled)
    if kind == "classification":
        labels = [merged.get(label_key(row.target), row.target) for row in rows]
        return [replace(row, target=label, stratum=label) for row, label in zip(rows, labels, strict=True)], []
    if kind != "extraction":
        return list(rows), []
    _, broken = parse_targets(rows)
    if len(broken) > len(rows) / 2:
        raise DataError(
            f"{name}: the targets of {len(broken):,} of {len(rows):,} rows are no JSON; an extraction's answers are.",
            f"rows {listed(broken)}",
            "say another kind: --kind",
        )
    bad = set(broken)
    aside = [SetAside(file=name, row=number, reason="not_json") for number in broken]
    return [row for row in rows if row.number not in bad], aside


def _schema(
    name: str, rows: Sequence[Row], train: Sequence[Row], given: Mapping[str, Json] | Path | str | None
) -> Mapping[str, Json]:
    """Return the answers' schema: the user's, which all rows must fit, or the one that the training targets have.

    The test's targets have no part in it: prompts name the schema's fields.
    """
    if given is None:
        values, _ = parse_targets(train)
        return infer_schema(list(values.values()))
    schema = given if isinstance(given, Mapping) else read_schema(Path(given))
    values, _ = parse_targets(rows)
    check_targets(name, schema, values)
    return schema


def _answer_tokens(targets: Sequence[str]) -> int:
    """Return about how many tokens answers need, from the training targets, before a model's own tokens are known.

    A token holds two and a half bytes or more in nearly all languages and vocabularies; JSON is the densest.
    """
    if not targets:
        return UNKNOWN_ANSWER_TOKENS
    sizes = sorted(len(target.encode("utf-8", "surrogatepass")) for target in targets)
    size = sizes[min(len(sizes) - 1, round(0.99 * len(sizes)))]
    return min(max(ceil(size / 2.5) + 8, MIN_ANSWER_TOKENS), MAX_ANSWER_TOKENS)


def _example(side: str, row: Row) -> Example:
    return Example(
        id=f"{side}:{row.number}",
        inputs=row.inputs,
        target=row.target or None,
        row=row.number,
        references=row.references,
        checks=row.checks,
    )


def _file_read(source: Source) -> FileRead:
    table = source.table
    return FileRead(
        name=source.name,
        format=table.format,
        n_rows=len(table.rows),
        columns=table.columns,
        sha256=source.sha256,
        layout=table.layout,
        n_found=table.n_found,
    )


def _data_sha256(files: Sequence[FileRead], spec: TaskSpec, *, n_test: int, seed: int, merged: bool) -> str:
    """Return the digest that makes a task the same task: paths, the instruction and the label names are not in it."""
    shape = {
        "version": HASH_VERSION,
        "files": [file.sha256 for file in files],
        "input": spec.input_fields,
        "target": spec.target_field,
        "kind": spec.kind,
        "metric": spec.metric,
        "merged": merged,
        "sheet": [file.layout.sheet for file in files],
        "read": [file.n_rows for file in files if file.n_rows < file.n_found],
        "n_test": n_test,
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def _merged(labels: Sequence[str]) -> dict[str, str]:
    """Return for each label's key its most frequent spelling; the first by alphabet of equally frequent ones."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label in labels:
        counts[label_key(label)][label] += 1
    return {key: min(found, key=lambda label: (-found[label], label)) for key, found in counts.items()}


def _spellings(labels: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[label_key(label)].append(label)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
