"""A bundle as one zip file: the same files, checked by name and size before a byte is written."""

from __future__ import annotations

__all__ = ["holds_bundle", "is_zip", "unzip_bundle", "zip_bundle"]

import stat
import zipfile
import zlib
from pathlib import Path
from typing import IO

from crossover.bundle.layout import LARGEST, MANIFEST, said
from crossover.errors import BundleError

_CHUNK = 2**20
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # it wants a password; and NotImplementedError, an unknown version or compression
    UnicodeDecodeError,
)
"""What zipfile raises on a damaged or foreign file."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def is_zip(path: Path) -> bool:
    """Return whether a bundle of this name is one zip file."""
    return path.suffix.lower() == ".zip"


def holds_bundle(path: Path) -> bool:
    """Return whether a zip file holds a bundle's files and nothing else."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(_entries(path, archive))
    except (*_UNREADABLE, BundleError):
        return False


def zip_bundle(folder: Path, target: Path) -> None:
    """Write a bundle's folder as a zip file; the same files give the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as file:
                _copy(source, file, path.stat().st_size)


def unzip_bundle(path: Path, folder: Path) -> None:
    """Take a bundle out of a zip file into an empty folder. One folder around its files is allowed.

    Raises:
        BundleError: it is no zip file, or it holds a link, an unknown or doubled name, or a file that is too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name, info in _entries(path, archive).items():
                target = folder / name
                target.parent.mkdir(exist_ok=True)
                with archive.open(info) as source, target.open("wb") as file:
                    if not _copy(source, file, LARGEST[name]):
                        raise BundleError(f"{path}: {said(name)} is larger than {LARGEST[name] // 2**20:,} MiB.")
    except _UNREADABLE as error:
        raise BundleError(f"{path} cannot be unzipped: {said(error)}", "copy or download it again") from error


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files by their names in the bundle."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    tops = [info.filename.removesuffix(MANIFEST) for info in infos if info.filename.split("/")[-1] == MANIFEST]
    if len(tops) != 1 or tops[0].count("/") > 1:
        raise BundleError(f"{path} is no bundle: there is no {MANIFEST}.", "make one with: crossover pack STUDY")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.removeprefix(tops[0])
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name not in LARGEST or name in found or kind not in {0, stat.S_IFREG}:
            raise BundleError(
                f"{said(info.filename)} in {path} does not belong into a bundle.",
                "a bundle holds plain files only: " + ", ".join(LARGEST),
            )
        if info.file_size > LARGEST[name]:
            raise BundleError(f"{path}: {said(name)} is larger than {LARGEST[name] // 2**20:,} MiB.")
        found[name] = info
    return found


def _copy(source: IO[bytes], target: IO[bytes], limit: int) -> bool:
    """Copy up to `limit` bytes; return whether that was all. A zip file's own sizes can lie."""
    left = limit
    while chunk := source.read(min(_CHUNK, left + 1)):
        if len(chunk) > left:
            return False
        target.write(chunk)
        left -= len(chunk)
    return True
