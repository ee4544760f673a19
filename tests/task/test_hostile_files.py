"""Data files cannot hurt: bombs and bounds, each refused in seconds and within little memory."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import openpyxl
import polars as pl
import pytest

from crossover.errors import DataError
from crossover.task import read_table, table, workbook


@contextmanager
def quickly() -> Iterator[None]:
    tracemalloc.start()
    started = perf_counter()
    try:
        yield
        assert perf_counter() - started < 15, "5 s promised; tracing slows Python down threefold"
        assert tracemalloc.get_traced_memory()[1] < 300e6
    finally:
        tracemalloc.stop()


def refused(path: Path) -> DataError:
    with quickly(), pytest.raises(DataError) as caught:
        read_table(path)
    return caught.value


def xlsx(path: Path, sheet: str | bytes) -> Path:
    workbook_file = openpyxl.Workbook()
    workbook_file.active["A1"] = "text"
    workbook_file.save(path.with_suffix(".good"))
    with zipfile.ZipFile(path.with_suffix(".good")) as good, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bad:
        for member in good.infolist():
            name = member.filename
            bad.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else good.read(name))
    return path


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    workbook_file = openpyxl.Workbook()
    workbook_file.save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/x.bin", "w") as member:
        for _ in range(510):
            member.write(bytes(1_000_000))
    assert refused(path).message.startswith("t.xlsx unpacks to more than 500 MB")


def test_a_zip_bomb_that_lies_about_its_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_UNPACKED_BYTES", 5_000_000)
    path = xlsx(tmp_path / "t.xlsx", SHEET.format(" " * 8_000_000))
    content = path.read_bytes()
    size = (8_000_000 + len(SHEET) - 2).to_bytes(4, "little")
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, (100).to_bytes(4, "little")))
    assert refused(path).message.startswith("t.xlsx unpacks to more than 5 MB")


def test_a_part_that_claims_a_huge_size_is_refused(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "t.xlsx", SHEET.format(" " * 8_000))
    size = (8_000 + len(SHEET) - 2).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (4_000_000_000).to_bytes(4, "little")))
    assert refused(path).message.startswith("t.xlsx unpacks to more than 500 MB (4,0")


@pytest.mark.parametrize("cell", ["XFD1048576", "XFA1", "B99999999"])
def test_a_stray_cell_far_out_is_refused(cell: str, tmp_path: Path) -> None:
    cells = f'<row r="1"><c r="A1"><v>1</v></c></row><row><c r="{cell}"><v>1</v></c></row>'
    error = refused(xlsx(tmp_path / "t.xlsx", SHEET.format(cells)))
    assert "a sheet reaches to row" in error.message
    assert error.details == ("delete the stray cells, or save the rows as .csv",)


def test_entities_in_a_sheet_are_not_expanded(tmp_path: Path) -> None:
    entities = '<!DOCTYPE x [<!ENTITY a "' + "A" * 1_000 + '">' + '<!ENTITY b "' + "&a;" * 1_000 + '">]>'
    body = '<row r="1"><c r="A1" t="inlineStr"><is><t>text&b;</t></is></c></row>'
    path = xlsx(tmp_path / "t.xlsx", entities + SHEET.format(body))
    with quickly():
        try:
            read = read_table(path)
        except DataError:
            return
    assert len(read.columns[0]) < 100


def test_a_protected_or_plain_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refused(path).message == "t.xlsx is not an Excel workbook: it looks like a zip archive."


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(16_384)]
    (tmp_path / "t.csv").write_text(",".join(names) + "\n" + ",".join(names) + "\n")
    assert refused(tmp_path / "t.csv").message == "t.csv has 16,384 columns; at most 4,096 are read."
    pl.DataFrame({name: ["x"] for name in names[:5_000]}).write_parquet(tmp_path / "t.parquet")
    assert refused(tmp_path / "t.parquet").message == "t.parquet has 5,000 columns; at most 4,096 are read."
    (tmp_path / "t.jsonl").write_text("{" + ",".join(f'"{name}": 1' for name in names) + "}\n")
    assert refused(tmp_path / "t.jsonl").message == "t.jsonl has more than 4,096 columns by row 1."


def test_a_parquet_file_of_endless_repeats_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"text": pl.repeat("x", 60_000_000, eager=True)}).write_parquet(tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 1_000_000
    assert "has 60,000,000 rows × 1 columns" in refused(tmp_path / "t.parquet").message


def test_a_field_over_the_bound_is_refused(tmp_path: Path) -> None:
    big = "x" * (table.MAX_FIELD_CHARACTERS + 1)
    (tmp_path / "t.csv").write_text(f"text,label\nx,a\n{big},b\n")
    assert refused(tmp_path / "t.csv").message == "t.csv, row 3 (from line 3): a field is longer than 10 MB."
    (tmp_path / "t.jsonl").write_text('{"text": "' + big + '"}\n')
    assert refused(tmp_path / "t.jsonl").message.startswith(
        't.jsonl, row 1, column "text": a field of 10,000,001 characters'
    )


def test_a_huge_quoted_field_over_many_lines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('text,label\n"' + "line\n" * 2_500_000 + '",b\n')
    started = perf_counter()
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "t.csv")
    assert caught.value.message == "t.csv, row 2 (from line 2): a field is longer than 10 MB."
    assert perf_counter() - started < 5


def test_a_gigabyte_in_one_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\n")
    with path.open("r+b") as file:
        file.seek(0, 2)
        for _ in range(60):
            file.write(b"x" * 1_000_000)
        file.truncate(1_000_000_000)  # the rest is a hole: nothing on disk
    assert refused(path).message == "t.csv, line 2: longer than 40 MB, more than is read."


def test_a_file_over_the_bound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\n")
    with path.open("r+b") as file:
        file.truncate(table.MAX_FILE_BYTES + 1)
    assert refused(path).message == "t.csv has 2.0 GB; at most 2 GB are read."


def test_too_many_cells_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_CELLS", 5)
    (tmp_path / "t.csv").write_text("text,label\n" + "x,a\n" * 3)
    assert refused(tmp_path / "t.csv").message == "t.csv has more than 5 cells."
