"""Arrow files and folders of `save_to_disk` are read without the package that writes them."""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from crossover.errors import DataError
from crossover.task import ReadOptions, Task, read_table
from crossover.task.arrow import ArrowReader
from crossover.task.conformance import check_reader
from crossover.task.open_source import open_source

FEATURES = {
    "text": {"dtype": "string", "_type": "Value"},
    "label": {"names": ["refund", "shipping"], "_type": "ClassLabel"},
    "tags": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
}


def frame(n: int, start: int = 0) -> pl.DataFrame:
    draw = random.Random(start)
    words = ["lamp", "river", "stone", "cloud", "paper", "horse", "glass", "table", "green", "north"]
    texts = [f"order {i * 37 + start} {' '.join(draw.sample(words, 5))}" for i in range(n)]
    return pl.DataFrame({"text": texts, "label": [i % 2 for i in range(n)], "tags": [["a", "ü"]] * n})


def save(
    folder: Path,
    *frames: pl.DataFrame,
    features: Mapping[str, object] | None = None,
    state: Mapping[str, object] | None = None,
) -> Path:
    """Write a folder as `Dataset.save_to_disk` does (datasets 5.2): stream files, state.json, dataset_info.json."""
    folder.mkdir(parents=True)
    names = [f"data-{n:05}-of-{len(frames):05}.arrow" for n in range(len(frames))]
    for name, part in zip(names, frames, strict=True):
        part.write_ipc_stream(folder / name)
    files = [{"filename": name} for name in names]
    (folder / "state.json").write_text(json.dumps({"_data_files": files, "_split": None, **(state or {})}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features or FEATURES}))
    return folder


def save_splits(folder: Path, splits: Mapping[str, pl.DataFrame]) -> Path:
    folder.mkdir()
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    for name, rows in splits.items():
        save(folder / name, rows)
    return folder


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        Task.from_file(path)
    return caught.value


@pytest.mark.parametrize("ending", [".arrow", ".feather", ".ipc"])
@pytest.mark.parametrize("stream", [True, False])
def test_arrow_files_and_streams(ending: str, stream: bool, tmp_path: Path) -> None:
    path = tmp_path / f"t{ending}"
    (frame(3).write_ipc_stream if stream else frame(3).write_ipc)(path)
    table = read_table(path)
    assert (table.columns, table.rows, table.format) == (("text", "label", "tags"), (1, 2, 3), "arrow")
    assert table.cells[1][1:] == ("1", '["a", "ü"]')


def test_the_reader_keeps_the_contract(tmp_path: Path) -> None:
    def write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
        pl.DataFrame(list(rows), schema=dict.fromkeys(columns, pl.String), orient="row").write_ipc(path)

    check_reader(ArrowReader(), write, tmp_path)


def test_a_damaged_arrow_file_is_said(tmp_path: Path) -> None:
    whole = tmp_path / "whole.arrow"
    frame(50).write_ipc_stream(whole)
    content = whole.read_bytes()
    path = tmp_path / "t.arrow"
    for broken in (content[:200], content[:8] + b"\xff" * 40 + content[48:]):
        path.write_bytes(broken)
        with pytest.raises(DataError, match=r"t.arrow is a damaged Arrow file"):
            read_table(path)
    path.write_bytes(b"text,label\nx,a\n")
    with pytest.raises(DataError, match=r"t.arrow is not an Arrow file"):
        read_table(path)


def test_a_saved_data_set_in_several_files(tmp_path: Path) -> None:
    folder = save(tmp_path / "mails", frame(30), frame(30, 2_000))
    task = Task.from_file(folder)
    assert (task.spec.name, task.spec.kind, task.spec.labels) == ("mails", "classification", ("refund", "shipping"))
    assert sorted(example.row for example in (*task.train, *task.test)) == list(range(1, 61))
    assert 'mails: the classes of "label" are given by their names' in task.check.notes
    assert task.info.data_sha256 == Task.from_file(folder).info.data_sha256


def test_splits_are_kept(tmp_path: Path) -> None:
    splits = {"train": frame(40), "validation": frame(10, 3_000), "test": frame(12, 6_000)}
    folder = save_splits(tmp_path / "mails", splits)
    task = Task.from_file(folder)
    assert [(file.name, file.n_rows) for file in task.check.files] == [("mails/train", 40), ("mails/test", 12)]
    assert (task.info.n_train, task.info.n_test) == (40, 12)
    assert 'mails/train: the split "test" is the test' in task.check.notes
    assert "mails/train: splits not used: validation (10 rows)" in task.check.notes


