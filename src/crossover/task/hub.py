"""Data sets of the Hugging Face hub, through its own package, which is an extra."""

from __future__ import annotations

__all__ = ["hub_id", "read_hub"]

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossover.errors import DataError
from crossover.task.arrow import frames_table, named_labels
from crossover.task.table import ReadOptions, Table

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(:[\w.+-]+)?")
_INSTALL = "pip install 'crossover-lm[hub]'"


def hub_id(path: Path, endings: tuple[str, ...]) -> str | None:
    """Return the id that a path may be: OWNER/NAME or OWNER/NAME:CONFIGURATION; None where it is rather a file's.

    A path is a file's when something is there, when the folder is there, or when it ends as a data file does.
    """
    text = str(path)
    if path.exists() or path.parent.exists() or path.suffix.casefold() in endings:
        return None
    return text if _ID.fullmatch(text) else None


def read_hub(name: str, options: ReadOptions) -> dict[str, Table]:
    """Fetch a data set and return its splits by name. Its own code is never run.

    Raises:
        DataError: the package `datasets` is not installed, or the data set cannot be fetched.
    """
    try:
        import datasets  # noqa: PLC0415  # an extra, and a second to import
    except ImportError as error:
        raise DataError(
            f"there is no file {name}.",
            f"if it is a data set of the Hugging Face hub: {_INSTALL}",
            "a folder of save_to_disk needs no further package",
        ) from error
    which, _, configuration = name.partition(":")
    try:
        loaded = datasets.load_dataset(which, configuration or None)
    except Exception as error:  # the package raises what its parts raise: network, parsing, missing configuration
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise DataError(
            f"{name} cannot be fetched from the Hugging Face hub: {lines[0][:300]}",
            *[line[:300] for line in lines[1:4]],
            f"a configuration is named after a colon: {which}:NAME",
            "without a network: save it where there is one, dataset.save_to_disk(FOLDER), and give the folder",
        ) from error
    splits = loaded if isinstance(loaded, Mapping) else {"train": loaded}
    return {str(split): _table(f"{name}/{split}", rows, options) for split, rows in splits.items()}


def _table(name: str, rows: Any, options: ReadOptions) -> Table:  # noqa: ANN401  # `datasets` ships no types
    classes, without = named_labels(rows.features.to_dict())
    frame = rows.remove_columns(without).to_polars()
    return frames_table(name, [frame], classes, "a data set of the hub", without, options)
