"""A task: what a data file becomes."""

from __future__ import annotations

__all__ = ["Task"]

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crossover.errors import OptionError
from crossover.metrics import default_metric
from crossover.metrics.labels import label_key
from crossover.records import Example, TaskInfo, TaskSpec
from crossover.task.check import ClassCount, DataCheck, FileRead
from crossover.task.clean import Row, labelled_rows
from crossover.task.columns import choose_columns
from crossover.task.kinds import check_kind, check_kind_option, refuse_open_kinds
from crossover.task.label_names import check_label_names, read_label_names
from crossover.task.registry import read_table
from crossover.task.sides import MIN_ROWS, check_has_rows, check_rows, sides_of_one_file, sides_of_two_files
from crossover.task.table import Table

HASH_VERSION = "crossover.task/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task made from a data file: what methods may know, the two splits, and how they came about.

    Attributes:
        spec: what a method may know.
        train: rows to draw label budgets from (`sample`), in the file's order.
        test: held-out rows, in the file's order; no text of theirs is in `train`.
        info: the task as a verdict names it; `data_sha256` covers the files' bytes and what shapes the splits.
        check: what was read, inferred and set aside.
    """

    spec: TaskSpec
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    info: TaskInfo
    check: DataCheck

    @classmethod
    def from_file(
        cls,
        path: Path | str,
        *,
        test: Path | str | None = None,
        test_size: int | None = None,
        input: str | Sequence[str] | None = None,
        target: str | None = None,
        kind: str | None = None,
        instruction: str | None = None,
        label_names: Mapping[str, str] | Path | str | None = None,
        seed: int = 0,
    ) -> Task:
        """Read a data file and make the task.

        Args:
            path: .csv, .tsv, .jsonl, .ndjson, .json, .parquet or .xlsx.
            test: a file with the test rows; without one they are split off, stratified.
            test_size: number of test rows; by default all of the test file, or a quarter of the one, at most 500.
            input: column or columns that the model reads; inferred by default.
            target: column with the wanted answers; inferred by default.
            kind: "classification"; inferred by default.
            instruction: the user's own words for the task.
            label_names: label -> words, or a file with them (.csv, .json, .yaml).
            seed: of the split.

        Raises:
            DataError: a file cannot be read, or holds nothing that can be studied.
            OptionError: an option has a value that is not allowed.
        """
        path, test_path = Path(path), Path(test) if test is not None else None
        said_kind = check_kind_option(kind)
        if test_size is not None and test_size < MIN_ROWS:
            raise OptionError(f"--test-size {test_size} is too small.", f"allowed: {MIN_ROWS} or more")
        table = read_table(path)
        check_has_rows(path.name, table)
        if target is None and said_kind is None:
            refuse_open_kinds(path.name, table)
        columns = choose_columns(path.name, table, input=input, target=target)
        rows, aside = labelled_rows(path.name, table, columns.inputs, columns.target)
        check_rows(path.name, columns, table, rows, needed=MIN_ROWS if test_path else 2 * MIN_ROWS)
        found_kind, kind_reason = check_kind(
            path.name, table, columns.target, [row.target for row in rows], kind=said_kind
        )
        files = [_file_read(path, table)]
        notes = [f"{path.name}: {note}" for note in table.notes]
        if test_path is None:
            split = sides_of_one_file(path.name, rows, test_size=test_size, seed=seed)
        else:
            test_table = read_table(test_path)
            files.append(_file_read(test_path, test_table))
            notes += [f"{test_path.name}: {note}" for note in test_table.notes]
            split = sides_of_two_files(
                path.name, rows, test_path.name, test_table, columns, test_size=test_size, seed=seed
            )
        labels = tuple(sorted({row.target for row in split.train}))
        names = (
            read_label_names(label_names, labels)
            if isinstance(label_names, str | Path)
            else check_label_names(label_names or {}, labels)
        )
        metric = default_metric(found_kind).name
        spec = TaskSpec(
            name=path.stem,
            kind=found_kind,
            metric=metric,
            input_fields=columns.inputs,
            target_field=columns.target,
            labels=labels,
            label_names=names,
            instruction=instruction.strip() or None if instruction is not None else None,
        )
        info = TaskInfo(
            name=path.stem,
            kind=found_kind,
            metric=metric,
            n_train=len(split.train),
            n_test=len(split.test),
            labels=labels,
            data_sha256=_data_sha256(files, spec, n_test=len(split.test), seed=seed),
        )
        n_train, n_test = (Counter(row.target for row in side) for side in (split.train, split.test))
        check = DataCheck(
            files=tuple(files),
            input_fields=columns.inputs,
            target_field=columns.target,
            kind=found_kind,
            reasons=(*columns.reasons, *filter(None, (kind_reason,))),
            unused_columns=columns.unused,
            set_aside=(*aside, *split.aside),
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
        )


def _example(side: str, row: Row) -> Example:
    return Example(id=f"{side}:{row.number}", inputs=row.inputs, target=row.target, row=row.number)


def _file_read(path: Path, table: Table) -> FileRead:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileRead(name=path.name, format=table.format, n_rows=len(table.rows), columns=table.columns, sha256=digest)


def _data_sha256(files: Sequence[FileRead], spec: TaskSpec, *, n_test: int, seed: int) -> str:
    """Return the digest that makes a task the same task: paths, the instruction and the label names are not in it."""
    shape = {
        "version": HASH_VERSION,
        "files": [file.sha256 for file in files],
        "input": spec.input_fields,
        "target": spec.target_field,
        "kind": spec.kind,
        "n_test": n_test,
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def _spellings(labels: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[label_key(label)].append(label)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
