"""A task: what a data file becomes."""

from __future__ import annotations

__all__ = ["Task"]

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from crossover.errors import OptionError
from crossover.records import Example, Json, TaskInfo, TaskSpec
from crossover.task.answers import alike_spellings, merged_spellings, prepared, room_for_answers, schema_of
from crossover.task.check import ClassCount, DataCheck, FileRead
from crossover.task.clean import Row
from crossover.task.divisions import divisions
from crossover.task.groups import groups_of
from crossover.task.kinds import check_kind_option
from crossover.task.label_leaks import rows_with_their_label
from crossover.task.label_names import check_label_names, read_label_names
from crossover.task.prompts import PromptFile
from crossover.task.reading import Asked, Reading, read_as
from crossover.task.sides import MIN_ROWS, Sides, sides_of_one_file, sides_of_two_files
from crossover.task.table import STUDY_ROWS, ReadOptions
from crossover.task.tables import open_tables, refused, with_texts
from crossover.task.wording import listed

HASH_VERSION = "crossover.task/1"
MOST_ANSWER_TOKENS = 32_768


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
        group: str | None = None,
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
            group: column whose rows belong together (one customer's, one document's): they are all on one side, and
                intervals count them together.
            seed: of the split.

        Raises:
            DataError: a file cannot be read, or holds nothing that can be studied.
            OptionError: an option has a value that is not allowed.
        """
        _check_numbers(answer_tokens=answer_tokens, test_size=test_size, max_rows=max_rows)
        asked = Asked(
            input=input,
            target=target,
            kind=check_kind_option(kind),
            metric=metric,
            instruction=instruction,
            input_template=input_template,
        )
        tables = open_tables(
            Path(path), Path(test) if test is not None else None, ReadOptions(sheet=sheet, max_rows=max_rows)
        )
        tables, groups = groups_of(tables, group, input=input, target=target)
        source, name = tables.source, tables.source.name
        reading = read_as(tables, asked)
        columns = reading.columns
        merged = merged_spellings([row.target for row in reading.rows]) if merge_spellings else {}
        prepare = partial(prepared, kind=reading.kind, merged=merged, ruled=reading.metric == "rules")
        rows, formless = prepare(name, reading.rows if groups is None else groups.of_train(reading.rows))
        if reading.held_out is None:
            split = sides_of_one_file(name, rows, test_size=test_size, seed=seed)
        else:
            split = sides_of_two_files(
                name,
                rows,
                *reading.held_out,
                columns,
                test_size=test_size,
                seed=seed,
                with_strata=lambda file, held: prepare(file, held if groups is None else groups.of_test(held)),
                rules_suffice=reading.rules_suffice,
            )
        is_closed = reading.kind == "classification"
        targets = [row.target for row in split.train if row.target]
        labels = tuple(sorted(set(targets))) if is_closed else ()
        spec = TaskSpec(
            name=source.stem,
            kind=reading.kind,
            metric=reading.metric,
            input_fields=columns.inputs,
            target_field=columns.target,
            labels=labels,
            label_names=read_label_names(label_names, labels)
            if isinstance(label_names, str | Path)
            else check_label_names(label_names or {}, labels),
            instruction=(reading.instruction or "").strip() or None,
            input_template=reading.input_template,
            schema=schema_of(name, rows, split.train, schema) if reading.kind == "extraction" else None,
            answer_tokens=0 if is_closed else answer_tokens or room_for_answers(targets),
        )
        info = TaskInfo(
            name=source.stem,
            kind=reading.kind,
            metric=reading.metric,
            n_train=len(targets),
            n_test=len(split.test),
            labels=labels,
            data_sha256=_data_sha256(
                tables.files, spec, n_test=len(split.test), seed=seed, merged=merge_spellings, group=group
            ),
            test_groups=None if groups is None else len({row.group or row.number for row in split.test}),
        )
        sides = [(name, reading.table), *filter(None, (reading.held_out,))]
        beside = divisions(sides[-1][1], columns.unused, [row.number for row in split.test])
        aside = [*reading.aside, *formless, *split.aside]
        for side, table in dict(sides).items():  # two sides of one file share what its reader refused
            aside += refused(side, table)
        telling = rows_with_their_label(rows) if is_closed else ()
        said = () if groups is None else groups.notes(split.train, split.test)
        check = DataCheck(
            files=tables.files,
            input_fields=columns.inputs,
            target_field=columns.target,
            kind=reading.kind,
            reasons=reading.reasons,
            unused_columns=columns.unused,
            set_aside=with_texts(aside, columns, sides),
            near_duplicates=split.near,
            n_undrawn=split.n_undrawn,
            class_counts=_class_counts(labels, split),
            spellings=alike_spellings(labels),
            notes=(*tables.notes, *_unused_checks(reading, rows), *split.notes, *said, *_inside(telling)),
            labels_inside=telling,
        )
        return cls(
            spec=spec,
            train=tuple(_example("train", row) for row in split.train),
            test=tuple(_example("test", row, beside.get(row.number, {})) for row in split.test),
            info=info,
            check=check,
            room_said=answer_tokens is not None or not targets,
            prompts=source.said.prompts if source.said.fits(columns.inputs) else (),
        )


def _check_numbers(*, answer_tokens: int | None, test_size: int | None, max_rows: int) -> None:
    if answer_tokens is not None and not 1 <= answer_tokens <= MOST_ANSWER_TOKENS:
        raise OptionError(
            f"--answer-tokens {answer_tokens:,} is not possible.", f"allowed: 1 to {MOST_ANSWER_TOKENS:,}"
        )
    if test_size is not None and test_size < MIN_ROWS:
        raise OptionError(f"--test-size {test_size} is too small.", f"allowed: {MIN_ROWS} or more")
    if max_rows < 2 * MIN_ROWS:
        raise OptionError(f"--max-rows {max_rows} is too small.", f"allowed: {2 * MIN_ROWS} or more")


def _unused_checks(reading: Reading, rows: Sequence[Row]) -> list[str]:
    n_ruled = sum(row.checks is not None for row in rows)
    if not n_ruled or reading.metric == "rules":
        return []
    return [f"{n_ruled:,} of {len(rows):,} rows have checks; {reading.metric} decides: --metric rules uses them"]


def _inside(rows: Sequence[int]) -> list[str]:
    if not rows:
        return []
    named = listed(map(str, rows), at_most=8)
    one = "1 row holds its own label in its" if len(rows) == 1 else f"{len(rows):,} rows hold their own label in their"
    return [f"{one} input (rows {named}): what is to be found out may stand there already"]


def _class_counts(labels: Sequence[str], split: Sides) -> tuple[ClassCount, ...]:
    """Return each label's rows on both sides, the most frequent label first."""
    n_train, n_test = (Counter(row.target for row in side) for side in (split.train, split.test))
    return tuple(
        ClassCount(label=label, n_train=n_train[label], n_test=n_test[label])
        for label in sorted(labels, key=lambda label: (-n_train[label], label))
    )


def _example(side: str, row: Row, beside: Mapping[str, str] = MappingProxyType({})) -> Example:
    return Example(
        id=f"{side}:{row.number}",
        inputs=row.inputs,
        target=row.target or None,
        row=row.number,
        references=row.references,
        checks=row.checks,
        group=row.group,
        beside=dict(beside),
    )


def _data_sha256(
    files: Sequence[FileRead], spec: TaskSpec, *, n_test: int, seed: int, merged: bool, group: str | None
) -> str:
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
        **({} if group is None else {"group": group}),
    }
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()
