"""Which columns are the input and which is the target: by their names, then by what they hold."""

from __future__ import annotations

__all__ = ["Columns", "Profile", "choose_columns", "further_references", "profile"]

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crossover.errors import DataError, closest
from crossover.task.table import Table
from crossover.task.wording import listed

Holds = Literal["nothing", "numbers", "dates", "JSON", "ids", "few values", "text"]

TARGET_NAMES = ("label", "labels", "target", "class", "gold", "gold_label", "y")
LABEL_NAMES = (
    *("intent", "category", "sentiment", "emotion", "topic", "tag", "type", "queue", "department", "priority"),
    "stance",
)
OTHER_TARGET_NAMES = (
    *LABEL_NAMES,
    *("answer", "output", "outputs", "completion", "response", "reply", "summary", "highlights", "translation"),
)
INPUT_NAMES = (
    *("text", "sentence", "utterance", "message", "question", "query", "prompt", "input", "inputs", "content", "body"),
    *(
        "tweet",
        "review",
        "comment",
        "document",
        "article",
        "post",
        "description",
        "title",
        "subject",
        "headline",
        "ticket",
    ),
    *("request", "email", "passage", "context", "ctx", "dialogue", "dialog", "conversation", "instruction"),
)
INPUT_PAIRS = (
    *(("premise", "hypothesis"), ("sentence1", "sentence2"), ("question1", "question2"), ("text_a", "text_b")),
    *(("text1", "text2"), ("passage", "question"), ("context", "question"), ("subject", "body"), ("title", "text")),
)
CHECK_NAMES = ("checks", "assert", "asserts", "assertions")
_NUMBERED_NAME = re.compile(r"(.*?)[\s_-]*\d+")
_ID_NAMES = re.compile(
    r"(.*[_ -])?(id|idx|index|ind|uid|uuid|guid|key|nr|no|number|row|hash)|#|unnamed: ?\d+", re.IGNORECASE
)
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([ T]\d\d?:\d\d.*)?|\d\d?[./]\d\d?[./]\d{2,4}( .*)?|\d\d?:\d\d(:\d\d)?")
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d+)*|\.\d+)([eE][-+]?\d+)?%?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one column holds."""

    name: str
    holds: Holds
    n_filled: int
    n_different: int
    names_a_value: bool = False
    """The column's name is also one of its values: the header may be missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The choice, with the reason for each part that the user did not say.

    Attributes:
        references: columns with further answers that are as good as the target.
        checks: the column with rules that answers must keep, if there is one.
    """

    inputs: tuple[str, ...]
    target: str
    unused: tuple[str, ...]
    reasons: tuple[str, ...]
    references: tuple[str, ...] = ()
    checks: str | None = None


def profile(name: str, cells: Sequence[str | None]) -> Profile:
    """Return what a column holds, from all its cells."""
    filled = [cell.strip() for cell in cells if cell is not None and cell.strip()]
    different = set(filled)
    return Profile(
        name=name,
        holds=_holds(name, filled, different),
        n_filled=len(filled),
        n_different=len(different),
        names_a_value=name.strip() in different,
    )


def _holds(name: str, filled: list[str], different: set[str]) -> Holds:
    if not filled:
        return "nothing"
    if all(_DATE.fullmatch(value) for value in different):
        return "dates"
    repeated = len(different) <= len(filled) / 2
    if all(_NUMBER.fullmatch(value) for value in different):
        return "few values" if repeated and len(different) <= 50 and not _ID_NAMES.fullmatch(name) else "numbers"
    if all(value[0] in "[{" and value[-1] in "]}" for value in different):
        return "JSON"
    spaced = sum(" " in value for value in different) / len(different)
    if _ID_NAMES.fullmatch(name) or (
        not repeated and spaced < 0.1 and all(any(c.isdigit() for c in v) for v in different)
    ):
        return "ids"
    mean_length = sum(map(len, different)) / len(different)
    return "few values" if repeated and mean_length <= 60 else "text"


def choose_columns(name: str, table: Table, *, input: str | Sequence[str] | None, target: str | None) -> Columns:
    """Choose the input columns and the target.

    Args:
        name: the file's name, for errors.
        table: the data file.
        input: column name, names, or names with commas between; None infers.
        target: column name; None infers.

    Raises:
        DataError: a column that is not there, or real doubt: it lists the columns and asks.
    """
    columns = table.columns
    if len(columns) < 2:
        raise DataError(
            f'{name} has only one column, "{columns[0]}"; a task needs an input and a label.',
            "is the separator one of , ; tab | ? the header is row 1",
        )
    given = _given_inputs(name, columns, input)
    if target is not None:
        _require(name, columns, target, "--target")
        if target in given:
            raise DataError(f'{name}: column "{target}" is both the input and the target.', _columns(columns))
    profiles = {column: profile(column, table.column(column)) for column in columns}
    reasons: list[str] = []
    if target is None:
        target, reason = _infer_target(name, [profiles[column] for column in columns if column not in given])
        reasons.append(reason)
    if not given:
        given, reason = _infer_inputs(name, [profiles[column] for column in columns if column != target], target)
        reasons.append(reason)
    references = further_references(table, target)
    checks = next((c for c in columns if c.strip().casefold() in CHECK_NAMES and c not in (target, *given)), None)
    if references:
        reasons.append(f"further references: {listed(references)}")
    read = {target, checks, *given, *references}
    unused = tuple(column for column in columns if column not in read)
    if unused:
        reasons.append("not read: " + listed(f"{column} ({profiles[column].holds})" for column in unused))
    return Columns(
        inputs=given, target=target, unused=unused, reasons=tuple(reasons), references=references, checks=checks
    )


def further_references(table: Table, target: str) -> tuple[str, ...]:
    """Return the columns with further answers: named as the target with a number ("summary2"), or "reference2"."""
    stems = {target.strip().casefold(), "reference", "references"}
    found = []
    for column in table.columns:
        matched = _NUMBERED_NAME.fullmatch(column.strip().casefold())
        if column != target and matched and matched[1] in stems:
            found.append(column)
    return tuple(found)


def _given_inputs(name: str, columns: Sequence[str], input: str | Sequence[str] | None) -> tuple[str, ...]:
    if input is None:
        return ()
    if isinstance(input, str):
        parts = [part.strip() for part in input.split(",")]
        names = (input,) if input in columns or any(part not in columns for part in parts) else tuple(parts)
    else:
        names = tuple(input)
    for column in names:
        _require(name, columns, column, "--input")
    if len(set(names)) < len(names) or not names:
        raise DataError(f"{name}: --input names a column twice, or none: {', '.join(names)}.", _columns(columns))
    return names


def _require(name: str, columns: Sequence[str], column: str, option: str) -> None:
    if column in columns:
        return
    known = TARGET_NAMES + OTHER_TARGET_NAMES if option == "--target" else INPUT_NAMES
    named = next((other for wanted in known for other in columns if other.casefold() == wanted), None)
    near = named if named and column.casefold() in known else closest(column, columns) or named
    raise DataError(
        f'{name} has no column "{column}".', _columns(columns), *([f"did you mean {option} {near}?"] if near else [])
    )


def _infer_target(name: str, profiles: Sequence[Profile]) -> tuple[str, str]:
    for names in (TARGET_NAMES, OTHER_TARGET_NAMES):
        found = [column for column in profiles if column.name.strip().casefold() in names]
        few = [column for column in found if column.holds == "few values"]
        for choice in (found, few):
            if len(choice) == 1:
                return choice[0].name, f'target: "{choice[0].name}", by its name'
        if found:
            raise _doubt(name, profiles, "target", [column.name for column in few or found])
    few = [
        column
        for column in profiles
        if column.holds == "few values" and column.name.strip().casefold() not in INPUT_NAMES
    ]
    if len(few) == 1:
        if few[0].names_a_value:
            raise DataError(
                f'{name}: row 1 looks like data, not like a header: "{few[0].name}" is also a value of that column.',
                _columns([column.name[:40] for column in profiles]),
                "put a header above it, for example: text,label",
            )
        return few[0].name, f'target: "{few[0].name}", the only column with few different values ({few[0].n_different})'
    raise _doubt(name, profiles, "target", [column.name for column in few])


def _infer_inputs(name: str, profiles: Sequence[Profile], target: str) -> tuple[tuple[str, ...], str]:
    named = [
        column for column in profiles if column.name.strip().casefold() in INPUT_NAMES and column.holds != "nothing"
    ]
    folded = {
        column.name.strip().casefold(): column.name for column in profiles if column.holds in ("text", "few values")
    }
    for pair in INPUT_PAIRS:
        if set(pair) <= set(folded) and {column.name for column in named} <= {folded[part] for part in pair}:
            both = tuple(column.name for column in profiles if column.name in {folded[part] for part in pair})
            return both, f'input: "{both[0]}" and "{both[1]}", by their names'
    if len(named) == 1:
        return (named[0].name,), f'input: "{named[0].name}", by its name'
    texts = named or [column for column in profiles if column.holds == "text"]
    if len(texts) == 1:
        return (texts[0].name,), f'input: "{texts[0].name}", the only column of text'
    raise _doubt(name, profiles, "input", [column.name for column in texts], target)


def _doubt(
    name: str, profiles: Sequence[Profile], part: str, choices: Sequence[str], target: str | None = None
) -> DataError:
    held = "columns: " + listed((f"{column.name} ({column.holds})" for column in profiles), at_most=20)
    if part == "target":
        first = choices[0] if choices else "COLUMN"
        why = f"could be {' or '.join(choices)}" if choices else "no column has a label's name or few different values"
        needed = [] if choices else ["a study needs a column with wanted answers"]
        return DataError(f"{name}: which column is the target? {why}.", held, *needed, f"say it: --target {first}")
    if not choices:  # nothing to read: what is JSON may be meant, as it stands
        choices = [column.name for column in profiles if column.holds == "JSON"]
        seen = f"could be {' or '.join(choices)}, as JSON" if choices else "no column holds text"
        needed = [] if choices else ["a study needs a column of texts that the model reads"]
        way_out = f"say it: --input {choices[0] if choices else 'COLUMN'}"
        what = f'{name}: which column is the input, beside the target "{target}"? {seen}.'
        return DataError(what, held, *needed, way_out)
    joined = ",".join(choices)
    why = f"could be {' or '.join(choices)}, or several"
    way_out = f"say it: --input {joined.split(',')[0]}" + (f", or --input {joined} for all" if len(choices) > 1 else "")
    return DataError(f'{name}: which column is the input, beside the target "{target}"? {why}.', held, way_out)


def _columns(columns: Sequence[str]) -> str:
    return "columns: " + listed(columns, at_most=20)
