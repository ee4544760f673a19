"""Each format comes back as the text that it holds, and each defect is named with its place."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.errors import DataError
from crossover.task import read_table
from crossover.task.conformance import Write, check_reader
from crossover.task.delimited import CsvReader, TsvReader
from crossover.task.jsons import JsonLinesReader, JsonReader
from crossover.task.parquet import ParquetReader
from crossover.task.reader import Reader
from crossover.task.workbook import XlsxReader


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows((columns, *rows))


def write_tsv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows((columns, *rows))


def write_jsonl(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_json(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.write_text(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=1), encoding="utf-8")


def write_parquet(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    pl.DataFrame(list(rows), schema=dict.fromkeys(columns, pl.String), orient="row").write_parquet(path)


def write_xlsx(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for number, row in enumerate((columns, *rows), start=1):
        for place, value in enumerate(row, start=1):
            cell = sheet.cell(number, place, value)
            cell.data_type = "s"  # "=1+1" is a text here, not a formula
    workbook.save(path)


WRITERS: tuple[tuple[Reader, Write], ...] = (
    (CsvReader(), write_csv),
    (TsvReader(), write_tsv),
    (JsonLinesReader(), write_jsonl),
    (JsonReader(), write_json),
    (ParquetReader(), write_parquet),
    (XlsxReader(), write_xlsx),
)
ROWS = (("hello", "a"), ("good bye", "b"))


def refused(path: Path, content: bytes | str) -> DataError:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        read_table(path)
    return caught.value


@pytest.mark.parametrize(("reader", "write"), WRITERS, ids=lambda value: getattr(value, "name", ""))
def test_our_readers_conform(reader: Reader, write: Write, tmp_path: Path) -> None:
    check_reader(reader, write, tmp_path)


def test_the_suite_goes_red_on_a_reader_that_changes_text(tmp_path: Path) -> None:
    def write_stripped(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        write_csv(path, columns, [[value.strip() for value in row] for row in rows])

    with pytest.raises(AssertionError, match="text has changed"):
        check_reader(CsvReader(), write_stripped, tmp_path)


@pytest.mark.parametrize("place", [0, 2, 4])
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=8))
def test_any_text_survives(place: int, rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    reader, write = WRITERS[place]
    kept = [row for row in rows if any(value.strip() for value in row) and not any("\0" in value for value in row)]
    path = tmp_path_factory.mktemp("any") / f"t{reader.endings[0]}"
    write(path, ("text", "label"), [("first row", "x"), *kept])
    assert read_table(path).cells == (("first row", "x"), *kept)


@pytest.mark.parametrize(("separator", "word"), [(";", "a semicolon"), ("\t", "a tab"), ("|", "a bar")])
def test_the_separator_of_a_csv_is_found_and_said(separator: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'text{separator}label\n"one, {separator} two"{separator}a\nthree, four{separator}b\n')
    table = read_table(path)
    assert table.cells == ((f"one, {separator} two", "a"), ("three, four", "b"))
    assert table.notes == (f"the separator is {word}",)


def test_csv_rows_are_numbered_by_record_and_blank_ones_count(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('text,label\n"two\nlines",a\n\nlast,b\n')
    assert read_table(path).rows == (2, 4)


def test_jsonl_rows_are_numbered_by_line_and_json_by_item(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "x"}\n\n{"text": "y"}\n')
    (tmp_path / "t.json").write_text('{"version": 1, "data": [{"text": "x"}, {"text": "y"}]}')
    assert read_table(tmp_path / "t.jsonl").rows == (1, 3)
    assert read_table(tmp_path / "t.json").rows == (1, 2)


def test_xlsx_rows_are_those_of_the_sheet_and_numbers_stay_whole(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for place, value in {"B3": "text", "C3": "label", "B4": "x", "C4": 7, "B6": "y", "C6": "007"}.items():
        sheet[place] = value
    workbook.create_sheet("other")
    workbook.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert (table.columns, table.cells, table.rows) == (("text", "label"), (("x", "7"), ("y", "007")), (4, 6))
    assert table.notes == (
        'sheet "Sheet" of 2 is read, the only one that holds a table',
        "the header is row 3",
        "1 empty row left out: 5",
    )


def test_nested_values_stay_json(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "x", "slots": [{"a": "ä"}], "n": 1, "b": true, "z": null}\n')
    assert read_table(tmp_path / "t.jsonl").cells == (("x", '[{"a": "ä"}]', "1", "true", None),)
    pl.DataFrame({"text": ["x"], "slots": [[{"a": "ä"}]], "n": [1]}).write_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").cells == (("x", '[{"a": "ä"}]', "1"),)


def test_json_lines_named_json_are_read_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('{"text": "x"}\n{"text": "y"}\n')
    table = read_table(tmp_path / "t.json")
    assert (len(table.rows), table.notes) == (2, ("read as JSON lines: one object a line",))


def test_plain_tsv_keeps_its_quotes(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text('text\tlabel\n"so" he said\ta\nopen " quote\tb\n"never closed\tc\n')
    table = read_table(tmp_path / "t.tsv")
    assert [cells[0] for cells in table.cells] == ['"so" he said', 'open " quote', '"never closed']
    assert table.notes == ("quotes are read as letters: the fields are not quoted",)


def test_short_rows_are_filled_and_nameless_columns_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label,\nx,a,1\ny\n")
    table = read_table(tmp_path / "t.csv")
    assert table.columns == ("text", "label", "column 3")
    assert table.cells[1] == ("y", None, None)
    assert table.notes == (
        "1 column without a name: called column 3",
        "fewer fields than the header in 1 row, filled up: 3",
    )


@pytest.mark.parametrize(
    ("name", "content", "message", "detail"),
    [
        (
            "t.csv",
            "text,label\nx,a\nhello, you,b\nand, you,c\n",
            "t.csv, row 3: 3 fields where the header has 2.",
            "rows 4",
        ),
        (
            "t.csv",
            'text,label\n"x,a\ny,b\n',
            "t.csv, row 2 (from line 2): a quote is opened and never closed.",
            'twice: ""',
        ),
        ("t.csv", 'text,label\nx,a\n"x"y,a\n', "t.csv, row 3 (from line 3): text follows a closing quote.", "twice"),
        ("t.csv", "\n\n \n", "t.csv holds only empty lines.", "header"),
        ("t.csv", "", "t.csv is empty (0 bytes).", "header and rows"),
        ("t.jsonl", "", "t.jsonl is empty (0 bytes).", "header and rows"),
        (
            "t.jsonl",
            '{"a": 1}\n{"a": \n{"a": 3}\n',
            "t.jsonl, line 2 is not JSON: Expecting value (column 6).",
            "mend it, or leave it out: sed -i '2d' t.jsonl",
        ),
        ("t.jsonl", '{"a": 1}\n[1]\n', "t.jsonl, line 2 is no object but [1].", "wanted"),
        ("t.jsonl", '{\n "a": 1\n}', "t.jsonl, line 1 is not JSON", "a .json file"),
        ("t.json", '[{"a": 1}, {"a": ', "t.json, line 1, column 18: Expecting value.", "was it cut off?"),
        ("t.json", '{"a": 1}', "t.json holds an object that does not have exactly one array of objects", "wanted"),
        ("t.json", "[]", "t.json holds no rows.", "wanted"),
        ("t.json", "[" * 100_000, "t.json is not JSON that can be read: nested too deeply.", ""),
        ("t.jsonl", '{"a": ' + "1" * 5_000 + "}\n", "t.jsonl, line 1 is not JSON: Exceeds the limit", ""),
    ],
)
def test_damage_is_named_with_its_place(name: str, content: str, message: str, detail: str, tmp_path: Path) -> None:
    error = refused(tmp_path / name, content)
    assert error.message.startswith(message)
    assert detail in "\n".join(error.details)


def test_a_file_that_is_not_there_offers_one_that_is(tmp_path: Path) -> None:
    (tmp_path / "tickets.csv").write_text("a,b\n")
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "ticket.csv")
    assert caught.value.message == f"there is no file {tmp_path / 'ticket.csv'}."
    assert caught.value.details == (f"did you mean {tmp_path / 'tickets.csv'}?",)


def test_a_folder_and_an_unknown_ending_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a file"):
        read_table(tmp_path)
    error = refused(tmp_path / "t.txt", "a,b\n")
    assert error.message == 't.txt has the ending ".txt", which no reader knows.'
    known = ".csv, .tsv, .tab, .jsonl, .ndjson, .json, .parquet, .pq, .arrow, .feather, .ipc, .xlsx, .xlsm"
    assert error.details[0] == f"endings: {known}"
