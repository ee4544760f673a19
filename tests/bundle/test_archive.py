"""A zipped bundle is the same bundle; a hostile zip file writes nothing outside and unpacks nothing large."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from crossover.bundle import load_bundle
from crossover.bundle.archive import holds_bundle, zip_bundle
from crossover.errors import BundleError
from tests.small import whole_study

ROWS = [{"text": "my card was stolen"}, {"text": "when does the parcel come"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = whole_study(tmp_path_factory.getbasetemp())
    arm = next(a.arm for a in study.verdict().arms if a.method == "linear")
    return study.pack(tmp_path_factory.mktemp("zip") / "bundle", arm=arm)


def test_a_zipped_bundle_answers_as_its_folder(folder: Path, tmp_path: Path) -> None:
    zip_bundle(folder, tmp_path / "b.zip")
    rows = [dict.fromkeys(load_bundle(folder).input_fields, row["text"]) for row in ROWS]
    assert load_bundle(tmp_path / "b.zip").predict(rows) == load_bundle(folder).predict(rows)


def test_the_same_files_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    zip_bundle(folder, tmp_path / "a.zip")
    zip_bundle(Path(shutil.copytree(folder, tmp_path / "again")), tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_folder_around_the_files_is_allowed(folder: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "b"), "zip", folder.parent, folder.name)
    assert load_bundle(tmp_path / "b.zip").input_fields == load_bundle(folder).input_fields


def test_packing_writes_a_zip_and_replaces_only_a_bundle(folder: Path, tmp_path: Path) -> None:
    study = whole_study(tmp_path)
    arm = next(a.arm for a in study.verdict().arms if a.method == "linear")
    target = tmp_path / "b.zip"
    for _ in range(2):
        assert study.pack(target, arm=arm) == target
    assert holds_bundle(target)
    load_bundle(target)
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("thesis.txt", "years of work")
    with pytest.raises(BundleError, match="exists and is no bundle"):
        study.pack(tmp_path / "mine.zip", arm=arm)
    assert zipfile.ZipFile(tmp_path / "mine.zip").namelist() == ["thesis.txt"]
    assert not list(tmp_path.glob(".pack-*"))


def _link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("demos.jsonl")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


@pytest.mark.parametrize(
    "add",
    [
        lambda z: z.writestr("../outside.txt", "x"),
        lambda z: z.writestr("/outside.txt", "x"),
        lambda z: z.writestr("adapter/../../outside.txt", "x"),
        lambda z: z.writestr("code.py", "import os"),
        _link,
        lambda z: z.writestr("demos.jsonl", b"\0" * (65 * 2**20), zipfile.ZIP_DEFLATED),
    ],
    ids=["up", "absolute", "winding", "code", "link", "large"],
)
def test_what_does_not_belong_is_refused(folder: Path, tmp_path: Path, add: Callable[[zipfile.ZipFile], None]) -> None:
    target = tmp_path / "in" / "b.zip"
    target.parent.mkdir()
    zip_bundle(folder, target)
    with zipfile.ZipFile(target, "a") as archive:
        add(archive)
    with pytest.raises(BundleError):
        load_bundle(target)
    assert not holds_bundle(target)
    assert not (tmp_path / "outside.txt").exists()


def test_a_size_that_lies_is_found(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.zip"
    zip_bundle(folder, target)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("measure.jsonl", b"\0" * 2**20, zipfile.ZIP_DEFLATED)
    data = bytearray(target.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")  # the directory's uncompressed size
    target.write_bytes(bytes(data))
    with pytest.raises(BundleError):
        load_bundle(target)


def test_a_damaged_zip_is_said(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.zip"
    zip_bundle(folder, target)
    whole = target.read_bytes()
    for broken in (b"", b"PK", whole[: len(whole) // 2], whole[:200] + bytes(100) + whole[300:]):
        target.write_bytes(broken)
        with pytest.raises(BundleError):
            load_bundle(target)
    target.write_bytes(whole)
    load_bundle(target)


def test_a_zip_of_an_unknown_version_is_no_bundle(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.zip"
    zip_bundle(folder, target)
    data = bytearray(target.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 6] = 99  # "version needed to extract"
    target.write_bytes(bytes(data))
    assert not holds_bundle(target)
    with pytest.raises(BundleError, match="cannot be unzipped"):
        load_bundle(target)
