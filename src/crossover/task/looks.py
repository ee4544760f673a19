"""What a file looks like from its first bytes, whatever its ending says."""

from __future__ import annotations

__all__ = ["Look", "binary_look", "refuse_look", "text_look"]

import json
from dataclasses import dataclass
from pathlib import Path

from crossover.errors import DataError


@dataclass(frozen=True, slots=True)
class Look:
    """What a file looks like, and the ending that would fit it where there is one that we read."""

    words: str
    ending: str | None = None


_SIGNATURES: tuple[tuple[bytes, Look], ...] = (
    (b"PAR1", Look("a parquet file", ".parquet")),
    (b"\x89PNG", Look("a PNG image")),
    (b"\xff\xd8\xff", Look("a JPEG image")),
    (b"GIF8", Look("a GIF image")),
    (b"%PDF", Look("a PDF document")),
    (b"\x1f\x8b", Look("a gzip archive")),
    (b"BZh", Look("a bzip2 archive")),
    (b"\xfd7zXZ", Look("an xz archive")),
    (b"7z\xbc\xaf", Look("a 7-Zip archive")),
    (b"\x28\xb5\x2f\xfd", Look("a zstd archive")),
    (b"\xd0\xcf\x11\xe0", Look("an old Excel or Word document (.xls, .doc)")),
    (b"SQLite format 3", Look("an SQLite database")),
    (b"ARROW1", Look("an Arrow file", ".arrow")),
    (b"\x7fELF", Look("a program")),
    (b"\x80\x04\x95", Look("a Python pickle")),
)


def binary_look(head: bytes) -> Look | None:
    """Return what a binary file looks like, or None when its first bytes are no signature that is known."""
    if head.startswith(b"PK\x03\x04"):
        office = b"[Content_Types].xml" in head or b"xl/" in head or b"_rels/" in head
        return Look("an Excel workbook", ".xlsx") if office else Look("a zip archive")
    return next((look for signature, look in _SIGNATURES if head.startswith(signature)), None)


def text_look(start: str) -> Look | None:
    """Return what a text looks like from its first lines: JSON, JSON lines, HTML or a table; None when nothing fits."""
    text = start.lstrip("\ufeff \t\r\n")
    first = text.split("\n", 1)[0].strip()
    if text[:14].casefold().startswith(("<!doctype html", "<html")):
        return Look("a web page (HTML)")
    if text.startswith("<?xml"):
        return Look("an XML document")
    if text.startswith("["):
        return Look("a JSON array", ".json")
    if text.startswith("{"):
        try:
            whole = isinstance(json.loads(first), dict)
        except ValueError:
            whole = False
        return Look("JSON lines", ".jsonl") if whole else Look("a JSON object", ".json")
    for separator, ending, words in (("\t", ".tsv", "tabs"), (",", ".csv", "commas"), (";", ".csv", "semicolons")):
        if separator in first:
            return Look(f"a table separated by {words}", ending)
    return None


def refuse_look(path: Path, look: Look | None, *, expected: str) -> DataError:
    """Return the error for a file that is not what its ending says."""
    if look is None:
        return DataError(
            f"{path.name} is not {expected}, though its name says so.", "open it in an editor to see what it is"
        )
    way_out = (
        f"rename it: mv {path.name} {path.stem}{look.ending}"
        if look.ending
        else "export the data as .csv, .tsv, .jsonl, .json, .parquet, .arrow or .xlsx"
    )
    return DataError(f"{path.name} is not {expected}: it looks like {look.words}.", way_out)