def test_without_a_test_the_validation_rows_are_it(tmp_path: Path) -> None:
    task = Task.from_file(save_splits(tmp_path / "mails", {"validation": frame(10, 3_000), "train": frame(40)}))
    assert [file.name for file in task.check.files] == ["mails/train", "mails/validation"]


def test_a_folder_as_the_test_gives_its_test(tmp_path: Path) -> None:
    folder = save_splits(tmp_path / "mails", {"train": frame(40), "test": frame(12, 6_000)})
    other = save(tmp_path / "more", frame(30, 9_000))
    task = Task.from_file(other, test=folder)
    assert [(file.name, file.n_rows) for file in task.check.files] == [("more", 30), ("mails/test", 12)]


def test_splits_of_other_names_are_asked_for(tmp_path: Path) -> None:
    error = refused(save_splits(tmp_path / "mails", {"north": frame(40), "south": frame(12, 6_000)}))
    assert error.message == "mails: which split is the training data? none is called so."
    assert error.details[0] == "splits: north (40 rows), south (12 rows)"
    assert len(Task.from_file(save_splits(tmp_path / "one", {"north": frame(40)})).train) == 20


def test_what_holds_no_text_is_left_out(tmp_path: Path) -> None:
    rows = frame(40).with_columns(picture=pl.lit(b"\x89PNG"))
    folder = save(tmp_path / "mails", rows, features={**FEATURES, "picture": {"_type": "Image"}})
    task = Task.from_file(folder)
    assert "picture" not in task.check.files[0].columns
    assert "mails: left out, for they hold no text: picture" in task.check.notes


def test_a_label_that_is_not_there_is_none(tmp_path: Path) -> None:
    rows = frame(40).with_columns(label=pl.when(pl.int_range(40) == 3).then(-1).otherwise(pl.col("label")))
    assert Task.from_file(save(tmp_path / "mails", rows)).check.rows("no_label") == (4,)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"_data_files": [{"filename": "../../secret.arrow"}]}, "names a file outside of it: '../../secret.arrow'"),
        ({"_data_files": [{"filename": "/etc/passwd"}]}, "names a file outside of it: '/etc/passwd'"),
        ({"_data_files": [{"filename": "gone.arrow"}]}, "there is no file"),
        ({"_data_files": "x"}, "names no data files"),
        ({"_indices_data_files": [{"filename": "indices.arrow"}]}, "is a selection of rows that was not written out"),
    ],
)
def test_a_folder_that_cannot_be_read(state: dict[str, object], message: str, tmp_path: Path) -> None:
    assert message in refused(save(tmp_path / "mails", frame(40), state=state)).message


def test_a_folder_of_splits_names_nothing_outside(tmp_path: Path) -> None:
    save(tmp_path / "other", frame(40))
    folder = save_splits(tmp_path / "mails", {"train": frame(40)})
    (folder / "dataset_dict.json").write_text('{"splits": ["../other"]}')
    assert "names a file outside of it: '../other'" in refused(folder).message
    (folder / "dataset_dict.json").write_text("{")
    assert "cannot be read" in refused(folder).message


def test_another_folder_is_no_data(tmp_path: Path) -> None:
    assert "is not a file" in refused(tmp_path).message


@pytest.mark.skipif(importlib.util.find_spec("datasets") is not None, reason="the package is installed")
def test_a_hub_id_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    error = refused(Path("owner/name"))
    assert error.message == "there is no file owner/name."
    assert "pip install 'crossover-lm[hub]'" in error.details[0]


@pytest.mark.parametrize("path", ["data/tickets.csv", "tasks/x.yaml", "there/tickets", "a/b/c", "owner/na me"])
def test_a_missing_file_is_no_hub_id(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    error = refused(Path(path))
    assert error.message == f"there is no file {path}."
    assert not any("hub" in detail for detail in error.details)


@pytest.mark.network
def test_a_data_set_of_the_hub() -> None:
    pytest.importorskip("datasets")
    source = open_source(Path("fancyzhx/ag_news"), ReadOptions(max_rows=500))
    assert source.test is not None
    assert (source.stem, source.table.columns) == ("ag_news", ("text", "label"))
    assert "Sports" in source.table.column("label")
