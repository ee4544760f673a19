"""The wanted answers of rows: their form, the schema and the room that they need, and labels in several spellings."""

from __future__ import annotations

__all__ = ["alike_spellings", "merged_spellings", "prepared", "room_for_answers", "schema_of"]

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

from crossover.errors import DataError
from crossover.metrics.checks import check_rules
from crossover.metrics.labels import label_key
from crossover.records import Json, Kind
from crossover.task.check import SetAside
from crossover.task.clean import Row
from crossover.task.schema import check_targets, infer_schema, parse_targets, read_schema
from crossover.task.wording import listed

MIN_ANSWER_TOKENS = 16
MAX_ANSWER_TOKENS = 1024
UNKNOWN_ANSWER_TOKENS = 256
"""Room for an answer where no wanted one tells how long they are."""


def prepared(
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


def schema_of(
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


def room_for_answers(targets: Sequence[str]) -> int:
    """Return about how many tokens answers need, from the training targets, before a model's own tokens are known.

    A token holds two and a half bytes or more in nearly all languages and vocabularies; JSON is the densest.
    """
    if not targets:
        return UNKNOWN_ANSWER_TOKENS
    sizes = sorted(len(target.encode("utf-8", "surrogatepass")) for target in targets)
    size = sizes[min(len(sizes) - 1, round(0.99 * len(sizes)))]
    return min(max(ceil(size / 2.5) + 8, MIN_ANSWER_TOKENS), MAX_ANSWER_TOKENS)


def merged_spellings(labels: Sequence[str]) -> dict[str, str]:
    """Return for each label's key its most frequent spelling; the first by alphabet of equally frequent ones."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for label in labels:
        counts[label_key(label)][label] += 1
    return {key: min(found, key=lambda label: (-found[label], label)) for key, found in counts.items()}


def alike_spellings(labels: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the labels that differ only in case, spaces or punctuation, by groups."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[label_key(label)].append(label)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
