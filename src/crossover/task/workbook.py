"""Excel workbooks (.xlsx), through fastexcel, after a look into the zip that they are."""

from __future__ import annotations

__all__ = ["XlsxReader"]

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, final

import fastexcel

from crossover.errors import DataError, closest
from crossover.task.parquet import check_signature
from crossover.task.reader import Reader
from crossover.task.table import MAX_CELLS, MAX_COLUMNS, ReadOptions, Table, make_table

MAX_UNPACKED_BYTES = 500_000_000
MAX_MEMBERS = 2_000
CHUNK_BYTES = 1 << 20
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,4})([0-9]{1,8})["']""")


@final
class XlsxReader(Reader):
    """The first sheet of a workbook, or the one asked for. Its first row that holds anything is the header.

    Cells are read as they are stored: text as text, whole numbers without ".0". Row numbers are the sheet's.
    """

    name: ClassVar[str] = "xlsx"
    endings: ClassVar[tuple[str, ...]] = (".xlsx", ".xlsm")

    def read(self, path: Path, options: ReadOptions) -> Table:
        check_signature(path, b"PK\x03\x04", "an Excel workbook")
        _check_zip(path)
        try:
            workbook = fastexcel.read_excel(path)
            sheet = self._sheet(path, workbook.sheet_names, options)
            frame = workbook.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string").to_polars()
        except fastexcel.FastExcelError as error:
            raise DataError(
                f"{path.name} is a damaged workbook: {str(error).splitlines()[0]}.", "save it again as .xlsx or .csv"
            ) from error
        filled = [
            (number, list(row))
            for number, row in enumerate(frame.iter_rows(), start=1)
            if any(cell and cell.strip() for cell in row)
        ]
        if not filled:
            raise DataError(f'{path.name}, sheet "{sheet}" is empty.', "sheets: " + ", ".join(workbook.sheet_names))
        used = [index for index in range(frame.width) if any(row[index] for _, row in filled)]
        header = [filled[0][1][index] or "" for index in used]
        notes = [f'sheet "{sheet}" of {len(workbook.sheet_names)} is read'] if len(workbook.sheet_names) > 1 else []
        if filled[0][0] > 1:
            notes.append(f"the header is row {filled[0][0]}")
        records = ((number, [row[index] for index in used]) for number, row in filled[1:])
        return make_table(path.name, header, records, format=self.name, notes=notes)

    def _sheet(self, path: Path, names: list[str], options: ReadOptions) -> str:
        if not names:
            raise DataError(f"{path.name} has no sheet.")
        if options.sheet is None:
            return names[0]
        if options.sheet not in names:
            near = closest(options.sheet, names)
            hint = [f'did you mean "{near}"?'] if near else []
            raise DataError(f'{path.name} has no sheet "{options.sheet}".', "sheets: " + ", ".join(names), *hint)
        return options.sheet


def _check_zip(path: Path) -> None:
    """Refuse a workbook that is not one, or would fill the memory: unpacked here in pieces, whatever its sizes claim.

    A sheet with one cell far out is as dangerous as a long one: the reader makes room for all cells before it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            if "xl/workbook.xml" not in names:
                raise DataError(
                    f"{path.name} is not an Excel workbook: it looks like a zip archive.", "unpack it first"
                )
            if len(members) > MAX_MEMBERS:
                raise DataError(f"{path.name} holds {len(members):,} parts; a workbook has at most {MAX_MEMBERS:,}.")
            declared = sum(member.file_size for member in members)
            if declared > MAX_UNPACKED_BYTES:
                raise _too_large(path, declared)
            unpacked = 0
            for member in members:
                last_row, last_column, rest = 0, 0, b""
                for chunk in _unpack(path, member):
                    unpacked += len(chunk)
                    if unpacked > MAX_UNPACKED_BYTES:
                        raise _too_large(path, unpacked)
                    if "sheets/" not in member.filename:
                        continue
                    piece = rest + chunk
                    rest = piece[-64:]
                    for letters, digits in _REFERENCE.findall(piece):
                        last_row, last_column = max(last_row, int(digits)), max(last_column, _column_number(letters))
                    if last_column > MAX_COLUMNS or last_row * last_column > MAX_CELLS:
                        raise DataError(
                            f"{path.name}: a sheet reaches to row {last_row:,}, column {last_column:,};"
                            f" at most {MAX_COLUMNS:,} columns and {MAX_CELLS:,} cells are read.",
                            "delete the stray cells, or save the rows as .csv",
                        )
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError, EOFError) as error:
        raise DataError(f"{path.name} is a damaged workbook: {error}.", "save it again as .xlsx or .csv") from error


def _unpack(path: Path, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a member's content from its raw bytes: `ZipFile.open` would stop at the size that the archive claims."""
    if member.flag_bits & 0x1:
        raise DataError(f"{path.name} is protected by a password.", "save it without one, or as .csv")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            f"{path.name} is packed in a way that Excel does not use (method {member.compress_type}).", "save it again"
        )
    with path.open("rb") as file:
        file.seek(member.header_offset)
        header = file.read(30)
        if header[:4] != b"PK\x03\x04":
            raise zipfile.BadZipFile(f"part {member.filename} has no header")
        file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
        left = member.compress_size
        inflate = zlib.decompressobj(-15)
        while left > 0 and (raw := file.read(min(left, CHUNK_BYTES))):
            left -= len(raw)
            if member.compress_type == zipfile.ZIP_STORED:
                yield raw
                continue
            while raw:
                yield inflate.decompress(raw, CHUNK_BYTES)
                raw = inflate.unconsumed_tail


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _too_large(path: Path, n_bytes: int) -> DataError:
    return DataError(
        f"{path.name} unpacks to more than {MAX_UNPACKED_BYTES // 1_000_000} MB ({n_bytes / 1e6:,.0f} MB and on).",
        "save the rows as .csv",
    )
