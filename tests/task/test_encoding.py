"""Encodings are found, or refused with byte, line and the command that mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossover.errors import DataError
from crossover.task import read_table
from crossover.task.encoding import MAX_LINE_BYTES, find_encoding

TEXT = "text,label\nWo ist die Größe für mein Café?,size\nThe rest is plain English text,other\n"


def found(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return find_encoding(path, expected="a csv file").name


def refused(path: Path, content: bytes) -> DataError:
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        find_encoding(path, expected="a csv file")
    return caught.value


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("cp1252", "cp1252"), ("latin-1", "cp1252")],
)
def test_encodings_are_found_and_read(encoding: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    assert found(path, TEXT.encode(encoding)) == name
    table = read_table(path)
    assert table.columns == ("text", "label")
    assert table.cells[0] == ("Wo ist die Größe für mein Café?", "size")
    assert len(table.notes) == (encoding != "utf-8")


def test_windows_1252_is_said_aloud(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("text,label\nplain,a\nit’s a “quoted” naïve text,b\n".encode("cp1252"))
    assert read_table(path).notes == ("not UTF-8 (line 3): read as Windows-1252, the Western European encoding",)


@pytest.mark.parametrize(
    "content",
    [
        "text,label\nГде моя карта,a\n".encode("cp1251"),
        "text,label\nカードはどこ,a\n".encode("shift_jis"),
        "text,label\nΠού είναι η κάρτα,a\n".encode("cp1253"),
        "text,label\nGröße,a\n".encode() + b"caf\xe9,b\n",
        b"text,label\nabc\x81def,a\n",
        b"text,label\n" + "café is good,a\n".encode("cp1252") * 20 + "Где,b\n".encode("cp1251"),
    ],
    ids=["cyrillic", "japanese", "greek", "damaged utf-8", "undefined byte", "two encodings"],
)
def test_what_is_not_clearly_western_is_refused(content: bytes, tmp_path: Path) -> None:
    error = refused(tmp_path / "t.csv", content)
    assert "is not UTF-8." in error.message
    assert error.details[-1] == "  iconv -f CP1251 -t UTF-8 t.csv > t.utf8.csv"


def test_the_bad_byte_is_named_with_its_line_beyond_the_first_piece(tmp_path: Path) -> None:
    start = b"text,label\n" + b"0123456789abcde\n" * 131_072  # 2 MB: the scan reads 1 MiB at a time
    error = refused(tmp_path / "t.csv", start + b"caf\xc3\xa9 x\xff y\n")
    assert error.message == f"t.csv, line 131074: byte {len(start) + 8:,} (0xFF) is not UTF-8."


def test_a_character_cut_off_at_the_end_is_refused(tmp_path: Path) -> None:
    assert "is not UTF-8" in refused(tmp_path / "t.csv", "text\nGröße 日".encode()[:-1]).message


@pytest.mark.parametrize(("codec", "words"), [("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")])
@pytest.mark.parametrize("text", [TEXT, "質問,答え\nカードはどこですか,カード\n"], ids=["western", "japanese"])
def test_utf_16_without_its_mark_is_read_and_said(codec: str, words: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    assert found(path, text.encode(codec)) == codec
    table = read_table(path)
    assert [",".join(row) for row in (table.columns, *(map(str, cells) for cells in table.cells))] == text.splitlines()
    assert table.notes == (f"read as {words} without a byte-order mark",)
    assert table.layout.encoding == words


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_that_breaks_off_later_is_refused_with_its_line(codec: str, tmp_path: Path) -> None:
    error = refused(tmp_path / "t.csv", TEXT.encode(codec) * 900 + b"\x00")
    assert f"is not {codec.upper()}." in error.message


def test_zero_bytes_are_no_text(tmp_path: Path) -> None:
    assert "byte 4 is a zero" in refused(tmp_path / "t.csv", b"abc\0def\n").message


def test_a_line_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path / "t.csv", b"text,label\n" + b"x" * (MAX_LINE_BYTES + 1))
    assert error.message == "t.csv, line 2: longer than 40 MB, more than is read."


PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PARQUET = b"PAR1" + bytes(100) + b"PAR1"
XLSX = b"PK\x03\x04\x14\0\x06\0\x08\0" + bytes(20) + b"[Content_Types].xml"
JSONL = b'{"text": "x", "label": "a"}\n{"text": "y", "label": "b"}\n'
CSV = b"text,label\nx,a\n"


@pytest.mark.parametrize(
    ("name", "content", "looks", "way_out"),
    [
        ("t.csv", XLSX, "an Excel workbook", "rename it: mv t.csv t.xlsx"),
        ("t.csv", PARQUET, "a parquet file", "rename it: mv t.csv t.parquet"),
        ("t.csv", PNG, "a PNG image", "export the data"),
        ("t.csv", JSONL, "JSON lines", "rename it: mv t.csv t.jsonl"),
        ("t.csv", b'[{"text": "x"}]', "a JSON array", "rename it: mv t.csv t.json"),
        ("t.csv", b"<!DOCTYPE html><html>", "a web page (HTML)", "export the data"),
        ("t.csv", b"%PDF-1.4 x", "a PDF document", "export the data"),
        ("t.csv", b"\x1f\x8b\x08\0" + bytes(9), "a gzip archive", "export the data"),
        ("t.tsv", CSV, "a table separated by commas", "rename it: mv t.tsv t.csv"),
        ("t.jsonl", CSV, "a table separated by commas", "rename it: mv t.jsonl t.csv"),
        ("t.jsonl", b'[{"text": "x"}]', "a JSON array", "rename it: mv t.jsonl t.json"),
        ("t.json", CSV, "a table separated by commas", "rename it: mv t.json t.csv"),
        ("t.json", PNG, "a PNG image", "export the data"),
        ("t.parquet", CSV, "a table separated by commas", "rename it: mv t.parquet t.csv"),
        ("t.parquet", XLSX, "an Excel workbook", "rename it: mv t.parquet t.xlsx"),
        ("t.xlsx", CSV, "a table separated by commas", "rename it: mv t.xlsx t.csv"),
        ("t.xlsx", JSONL, "JSON lines", "rename it: mv t.xlsx t.jsonl"),
        ("t.xlsx", b"\xd0\xcf\x11\xe0" + bytes(99), "an old Excel or Word document (.xls, .doc)", "export the data"),
    ],
)
def test_a_file_that_is_not_what_its_ending_says(
    name: str, content: bytes, looks: str, way_out: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / name)
    assert caught.value.message.startswith(f"{name} is not a")
    assert f"it looks like {looks}." in caught.value.message
    assert caught.value.details[0].startswith(way_out)
