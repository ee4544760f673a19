"""Label names: which words stand for a label in prompts and answers, from a file or a mapping."""

from __future__ import annotations

__all__ = ["check_label_names", "read_label_names"]

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from crossover.errors import DataError, closest
from crossover.metrics.labels import label_key
from crossover.task.encoding import find_encoding
from crossover.task.registry import check_file, read_table
from crossover.task.table import cell_text
from crossover.task.wording import listed

MAX_BYTES = 1_000_000


def read_label_names(path: Path | str, labels: Sequence[str]) -> dict[str, str]:
    """Read label -> words from a file.

    .csv or .tsv have two columns, code and words, with or without a header; .json and .yaml hold one mapping. All is
    read as text: the code 007 stays "007".

    Raises:
        DataError: the file cannot be read, or does not fit the labels (see `check_label_names`).
    """
    path = Path(path)
    check_file(path)
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path.name} has {path.stat().st_size:,} bytes; label names have at most {MAX_BYTES:,}.")
    ending = path.suffix.casefold()
    if ending in (".csv", ".tsv"):
        pairs = _table_pairs(path, labels)
    elif ending in (".json", ".yaml", ".yml"):
        pairs = _mapping_pairs(path, ending)
    else:
        raise DataError(f'{path.name}: label names are not read from "{ending}".', "endings: .csv, .tsv, .json, .yaml")
    names: dict[str, str] = {}
    for code, words in pairs:
        if code in names and names[code] != words:
            raise DataError(f'{path.name} names the label "{code}" twice: "{names[code]}" and "{words}".', "keep one")
        names[code] = words
    return check_label_names(names, labels, where=path.name)


def check_label_names(names: Mapping[str, str], labels: Sequence[str], *, where: str = "label names") -> dict[str, str]:
    """Return label -> words, checked: every label has words, every code is a label, no two labels share their words.

    No names at all are fine: the labels then stand for themselves.

    Raises:
        DataError: it is not so; all the codes are listed.
    """
    if not names:
        return {}
    trimmed = {code: words.strip() for code, words in names.items()}
    unknown = [code for code in trimmed if code not in labels]
    if unknown:
        near = closest(unknown[0], labels)
        hint = [f'did you mean "{near}"?'] if near else []
        raise DataError(
            f"{where} names what is no label of the data: {listed(unknown)}.",
            f"labels: {listed(labels, at_most=20)}",
            *hint,
        )
    missing = [label for label in labels if not trimmed.get(label)]
    if missing:
        raise DataError(
            f"{where} has no words for {len(missing)} of {len(labels)} labels: {listed(missing, at_most=20)}.",
            "add a line for each",
        )
    shared: dict[str, list[str]] = defaultdict(list)
    for code, words in trimmed.items():
        shared[label_key(words)].append(code)
    for codes in shared.values():
        if len(codes) > 1:
            raise DataError(
                f'{where} gives the words "{trimmed[codes[0]]}" to {len(codes)} labels: {listed(codes)}.',
                "an answer could not be told apart; give each label words of its own",
            )
    return {label: trimmed[label] for label in labels}


def _table_pairs(path: Path, labels: Sequence[str]) -> list[tuple[str, str]]:
    table = read_table(path)
    if len(table.columns) != 2:
        raise DataError(
            f"{path.name} has {len(table.columns)} columns; label names have two: code and words.",
            "columns: " + listed(table.columns),
        )
    rows = [(code or "", words or "") for code, words in table.cells]
    header = (table.columns[0], table.columns[1])
    return [header, *rows] if header[0] in labels else rows


def _mapping_pairs(path: Path, ending: str) -> list[tuple[str, str]]:
    encoding = find_encoding(path, expected=f"a {ending[1:]} file")
    text = path.read_text(encoding=encoding.name)
    try:
        # The "base" loader makes texts, lists and mappings only: no tags, and 007, yes and null stay as written.
        value = json.loads(text) if ending == ".json" else YAML(typ="base", pure=True).load(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path.name}, line {error.lineno}, column {error.colno}: {error.msg}.", 'wanted: {"code": "words"}'
        ) from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise DataError(
            f"{path.name}{where}: {getattr(error, 'problem', None) or 'no YAML'}.", "wanted, one a line: code: words"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path.name} cannot be read: {type(error).__name__}.", "wanted: one mapping, code: words"
        ) from error
    if not isinstance(value, Mapping):
        raise DataError(f"{path.name} holds no mapping.", "wanted: code: words")
    for code, words in value.items():
        if isinstance(words, list | Mapping) or not isinstance(code, str):
            raise DataError(f'{path.name}: the words for "{code}" are no text.', "wanted: code: words")
    return [(code, cell_text(words) or "") for code, words in value.items()]
