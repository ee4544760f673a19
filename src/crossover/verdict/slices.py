"""Parts of a test set that are looked at by themselves: labels, thirds by length, the values of a column."""

from __future__ import annotations

__all__ = ["Slice", "of_rows_alone", "slices"]

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crossover.records import Example

LENGTH = "input length"
LABEL = "label"
COLUMN = "column "
MOST_VALUES = 12
"""A column with more different values is no division of the rows."""
FEWEST_ROWS = 2
"""Rows that each value of an input column must have, for it to be a division that was meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some test rows.

    Attributes:
        group: what divides the rows: "label", "input length" or a column.
        name: this part of them.
        ids: the examples.
    """

    group: str
    name: str
    ids: frozenset[str]


def slices(
    examples: Sequence[Example], *, labels: Sequence[str] = (), by: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[Slice, ...]:
    """Return the slices of a test set; a group of one part only is left out, for that is the whole.

    Args:
        examples: the test rows.
        labels: the closed set of answers; empty for written ones, which are no slices.
        by: name of a division -> example id -> part, for what the rows themselves do not say. Input columns with few
            values are taken by themselves.
    """
    groups: dict[str, dict[str, list[str]]] = {}
    if labels:
        wanted = {label: [e.id for e in examples if e.target == label] for label in labels}
        groups[LABEL] = {label: ids for label, ids in wanted.items() if ids}
    groups[LENGTH] = _thirds(examples)
    groups |= _columns(examples)
    for group, parts in (by or {}).items():
        known = defaultdict(list)
        for example in examples:
            if example.id in parts:
                known[parts[example.id]].append(example.id)
        groups[group] = dict(sorted(known.items()))
    return tuple(
        Slice(group=group, name=name, ids=frozenset(ids))
        for group, parts in groups.items()
        if len(parts) > 1
        for name, ids in parts.items()
    )


def of_rows_alone(group: str) -> bool:
    """Return whether a group's parts are named by texts of the test rows, which some pages leave out."""
    return group not in (LABEL, LENGTH)


def _thirds(examples: Sequence[Example]) -> dict[str, list[str]]:
    """Return the rows in three parts by the length of their inputs, equal lengths together."""
    lengths = {example.id: sum(map(len, example.inputs.values())) for example in examples}
    ordered = sorted(lengths.values())
    if len(ordered) < 3:
        return {}
    first, second = ordered[(len(ordered) - 1) // 3], ordered[2 * (len(ordered) - 1) // 3]
    parts = {
        f"short, up to {first:,} characters": [key for key, length in lengths.items() if length <= first],
        f"middle, up to {second:,}": [key for key, length in lengths.items() if first < length <= second],
        f"long, over {second:,}": [key for key, length in lengths.items() if length > second],
    }
    return {name: ids for name, ids in parts.items() if ids}


def _columns(examples: Sequence[Example]) -> dict[str, dict[str, list[str]]]:
    """Return the input columns that divide the rows into a few parts."""
    columns = {name for example in examples for name in example.inputs}
    if len(columns) < 2:
        return {}
    found = {}
    for name in sorted(columns):
        values: dict[str, list[str]] = defaultdict(list)
        for example in examples:
            values[example.inputs.get(name, "")].append(example.id)
        if len(values) <= MOST_VALUES and all(len(ids) >= FEWEST_ROWS for ids in values.values()):
            found[f"{COLUMN}{name}"] = dict(sorted(values.items()))
    return found
