"""Open what the user names as data: a file, a folder, another tool's configuration or a data set of the hub."""

from __future__ import annotations

__all__ = ["open_source"]

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from crossover.errors import DataError
from crossover.task.arrow import is_saved_dataset, read_saved_dataset
from crossover.task.conversations import split_conversations
from crossover.task.hub import hub_id, read_hub
from crossover.task.lm_eval import is_lm_eval, read_lm_eval
from crossover.task.promptfoo import is_promptfoo, read_promptfoo
from crossover.task.registry import check_file, endings, read_table
from crossover.task.source import Said, Source, cells_sha256
from crossover.task.table import ReadOptions, Table
from crossover.task.wording import counted, listed
from crossover.task.yaml_places import read_places

YAML_ENDINGS = (".yaml", ".yml")

_SIDES: Mapping[str, str] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
"""What people call the splits of a data set -> what they are."""


def open_source(path: Path, options: ReadOptions, *, as_test: bool = False) -> Source:
    """Read data, with what its file says of the task and the test that it names, if it does.

    Args:
        path: a data file, a folder of `save_to_disk`, a YAML file of promptfoo or lm-eval, or a hub id OWNER/NAME.
        options: see `ReadOptions`.
        as_test: the rows are wanted as a test: of several splits, the test.

    Raises:
        DataError: it cannot be read.
    """
    if path.is_dir() and is_saved_dataset(path):
        return _of_splits(path.name, path.name, read_saved_dataset(path, options), as_test=as_test)
    known = hub_id(path, (*endings(), *YAML_ENDINGS))
    if known is not None:
        return _of_splits(known, path.name.partition(":")[0], read_hub(known, options), as_test=as_test)
    if path.suffix.casefold() in YAML_ENDINGS:
        return _of_yaml(path, options)
    table = split_conversations(path.name, read_table(path, options))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Source(name=path.name, stem=path.stem, table=table, sha256=digest)


def _of_yaml(path: Path, options: ReadOptions) -> Source:
    check_file(path)
    top = read_places(path).fields
    # A task of lm-eval has neither prompts nor tests; promptfoo's file has nothing of lm-eval's.
    if is_promptfoo(top):
        return read_promptfoo(path.name, path.stem, top)
    if is_lm_eval(top):
        return read_lm_eval(path.name, path, top, options)
    raise DataError(
        f"{path.name} is neither promptfoo's configuration nor a task of lm-eval.",
        "keys: " + listed(top, at_most=12),
        "promptfoo has prompts and tests, lm-eval dataset_path, doc_to_text and doc_to_target",
    )


def _of_splits(name: str, stem: str, splits: Mapping[str, Table], *, as_test: bool) -> Source:
    """Return a data set's training split with its test beside it.

    Validation rows take no part beside a test: what a method chooses by is part of its label budget. Where there is no
    test, they are it.
    """
    filled = {split: split_conversations(f"{name}/{split}", table) for split, table in splits.items() if table.rows}
    if not filled:
        raise DataError(f"{name} has no rows.", f"splits: {listed(splits)}")
    if len(filled) == 1:
        return _of_table(name, stem, next(iter(filled.values())))
    sides = {_SIDES.get(split.casefold(), split): split for split in reversed(filled)}
    held_out = sides.get("test") or sides.get("validation")
    wanted = held_out if as_test else sides.get("train")
    if wanted is None:
        raise DataError(
            f"{name}: which split is the {'test' if as_test else 'training data'}? none is called so.",
            f"splits: {listed(f'{split} ({len(table.rows):,} rows)' for split, table in filled.items())}",
            "save the one alone: dataset[SPLIT].save_to_disk(FOLDER)",
        )
    found = _of_table(f"{name}/{wanted}", stem, filled[wanted])
    if as_test or held_out is None:
        return found
    others = [f"{s} ({counted(len(t.rows), 'row')})" for s, t in filled.items() if s not in (wanted, held_out)]
    notes = [f'the split "{held_out}" is the test'] + ([f"splits not used: {listed(others)}"] if others else [])
    test = _of_table(f"{name}/{held_out}", stem, filled[held_out])
    return replace(found, test=test, said=Said(notes=tuple(notes)))


def _of_table(name: str, stem: str, table: Table) -> Source:
    return Source(name=name, stem=stem, table=table, sha256=cells_sha256(table))
