"""A data check as a person reads it: what was read, set aside and why, and what the test can see."""

from __future__ import annotations

__all__ = ["checked_text"]

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from crossover.report.text import one_line, shorten

ROWS_LIMIT = 12
LABELS_LIMIT = 24
_CALLED = {
    "no_label": "without a label",
    "empty_input": "without an input",
    "too_many_fields": "with more fields than the header",
    "cut_off": "cut off at the file's end",
    "not_json": "whose target is no JSON",
    "duplicate": "whose text repeats another",
    "conflict": "whose text has several labels",
    "leak": "of the test that are also in the training data",
    "near_leak": "of the test that are nearly in the training data",
    "shared_group": "of the test whose group is in the training data",
}


def checked_text(found: Mapping[str, Any]) -> RenderableType:
    """Return a check as two columns: what, and what was found.

    Args:
        found: a check of schema crossover.check/1.
    """
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    task = found["task"]
    for file in found["files"]:
        _add(table, file["name"], [_file(file)])
    labels = f", {len(found['classes']):,} labels" if found["classes"] else ""
    fields = ", ".join(task["input_fields"])
    _add(table, "task", [f"{fields} → {task['target_field']} · {task['kind']}{labels} · {task['metric']} decides"])
    _add(table, "", [*found["reasons"], *found["notes"]])
    _add(table, "set aside", list(_set_aside(found)) or ["nothing"])
    _add(table, "nearly the same", _near(found["near_duplicates"]))
    _add(table, "spellings", _spellings(found["spellings"]))
    _add(table, "labels", _classes(found["classes"]))
    _add(table, "lengths", _lengths(found))
    _add(table, "test", [_test(found)])
    return table


def _add(table: Table, name: str, lines: Sequence[str]) -> None:
    for place, line in enumerate(lines):
        table.add_row(Text("" if place else one_line(name), style="dim"), Text(one_line(line)))


def _file(file: Mapping[str, Any]) -> str:
    layout = file["layout"]
    said = [file["format"]]
    said += [str(layout["encoding"])] if layout["encoding"] else []
    said += [f'sheet "{layout["sheet"]}"'] if layout["sheet"] else []
    said += [f"header in row {layout['header_row']}"] if (layout["header_row"] or 1) > 1 else []
    more = f" of {file['n_found']:,}" if file["n_found"] > file["n_rows"] else ""
    return f"{' · '.join(said)} · {file['n_rows']:,}{more} rows · columns: {', '.join(file['columns'])}"


def _set_aside(found: Mapping[str, Any]) -> list[str]:
    several = len(found["files"]) > 1
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in found["set_aside"]:
        beside = f" (as {row['other_row']:,})" if row["other_row"] is not None else ""
        groups[row["reason"], row["file"]].append(f"{row['row']:,}{beside}")
    return [
        f"{len(rows):,} {_CALLED.get(reason, reason)}{f', {file}' if several else ''}: rows {_listed(rows, ROWS_LIMIT)}"
        for (reason, file), rows in groups.items()
    ]


def _near(pairs: Sequence[Sequence[int]]) -> list[str]:
    if not pairs:
        return []
    return [f"rows {_listed([f'{a:,} and {b:,}' for a, b in pairs], ROWS_LIMIT)}: kept on the training side"]


def _spellings(groups: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"one label? {', '.join(repr(label) for label in group)}: kept apart; --merge-spellings takes them together"
        for group in groups
    ]


def _classes(classes: Sequence[Mapping[str, Any]]) -> list[str]:
    if not classes:
        return []
    told = [f"{shorten(one_line(c['label']), 40)} {c['n_train']:,} + {c['n_test']:,}" for c in classes]
    untested = [shorten(one_line(c["label"]), 40) for c in classes if not c["n_test"]]
    lines = [f"training + test rows: {_listed(told, LABELS_LIMIT)}"]
    return lines + ([f"without a test row: {_listed(untested, ROWS_LIMIT)}"] if untested else [])


def _lengths(found: Mapping[str, Any]) -> list[str]:
    lengths = found["lengths"]
    if lengths is None:
        return [f"not measured: {found['model']} is not on this machine; crossover run fetches it"]
    (p50, p95, most), (a50, a95, longest) = lengths["prompt"], lengths["answer"]
    lines = [
        f"prompts {p50:,} tokens, 95% within {p95:,}, longest {most:,}; {lengths['model']} reads {lengths['context']:,}"
    ]
    room = f"; at most {lengths['answer_room']:,} are written" if lengths["answer_room"] else ""
    lines.append(f"answers {a50:,} tokens, 95% within {a95:,}, longest {longest:,}{room}")
    if lengths["too_long"]:
        rows = [f"{one['row']:,} ({one['tokens']:,})" for one in lengths["too_long"]]
        lines.append(f"too long with their answer, shorten or drop them: rows {_listed(rows, ROWS_LIMIT)}")
    return lines


def _test(found: Mapping[str, Any]) -> str:
    task, points = found["task"], round(100 * found["detectable_difference"])
    rows = f"{task['n_test']:,} rows, {task['n_train']:,} to learn from"
    if found["classes"]:
        return f"{rows}: differences under about {points} points will not be seen with 3 seeds"
    return f"{rows}: at worst, differences under {points} points will not be seen with 3 seeds"


def _listed(values: Sequence[str], most: int) -> str:
    shown = ", ".join(values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most:,} more (--json lists all)"
