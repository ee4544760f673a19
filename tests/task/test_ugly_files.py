"""Ugly files are read: each defect is found, said with its rows, and nothing else changes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest

from crossover.errors import DataError
from crossover.task import ReadOptions, Table, read_table


def read(path: Path, content: str | bytes, options: ReadOptions | None = None) -> Table:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path, options)


def refused(path: Path, content: str | bytes = "", options: ReadOptions | None = None) -> DataError:
    if content:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        read_table(path, options)
    return caught.value


def workbook(path: Path, sheets: Mapping[str, list[list[object]]], *, hidden: str | None = None) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name == hidden:
            sheet.sheet_state = "hidden"
    book.save(path)
    return path


# ------------------------------------------------------------------------------------------------------------ header

BODY = "text,label,n\nwhere is it,card,1\nsend it back,refund,2\nit is late,card,3\n"


@pytest.mark.parametrize(
    ("above", "row"),
    [
        ("Tickets of March\n", 2),
        ("Tickets of March,,\n", 2),
        ("Tickets of March\nmade by the shop\n", 3),
        ("\n\n", 3),
        ("Tickets of March,,\n,,\n", 3),
        ("made by,the shop\nversion,2\n\n", 4),
        ("The mail,,Other\n", 2),
    ],
    ids=["title", "padded", "two titles", "blank", "title and blank", "pairs set off", "merged band"],
)
@pytest.mark.parametrize("names", ["text,label,n", "what,why,how many"], ids=["usual names", "any names"])
def test_the_header_is_found_below_what_stands_above_it(above: str, row: int, names: str, tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", above + BODY.replace("text,label,n", names))
    assert table.columns == tuple(names.split(","))
    assert table.layout.header_row == row
    assert table.rows == (row + 1, row + 2, row + 3)
    assert table.notes[0].startswith(f"the header is row {row}")
    assert table.cells[0] == ("where is it", "card", "1")


def test_a_band_may_hold_a_usual_name_when_the_names_below_hold_more(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", "Ticket,,Other\n" + BODY).columns == ("text", "label", "n")


@pytest.mark.parametrize(
    "content",
    [
        BODY,
        ",what,why\n0,where is it,card\n1,send it back,refund\n",
        "what\none\ntwo\n",
        "what,why\nwhere is it,card\n",
        "what,,\nwhere is it,card,1\nsend it back,card,2\n",
        "text\nhello there; you\nbye; now\n",
        "label,note\n\nwhere,card\n",
    ],
)
def test_a_header_in_row_1_stays_there(content: str, tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", content)
    assert table.layout.header_row == 1
    assert table.columns[0] == (re.split("[,\\n]", content, maxsplit=1)[0] or "column 1")


def test_a_row_of_data_is_no_header_below_a_short_one(tmp_path: Path) -> None:
    """Its label comes again below, so it is a row; the file is refused as before."""
    error = refused(tmp_path / "t.csv", "complaint\nwhere is it,card\nsend it back,refund\nit is late,card\n")
    assert error.message == "t.csv, row 2: 2 fields where the header has 1."


def test_a_merged_title_in_a_workbook_is_passed_over(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Tickets of March"], [], ["what", "why"], ["where is it", "card"], ["send", "card"]]
    path = workbook(tmp_path / "t.xlsx", {"Sheet": rows})
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("A1:B1")
    book.save(path)
    table = read_table(path)
    assert (table.columns, table.rows) == (("what", "why"), (4, 5))
    assert table.notes == ('the header is row 3: "Tickets of March" stands above it',)


# ------------------------------------------------------------------------------------------------- columns and rows


def test_nameless_columns_get_a_name_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", "text,,label,,\nx,1,a,,\ny,2,b,,\n")
    assert table.columns == ("text", "column 2", "label")
    assert table.cells == (("x", "1", "a"), ("y", "2", "b"))
    assert table.notes == ("1 column without a name: called column 2", "2 empty columns left out: 4, 5")


def test_an_empty_column_with_a_name_stays(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", "text,note,label\nx,,a\n").columns == ("text", "note", "label")


def test_a_second_column_of_one_name_gets_its_own(tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", "text,label,text,text (2),text\na,b,c,d,e\n")
    assert table.columns == ("text", "label", "text (3)", "text (2)", "text (4)")
    assert table.notes == (
        'the name "text" stands twice: column 3 is called "text (3)"',
        'the name "text" stands twice: column 5 is called "text (4)"',
    )


def test_rows_of_spaces_are_left_out_and_said_but_not_the_files_end(tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", "text,label\nx,a\n  , \n\ny,b\n,\n\n")
    assert (table.rows, table.notes) == ((2, 5), ("2 empty rows left out: 3, 4",))


def test_a_few_rows_with_too_many_fields_are_set_aside(tmp_path: Path) -> None:
    rows = [f"text {number},a" for number in range(60)]
    rows[9] = "hello, you,b"
    rows[19] = "good, bye,b"
    table = read(tmp_path / "t.csv", "text,label\n" + "\n".join(rows) + "\n")
    assert len(table.rows) == 58
    assert table.refused == ((11, "too_many_fields"), (21, "too_many_fields"))
    assert table.notes == ("more fields than the header in 2 rows, set aside: 11, 21",)


def test_many_rows_with_too_many_fields_are_an_error(tmp_path: Path) -> None:
    rows = [f"text, {number},a" if number % 10 == 0 else f"text {number},a" for number in range(60)]
    error = refused(tmp_path / "t.csv", "text,label\n" + "\n".join(rows) + "\n")
    assert error.message == "t.csv, row 2: 3 fields where the header has 2."
    assert error.details[1] == "so have the rows 12, 22, 32, 42, 52"


def test_empty_fields_beyond_the_header_do_not_matter(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", "text,label\nx,a,,\ny,b\n").cells == (("x", "a"), ("y", "b"))


def test_of_many_rows_a_seeded_sample_is_drawn_in_order(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "".join(f"text {number},{number % 3}\n" for number in range(5_000)))
    table = read_table(path, ReadOptions(max_rows=300))
    assert (len(table.rows), table.n_found, table.is_sample) == (300, 5_000, True)
    assert list(table.rows) == sorted(set(table.rows))
    assert all(cells[0] == f"text {row - 2}" for row, cells in zip(table.rows, table.cells, strict=True))
    assert 2_000 < sum(table.rows) / 300 < 3_000, "drawn evenly"
    assert table == read_table(path, ReadOptions(max_rows=300))
    assert table.rows != read_table(path, ReadOptions(max_rows=300, seed=1)).rows
    assert table.notes == ("5,000 rows; a study reads 300 of them, drawn with seed 0: --max-rows 5000 takes all",)
    assert not read_table(path, ReadOptions(max_rows=5_000)).is_sample


# ------------------------------------------------------------------------------------------------ separators, quotes


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "sep=;\r"])
def test_a_first_line_may_say_the_separator(first: str, tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", f"{first}\ntext;label\na, b, c;x\nd, e, f;y\n")
    assert (table.cells, table.rows) == ((("a, b, c", "x"), ("d, e, f", "y")), (2, 3))
    assert table.layout.separator == ";"
    assert table.notes == ('the first line says the separator: "sep=;"; rows are counted below it',)


def test_a_separator_that_only_the_first_line_tells(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", "sep=^\ntext^label\nx^a\n").columns == ("text", "label")


def test_the_separator_is_found_below_a_title_that_holds_another(tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", "Tickets, of March\n\nwhat;why\nwhere, is it;card\nsend it;refund\nlate;card\n")
    assert (table.columns, table.layout.separator) == (("what", "why"), ";")


def test_single_quotes_are_found(tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", "'text','label'\n'hello, it''s me','a'\n'two\nlines','b'\n")
    assert table.cells == (("hello, it's me", "a"), ("two\nlines", "b"))
    assert table.notes == ("the quotes are single ones: 'text'",)


def test_quotes_behind_a_backslash_are_found(tmp_path: Path) -> None:
    table = read(tmp_path / "t.csv", 'text,label\n"she said \\"no\\", then",a\n"plain",b\n')
    assert table.cells == (('she said "no", then', "a"), ("plain", "b"))
    assert table.notes == ('a quote inside a field is written \\"',)


def test_a_backslash_alone_is_a_letter(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", 'text,label\n"C:\\dir\\",a\n').cells == (("C:\\dir\\", "a"),)


# --------------------------------------------------------------------------------------------------------------- JSON


@pytest.mark.parametrize("end", ['{"text": "cut o', '{"text": "cut "\n\n', '{"text": "caf\u00e9'.encode()[:-1]])
def test_a_last_line_that_is_cut_off_is_set_aside_and_said(end: str | bytes, tmp_path: Path) -> None:
    whole = b'{"text": "x", "label": "a"}\n\n{"text": "y", "label": "b"}\n'
    table = read(tmp_path / "t.jsonl", whole + (end.encode() if isinstance(end, str) else end))
    assert table.rows == (1, 3)
    assert table.refused == ((4, "cut_off"),)
    assert table.notes == ("the last line, 4, is cut off and set aside: is the file whole?",)


def test_a_cut_off_character_ends_no_other_format(tmp_path: Path) -> None:
    assert "is not UTF-8" in refused(tmp_path / "t.csv", "text,label\nx,Größe 日".encode()[:-1]).message


def test_a_broken_line_further_up_is_an_error(tmp_path: Path) -> None:
    error = refused(tmp_path / "t.jsonl", '{"a": 1}\n{"a": \n{"a": 3}\n')
    assert error.message == "t.jsonl, line 2 is not JSON: Expecting value (column 6)."


def test_chats_and_pairs_come_as_json_text(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "Größe?"}, {"role": "assistant", "content": "38\n"}]
    line = json.dumps({"messages": chat, "prompt": chat[:1], "completion": "38"})
    table = read(tmp_path / "t.jsonl", line + "\n")
    assert [json.loads(str(cell)) for cell in table.cells[0][:2]] == [chat, chat[:1]]
    assert table.cells[0][2] == "38"


# ------------------------------------------------------------------------------------------------------------- sheets

TABLE: list[list[object]] = [["text", "label"], ["where is it", "card"], ["send it back", "refund"]]


def test_the_only_sheet_with_a_table_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", {"About": [["Tickets"], ["of March"]], "Data": TABLE, "Empty": []})
    table = read_table(path)
    assert (table.columns, table.layout.sheet) == (("text", "label"), "Data")
    assert table.notes == ('sheet "Data" of 3 is read, the only one that holds a table',)


def test_a_hidden_sheet_is_not_asked_for(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", {"Old": TABLE, "New": TABLE}, hidden="Old")
    assert read_table(path).layout.sheet == "New"


def test_several_tables_are_listed(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", {"Old ones": TABLE, "New": TABLE[:2], "Empty": []})
    error = refused(path)
    assert error.message == "t.xlsx: which sheet? 2 of 3 sheets hold a table."
    assert error.details == (
        'sheets: 1 "Old ones" (3 rows), 2 "New" (2 rows), 3 "Empty" (0 rows)',
        "say it by name or number: --sheet 'Old ones'",
    )


@pytest.mark.parametrize(("wanted", "n_rows"), [("Old", 2), ("2", 1), ("1", 2)])
def test_a_sheet_by_name_or_number(wanted: str, n_rows: int, tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", {"Old": TABLE, "New": TABLE[:2]})
    assert len(read_table(path, ReadOptions(sheet=wanted)).rows) == n_rows


def test_a_name_goes_before_a_number(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", {"2": TABLE, "New": TABLE[:2]})
    assert len(read_table(path, ReadOptions(sheet="2")).rows) == 2


@pytest.mark.parametrize(("wanted", "hint"), [("Dta", 'did you mean "Data"?'), ("3", ""), ("0", "")])
def test_a_sheet_that_is_not_there(wanted: str, hint: str, tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", {"Data": TABLE, "About": []})
    error = refused(path, options=ReadOptions(sheet=wanted))
    assert error.message == f't.xlsx has no sheet "{wanted}".'
    assert error.details[0] == 'sheets: 1 "Data", 2 "About"'
    assert hint in error.details[-1]


def test_empty_rows_and_columns_of_a_sheet(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        [None, "what", None, "why"],
        [None, "where", None, "card"],
        [None, " ", None, None],
        [None, "send", None, "card"],
    ]
    table = read_table(workbook(tmp_path / "t.xlsx", {"Data": rows}))
    assert (table.columns, table.rows) == (("what", "why"), (2, 4))
    assert table.notes == ("1 empty column left out: 2", "1 empty row left out: 3")


def test_a_workbook_of_empty_sheets(tmp_path: Path) -> None:
    error = refused(workbook(tmp_path / "t.xlsx", {"One": [], "Two": []}))
    assert error.message == "t.xlsx: all 2 sheets are empty."
