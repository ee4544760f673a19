"""Excel workbooks (.xlsx), through fastexcel, after a look into the zip that they are."""

from __future__ import annotations

__all__ = ["XlsxReader"]

import re
import shlex
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

import fastexcel

from crossover.errors import DataError, closest
from crossover.task.header import SEEN_ROWS, find_header, header_note
from crossover.task.parquet import check_signature
from crossover.task.reader import Reader
from crossover.task.table import MAX_CELLS, MAX_COLUMNS, Layout, ReadOptions, Table, make_table
from crossover.task.wording import counted, listed

MAX_UNPACKED_BYTES = 500_000_000
MAX_MEMBERS = 2_000
CHUNK_BYTES = 1 << 20
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,4})([0-9]{1,8})["']""")


@final
class XlsxReader(Reader):
    """The only sheet of a workbook that holds a table, or the one asked for, by name or number.

    Cells are read as they are stored: text as text, whole numbers without ".0". Row numbers are the sheet's.
    """

    name: ClassVar[str] = "xlsx"
    endings: ClassVar[tuple[str, ...]] = (".xlsx", ".xlsm")

    def read(self, path: Path, options: ReadOptions) -> Table:
        check_signature(path, b"PK\x03\x04", "an Excel workbook")
        _check_zip(path)
        try:
            workbook = fastexcel.read_excel(path)
            names = workbook.sheet_names
            if not names:
                raise DataError(f"{path.name} has no sheet.")
            if options.sheet is not None:
                sheet = _load(workbook, _named(path, names, options.sheet))
            else:
                sheet = _only_table(path, [_load(workbook, name) for name in names])
        except fastexcel.FastExcelError as error:
            raise DataError(
                f"{path.name} is a damaged workbook: {str(error).splitlines()[0]}.", "save it again as .xlsx or .csv"
            ) from error
        start = [(number, row) for number, row in sheet.rows if number < sheet.first + SEEN_ROWS]
        if not start:
            raise DataError(f'{path.name}, sheet "{sheet.name}" is empty.', "sheets: " + ", ".join(names))
        place = find_header(start)
        number, header = start[place]
        why = "" if options.sheet is not None else ", the only one that holds a table"
        notes = [f'sheet "{sheet.name}" of {len(names)} is read{why}'] if len(names) > 1 else []
        notes += filter(None, [header_note(start, place) or (f"the header is row {number}" if number > 1 else None)])
        return make_table(
            path.name,
            [cell or "" for cell in header],
            ((number, row) for number, row in sheet.rows if number > start[place][0]),
            format=self.name,
            notes=notes,
            layout=Layout(sheet=sheet.name if len(names) > 1 else None, header_row=number),
            options=options,
        )


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet's rows from the first to the last that holds anything, without empty columns at its left and right."""

    name: str
    is_visible: bool
    rows: list[tuple[int, tuple[str | None, ...]]]

    @property
    def first(self) -> int:
        return self.rows[0][0] if self.rows else 1

    @property
    def holds_table(self) -> bool:
        """Whether there are two rows with two cells or more."""
        return sum(sum(bool(cell and cell.strip()) for cell in row) > 1 for _, row in self.rows[:SEEN_ROWS]) > 1


def _load(workbook: fastexcel.ExcelReader, name: str) -> _Sheet:
    sheet = workbook.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
    rows = list(enumerate(sheet.to_polars().iter_rows(), start=1))
    filled = [place for place, (_, row) in enumerate(rows) if any(cell and cell.strip() for cell in row)]
    if not filled:
        return _Sheet(name, sheet.visible == "visible", [])
    rows = rows[filled[0] : filled[-1] + 1]
    used = [column for column in range(len(rows[0][1])) if any((row[column] or "").strip() for _, row in rows)]
    cut = slice(used[0], used[-1] + 1)
    return _Sheet(name, sheet.visible == "visible", [(number, row[cut]) for number, row in rows])


def _named(path: Path, names: list[str], wanted: str) -> str:
    """Return the name of the sheet that is asked for by name or, where none is called so, by number from 1."""
    if wanted in names:
        return wanted
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    near = closest(wanted, names)
    hint = [f'did you mean "{near}"?'] if near else []
    raise DataError(f'{path.name} has no sheet "{wanted}".', f"sheets: {_numbered(names)}", *hint)


def _only_table(path: Path, sheets: list[_Sheet]) -> _Sheet:
    """Return the sheet that holds a table; of several the only visible one.

    Raises:
        DataError: it is not clear which; all sheets are listed.
    """
    tables = [sheet for sheet in sheets if sheet.holds_table]
    for choice in (tables, [sheet for sheet in tables if sheet.is_visible], sheets if not tables else []):
        if len(choice) == 1:
            return choice[0]
    if not any(sheet.rows for sheet in sheets):
        names = [sheet.name for sheet in sheets]
        raise DataError(f"{path.name}: all {len(sheets)} sheets are empty.", "sheets: " + ", ".join(names))
    held = [
        f'{place} "{sheet.name}" ({counted(len(sheet.rows), "row")}{"" if sheet.is_visible else ", hidden"})'
        for place, sheet in enumerate(sheets, start=1)
    ]
    what = f"{len(tables)} of {len(sheets)} sheets hold a table" if tables else "no sheet holds a table"
    first = (tables or sheets)[0].name
    raise DataError(
        f"{path.name}: which sheet? {what}.",
        "sheets: " + listed(held, at_most=20),
        f"say it by name or number: --sheet {shlex.quote(first)}",
    )


def _numbered(names: list[str]) -> str:
    return listed((f'{place} "{name}"' for place, name in enumerate(names, start=1)), at_most=20)


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
