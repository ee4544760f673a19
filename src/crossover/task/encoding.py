"""How a text file is written: one pass over its bytes finds the encoding or says where it fails."""

from __future__ import annotations

__all__ = ["Encoding", "find_encoding"]

import codecs
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from crossover.errors import DataError
from crossover.task.looks import binary_look, refuse_look

CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 40_000_000
MAX_GUESSED_BYTES = 200_000_000

_BOMS: tuple[tuple[bytes, str, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte-order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_WESTERN = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŽžŸ" + "‘’‚“”„–—…€£§©®°«»¿¡·´™•ºª½¼¾\xa0"
)
_HIGH_PAIR = re.compile(rb"[\xc0-\xff]{2}")
_HIGH_RUN = re.compile(rb"[\xc0-\xff]{3}")
_HIGH = re.compile(rb"[\xc0-\xff]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding by Python's name, and what the user should know about it (None for plain UTF-8).

    Attributes:
        words: its name for people.
        cut_off: the last character lacks bytes; it is read as U+FFFD, with `errors`.
    """

    name: str
    note: str | None = None
    words: str = "UTF-8"
    cut_off: bool = False

    @property
    def errors(self) -> str:
        """How to open the file: "strict", or "replace" where its last character is cut off."""
        return "replace" if self.cut_off else "strict"


def find_encoding(path: Path, *, expected: str, bound_lines: bool = True, allow_cut_off: bool = False) -> Encoding:
    """Return a text file's encoding: UTF-8, UTF-16, or, where that reads clearly, Windows-1252.

    The file is read in pieces, so a huge line costs no memory.

    Args:
        path: a file that is there.
        expected: what the ending promises, for errors: "a csv file".
        bound_lines: refuse lines over 40 MB.
        allow_cut_off: accept a file that ends amid a character.

    Raises:
        DataError: binary content, a line beyond the bound, or bytes that no encoding can read, with their place.
    """
    with path.open("rb") as file:
        head = file.read(4_096)
        look = binary_look(head)
        if look is not None:
            raise refuse_look(path, look, expected=expected)
        encoding = next(
            (Encoding(name, f"read as {words}", words) for mark, name, words in _BOMS if head.startswith(mark)),
            Encoding("utf-8"),
        )
        if encoding.name == "utf-8" and b"\0" in head:
            encoding = _without_mark(head) or encoding
        if encoding.name.startswith("utf-8") and b"\0" in head:
            raise DataError(
                f"{path.name} is not {expected}: byte {head.index(0) + 1} is a zero, so it is no text.",
                "export the data again",
            )
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding.name)()
        before, lines, line_bytes, pending = 0, 1, 0, b""
        while chunk := file.read(CHUNK_BYTES):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return _guess(path, encoding, before - len(pending) + error.start)
            pending = decoder.getstate()[0]
            before += len(chunk)
            breaks = chunk.count(b"\n")
            lines += breaks
            line_bytes = len(chunk) - 1 - chunk.rfind(b"\n") if breaks else line_bytes + len(chunk)
            if bound_lines and line_bytes > MAX_LINE_BYTES:
                raise DataError(
                    f"{path.name}, line {lines}: longer than {MAX_LINE_BYTES // 1_000_000} MB, more than is read.",
                    "is it a table with line ends? a single field may have 10 MB",
                )
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            if allow_cut_off:
                return replace(encoding, cut_off=True)
            return _guess(path, encoding, before - len(pending))
    return encoding


def _without_mark(head: bytes) -> Encoding | None:
    """Return UTF-16 for a file's beginning that reads as lines of text in one byte order, or None.

    In the wrong order a line feed is U+0A00, which is no character.
    """
    found = []
    for name, words in (("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")):
        text = head[: len(head) // 2 * 2].decode(name, errors="replace")[:-1]  # the last one may be half a pair
        odd = any(unicodedata.category(c) in {"Cc", "Cn", "Co", "Cs"} and c not in "\t\r\n" for c in text)
        if "\n" in text and not odd and "\ufffd" not in text:
            found.append(Encoding(name, f"read as {words} without a byte-order mark", words))
    return found[0] if len(found) == 1 else None


def _guess(path: Path, tried: Encoding, offset: int) -> Encoding:
    """Return Windows-1252 when it reads clearly; the error with the bad byte's place otherwise."""
    content = _start(path)
    line = content.count(b"\n", 0, offset) + 1
    if tried.name == "utf-8" and len(content) <= MAX_GUESSED_BYTES and _is_western(content):
        note = f"not UTF-8 (line {line}): read as Windows-1252, the Western European encoding"
        return Encoding("cp1252", note, "Windows-1252")
    bad = f"0x{content[offset]:02X}" if offset < len(content) else "the end"
    words = "UTF-8" if tried.name.startswith("utf-8") else tried.name.upper()
    raise DataError(
        f"{path.name}, line {line}: byte {offset + 1:,} ({bad}) is not {words}.",
        "convert it, with the encoding that it was saved in in place of CP1251:",
        f"  iconv -f CP1251 -t UTF-8 {path.name} > {path.stem}.utf8{path.suffix}",
    )


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_GUESSED_BYTES + 1)


def _is_western(content: bytes) -> bool:
    """Tell whether bytes are Windows-1252 beyond doubt: only its letters and quotes, mostly alone among plain ones.

    A file that holds proper UTF-8 characters too is damaged UTF-8, and Cyrillic, Greek or Japanese bytes come in runs.
    """
    if any(character != "\ufffd" and character > "\x7f" for character in content.decode("utf-8", errors="replace")):
        return False
    try:
        high = {character for character in content.decode("cp1252") if character > "\x7f"}
    except UnicodeDecodeError:
        return False
    letters, pairs = len(_HIGH.findall(content)), len(_HIGH_PAIR.findall(content))
    plain = sum(content.count(bytes((byte,))) for byte in range(ord("a"), ord("z") + 1))
    alone = pairs <= max(0.1 * letters, min(2, letters / 3)) and not _HIGH_RUN.search(content)
    return high <= _WESTERN and letters <= 0.25 * plain and alone
