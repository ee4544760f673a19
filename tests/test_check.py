"""`crossover check`: each defect of a file is found and named by its row, and a study could still run."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from rich.console import Console

from crossover import api
from crossover.model.catalog import DEFAULT_MODEL
from crossover.report.checked import checked_text
from crossover.task import Task
from tests.small import save_tiny, write_rows

Rows = list[str]


@pytest.fixture
def lines(tmp_path: Path) -> Rows:
    return write_rows(tmp_path / "plain.csv", 48).read_text(encoding="utf-8").splitlines()


def found(path: Path, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # from_file's options
    return api.check(Task.from_file(path, **options), model="not-here").to_json()


def told(check: dict[str, Any], width: int = 200) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as shown:
        console.print(checked_text(check))
    return shown.get()


def aside(check: dict[str, Any], reason: str) -> list[int]:
    return [row["row"] for row in check["set_aside"] if row["reason"] == reason]


def _with(rows: Rows, place: int, row: str) -> Rows:
    return [*rows[:place], row, *rows[place:]]


def test_a_plain_file(tmp_path: Path, lines: Rows) -> None:
    check = found(tmp_path / "plain.csv")
    assert check["schema"] == "crossover.check/1"
    assert check["task"]["kind"] == "classification"
    assert check["set_aside"] == []
    assert check["lengths"] is None
    text = told(check)
    assert "text → label · classification, 3 labels · accuracy decides" in text
    assert "nothing" in text
    assert "not measured: not-here is not on this machine" in text
    assert len(lines) == 49


Encoded = Callable[[str], bytes]


@pytest.mark.parametrize(
    ("encode", "said"),
    [
        (lambda text: text.encode("utf-8-sig"), "UTF-8"),
        (lambda text: text.encode("utf-16"), "UTF-16"),
        (lambda text: text.replace("parcel", "Päckchen").encode("cp1252"), "Windows-1252"),
    ],
)
def test_the_encoding_is_found_and_said(tmp_path: Path, lines: Rows, encode: Encoded, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(encode("\n".join(lines) + "\n"))
    check = found(path)
    assert said in check["files"][0]["layout"]["encoding"]
    assert said in told(check)


def test_separator_and_line_breaks_inside_of_quotes(tmp_path: Path, lines: Rows) -> None:
    path = tmp_path / "t.csv"
    rows = [";".join(line.rsplit(",", 1)) for line in lines]
    rows[5] = '"first line; and\nthe second of it";refund'
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    check = found(path)
    assert check["files"][0]["layout"]["separator"] == ";"
    assert check["files"][0]["n_rows"] == 48


def test_a_header_that_is_not_in_the_first_row(tmp_path: Path, lines: Rows) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["Tickets of March", "", *lines]) + "\n", encoding="utf-8")
    check = found(path)
    assert check["files"][0]["layout"]["header_row"] == 3
    assert "header in row 3" in told(check)


def test_a_workbook_with_merged_titles_empty_rows_and_several_sheets(tmp_path: Path, lines: Rows) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Tickets"
    sheet.append(["Tickets of March"])
    sheet.merge_cells("A1:C1")
    sheet.append([])
    for n, line in enumerate(lines):
        sheet.append([*line.rsplit(",", 1), None])
        if n == 20:
            sheet.append([])
    book.create_sheet("Notes").append(["made by the shop"])
    other = book.create_sheet("April")
    for line in lines:
        other.append(line.rsplit(",", 1))
    path = tmp_path / "t.xlsx"
    book.save(path)
    check = found(path, sheet="Tickets")
    assert check["files"][0]["layout"]["sheet"] == "Tickets"
    assert check["files"][0]["layout"]["header_row"] == 3
    assert check["files"][0]["n_rows"] == 48
    assert 'sheet "Tickets"' in told(check)
    assert found(path, sheet="3")["files"][0]["layout"]["sheet"] == "April"


def test_nameless_columns(tmp_path: Path, lines: Rows) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n".join([f"{lines[0]},", *(f"{line},x" for line in lines[1:])]) + "\n", encoding="utf-8")
    check = found(path)
    assert "column 3" in check["files"][0]["columns"]
    assert "without a name" in told(check)


def test_spellings_are_proposed_and_merged_only_when_asked(tmp_path: Path, lines: Rows) -> None:
    path = tmp_path / "t.csv"
    rows = [lines[0]] + [
        line.replace(",refund", [",refund", ",Refund", ",REFUND "][n % 3]) for n, line in enumerate(lines[1:])
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    check = found(path)
    (group,) = check["spellings"]
    assert {label.strip().casefold() for label in group} == {"refund"}
    assert "--merge-spellings takes them together" in told(check)
    assert len(check["classes"]) > 3
    merged = found(path, merge_spellings=True)
    assert merged["spellings"] == []
    assert len(merged["classes"]) == 3
    assert sum(one["n_train"] + one["n_test"] for one in merged["classes"]) == 48


def test_empty_targets_repeats_and_conflicts_are_named_by_row(tmp_path: Path, lines: Rows) -> None:
    path = tmp_path / "t.csv"
    rows = _with(lines, 4, "no label stands here at all,")
    rows = _with(rows, 8, ",refund")
    text, label = rows[12].rsplit(",", 1)
    rows.append(f"{text},{label}")
    other, theirs = rows[14].rsplit(",", 1)
    rows.append(f"{other},{'login' if theirs != 'login' else 'refund'}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    check = found(path)
    assert aside(check, "no_label") == [5]
    assert aside(check, "empty_input") == [9]
    assert aside(check, "duplicate") == [len(rows) - 1]
    assert aside(check, "conflict") == [15, len(rows)]
    shown = told(check)
    assert "1 without a label: rows 5" in shown
    assert f"1 whose text repeats another: rows {len(rows) - 1} (as 13)" in shown
    assert f"2 whose text has several labels: rows 15 (as {len(rows)}), {len(rows)} (as 15)" in shown


def test_a_cut_off_last_line_is_named(tmp_path: Path, lines: Rows) -> None:
    path = tmp_path / "t.jsonl"
    rows = [json.dumps(dict(zip(("text", "label"), line.rsplit(",", 1), strict=True))) for line in lines[1:]]
    path.write_text("\n".join([*rows, rows[0][:17]]), encoding="utf-8")
    check = found(path)
    assert aside(check, "cut_off") == [49]
    assert "1 cut off at the file's end: rows 49" in told(check)


def test_rows_with_more_fields_than_the_header_are_named(tmp_path: Path, lines: Rows) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n".join(_with(lines, 6, "where, is, it,refund,x")) + "\n", encoding="utf-8")
    assert aside(found(path), "too_many_fields") == [7]


def test_rows_that_leak_from_the_test_are_named(tmp_path: Path, lines: Rows) -> None:
    test = write_rows(tmp_path / "test.csv", 30, seed=7)
    test.write_text(test.read_text(encoding="utf-8") + lines[3] + "\n", encoding="utf-8")
    check = found(tmp_path / "plain.csv", test=test)
    leaks = [row for row in check["set_aside"] if row["reason"] == "leak"]
    assert [(row["file"], row["row"], row["other_row"]) for row in leaks] == [("test.csv", 32, 4)]
    assert "1 of the test that are also in the training data, test.csv: rows 32 (as 4)" in told(check)


def test_lengths_in_the_models_tokens(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, lines: Rows) -> None:
    model = save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")
    path = tmp_path / "plain.csv"
    path.write_text("\n".join([*lines, f"{'word ' * 600},refund"]) + "\n", encoding="utf-8")
    checked = api.check(Task.from_file(path), model=str(model))
    assert checked.lengths is not None
    p50, p95, longest = checked.lengths.prompt
    assert 0 < p50 <= p95 <= longest
    assert [one.row for one in checked.lengths.too_long] == [50]
    assert "too long with their answer, shorten or drop them: rows 50" in told(checked.to_json())


def test_written_answers_have_room(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, lines: Rows) -> None:
    model = save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")
    path = tmp_path / "t.jsonl"
    rows = [{"dialogue": line.rsplit(",", 1)[0], "summary": f"{n} {line[:20]}"} for n, line in enumerate(lines[1:])]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    shown = told(api.check(Task.from_file(path), model=str(model)).to_json())
    assert "dialogue → summary · summarization · rouge_l decides" in shown
    assert "are written" in shown
    assert "at worst, differences under" in shown


def test_the_default_model_is_not_fetched_for_a_check(
    tmp_path: Path, lines: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSOVER_CACHE", str(tmp_path / "empty"))
    assert api.check(Task.from_file(tmp_path / "plain.csv"), model=DEFAULT_MODEL).lengths is None
    assert not (tmp_path / "empty").exists()
