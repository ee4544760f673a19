"""Files that people name: written whole or not at all."""

from __future__ import annotations

__all__ = ["replace_text"]

import os
from contextlib import suppress
from pathlib import Path

from crossover.errors import OptionError


def replace_text(path: Path, text: str, way_out: str) -> Path:
    """Write a file whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with scratch.open("w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror or error}.", way_out) from error
    finally:
        with suppress(OSError):
            scratch.unlink()
    return path
