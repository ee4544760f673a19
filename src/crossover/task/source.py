"""Where a task's rows come from: a table, with what the file itself says of the task beside its rows."""

from __future__ import annotations

__all__ = ["Said", "Source", "cells_sha256"]

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from crossover.records import Kind
from crossover.task.prompts import PromptFile
from crossover.task.table import Table
from crossover.template import parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a file says of its task beside the rows: a user's own word goes before it.

    Attributes:
        inputs, target: columns.
        kind, metric, instruction, input_template: as the options of the same name.
        prompts: whole prompts, each of which takes part as an arm.
        notes: sentences about what was read so and what was left out, for the user to see.
    """

    inputs: tuple[str, ...] = ()
    target: str | None = None
    kind: Kind | None = None
    metric: str | None = None
    instruction: str | None = None
    input_template: str | None = None
    prompts: tuple[PromptFile, ...] = ()
    notes: tuple[str, ...] = ()

    def fits(self, inputs: Sequence[str]) -> bool:
        """Whether template and prompts name nothing beside these columns: a user may have chosen others."""
        templates = [prompt.text for prompt in self.prompts] + ([self.input_template] if self.input_template else [])
        return all(set(parse(template).fields) <= set(inputs) for template in templates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows, and what their file says of the task.

    Attributes:
        name: what messages call it; row numbers are counted in it.
        stem: what the task is called by default.
        table: the rows.
        sha256: digest of the file's bytes, or of the rows where they are not a file's.
        said: see `Said`.
        test: rows that the file itself gives as the test: another split, or the file that it names.
    """

    name: str
    stem: str
    table: Table
    sha256: str
    said: Said = Said()
    test: Source | None = None


def cells_sha256(table: Table) -> str:
    """Return a digest of a table's columns, row numbers and cells."""
    digest = hashlib.sha256(json.dumps(table.columns).encode())
    for number, cells in zip(table.rows, table.cells, strict=True):
        digest.update(json.dumps([number, *cells]).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
