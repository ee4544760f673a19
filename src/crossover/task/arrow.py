"""Arrow files, and the folders of them that Hugging Face's `save_to_disk` writes: polars reads both."""

from __future__ import annotations

__all__ = ["ArrowReader", "frames_table", "is_saved_dataset", "named_labels", "read_saved_dataset"]

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, final

import polars as pl

from crossover.errors import DataError
from crossover.task.looks import binary_look, refuse_look
from crossover.task.reader import Reader
from crossover.task.table import MAX_CELLS, MAX_COLUMNS, ReadOptions, Table, cell_text, make_table
from crossover.task.wording import listed

MAX_STATE_BYTES = 20_000_000
_FILE, _STREAM = b"ARROW1", b"\xff\xff\xff\xff"
_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_NO_TEXT = frozenset({"Image", "Audio", "Video", "Array2D", "Array3D", "Array4D", "Array5D"})


@final
class ArrowReader(Reader):
    """Apache Arrow's IPC files and streams, Feather version 2 among them; a row's number is its place, from 1."""

    name: ClassVar[str] = "arrow"
    endings: ClassVar[tuple[str, ...]] = (".arrow", ".feather", ".ipc")

    def read(self, path: Path, options: ReadOptions) -> Table:
        return frames_table(path.name, [_frame(path)], {}, self.name, (), options)


def is_saved_dataset(folder: Path) -> bool:
    """Tell whether a folder is one that `save_to_disk` wrote."""
    return (folder / _STATE).is_file() or (folder / _SPLITS).is_file()


def read_saved_dataset(folder: Path, options: ReadOptions) -> dict[str, Table]:
    """Return a folder's splits by name; a data set without splits is "train". Numbers of a class become its names.

    Raises:
        DataError: a file is missing, damaged, or names another outside of the folder.
    """
    if not (folder / _SPLITS).is_file():
        return {"train": _split(folder.name, folder, options)}
    splits = _json(folder / _SPLITS).get("splits")
    if not isinstance(splits, list) or not splits or not all(isinstance(split, str) for split in splits):
        raise DataError(f"{folder.name}/{_SPLITS} names no splits.", "save it again: dataset.save_to_disk(FOLDER)")
    return {split: _split(f"{folder.name}/{split}", _inside(folder, split), options) for split in splits}


def named_labels(features: Mapping[str, object]) -> tuple[dict[str, list[str]], list[str]]:
    """Return what a data set's features say of its columns: column -> names of its classes, and columns without text.

    Args:
        features: as `dataset_info.json` has them: {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}.
    """
    names: dict[str, list[str]] = {}
    without: list[str] = []
    for column, feature in features.items():
        if not isinstance(feature, Mapping):
            continue
        if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list):
            names[column] = [str(name) for name in feature["names"]]
        elif feature.get("_type") in _NO_TEXT:
            without.append(column)
    return names, without


def _split(name: str, folder: Path, options: ReadOptions) -> Table:
    state, info = _json(folder / _STATE), _json(folder / _INFO)
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise DataError(
            f"{name} is a selection of rows that was not written out.", "save it anew: dataset.flatten_indices()"
        )
    files = state.get("_data_files")
    named = [item.get("filename") for item in files if isinstance(item, Mapping)] if isinstance(files, list) else []
    paths = [_inside(folder, file) for file in named if isinstance(file, str)]
    if not paths:
        raise DataError(f"{name}/{_STATE} names no data files.", "save it again: dataset.save_to_disk(FOLDER)")
    features = info.get("features")
    classes, without = named_labels(features if isinstance(features, Mapping) else {})
    frames = [_frame(path).drop(without, strict=False) for path in paths]
    return frames_table(name, frames, classes, "a saved data set", without, options)


def frames_table(
    name: str,
    frames: Sequence[pl.DataFrame],
    classes: Mapping[str, Sequence[str]],
    format: str,
    without: Sequence[str],
    options: ReadOptions,
) -> Table:
    """Return the rows of frames one after the other.

    Args:
        name: for messages.
        frames: with the same columns.
        classes: column -> the names that its numbers stand for.
        format: see `Table`.
        without: columns that are no text and were left out.
        options: how many rows to keep.
    """
    columns = frames[0].columns
    if len(columns) > MAX_COLUMNS:
        raise DataError(f"{name} has {len(columns):,} columns; at most {MAX_COLUMNS:,} are read.")
    n_rows = sum(frame.height for frame in frames)
    if n_rows * len(columns) > MAX_CELLS:
        raise DataError(f"{name} has {n_rows:,} rows × {len(columns)} columns; at most {MAX_CELLS:,} cells are read.")
    names = [classes.get(column) for column in columns]

    def records() -> Iterator[tuple[int, list[str | None]]]:
        rows = (row for frame in frames for row in frame.iter_rows())
        for number, row in enumerate(rows, start=1):
            yield number, [_cell(value, known) for value, known in zip(row, names, strict=True)]

    notes = [f"left out, for they hold no text: {listed(without)}"] if without else []
    notes += [f'the classes of "{column}" are given by their names' for column in columns if column in classes]
    return make_table(name, columns, records(), format=format, notes=notes, options=options)


def _cell(value: object, names: Sequence[str] | None) -> str | None:
    if names is None or not isinstance(value, int):
        return cell_text(value)
    return names[value] if 0 <= value < len(names) else None  # -1 is how a data set says that there is none


def _frame(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise DataError(f"there is no file {path}.", "is the folder whole?")
    with path.open("rb") as file:
        head = file.read(4_096)
    if not head.startswith((_FILE, _STREAM)):
        raise refuse_look(path, binary_look(head), expected="an Arrow file")
    try:
        if head.startswith(_FILE):
            return pl.read_ipc(path)
        return pl.read_ipc_stream(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        first = (str(error).splitlines() or ["it cannot be read"])[0]
        raise DataError(f"{path.name} is a damaged Arrow file: {first[:200]}.", "write it again") from error


def _json(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > MAX_STATE_BYTES:
            raise DataError(f"{path} has more than {MAX_STATE_BYTES:,} bytes.")
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path} cannot be read: {error}.", "save the data set again: dataset.save_to_disk(FOLDER)"
        ) from error
    if not isinstance(value, dict):
        raise DataError(f"{path} holds no JSON object.", "save the data set again: dataset.save_to_disk(FOLDER)")
    return value


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise DataError(f"{folder.name} names a file outside of it: {name[:80]!r}; it is not read.")
    return path
