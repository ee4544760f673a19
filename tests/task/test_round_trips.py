"""A table written with any separator, encoding and quoting comes back as it was."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.task import read_table

CODECS = {
    "utf-8": "",
    "utf-8-sig": "",
    "utf-16": "",
    "utf-16-le": "",
    "utf-16-be": "",
    "cp1252": "Größe, café",
}
LETTERS = st.text(alphabet="ab ,;|\t\"'\\\n.é日", max_size=12)
WESTERN = st.text(alphabet="ab ,;|\t\"'\\\n.", max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round")


@settings(max_examples=60, deadline=None)
@given(
    codec=st.sampled_from(sorted(CODECS)),
    separator=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    ends=st.sampled_from(["\n", "\r\n"]),
    title=st.sampled_from(["", "A title without names", "\n"]),
    data=st.data(),
)
def test_any_table_comes_back(
    folder: Path, codec: str, separator: str, quoting: int, ends: str, title: str, data: st.DataObject
) -> None:
    letters = WESTERN if codec == "cp1252" else LETTERS
    rows = data.draw(st.lists(st.tuples(letters, letters, st.sampled_from(["red", "blue"])), min_size=1, max_size=6))
    # A plain first row lets Windows-1252 be told from other encodings, as any file of sentences does.
    rows = [(f"a first sentence that is plain {CODECS[codec]}", "x", "red"), *rows]
    path = folder / "t.csv"
    with path.open("w", encoding=codec, newline="") as file:
        file.write(f"{title.strip()}{ends}" if title else "")
        writer = csv.writer(file, delimiter=separator, quoting=quoting, lineterminator=ends)  # type: ignore[arg-type]
        writer.writerows([("text", "other", "label"), *rows])
    table = read_table(path)
    assert table.columns == ("text", "other", "label")
    assert table.cells == tuple(rows)
    assert table.layout.separator == separator
    assert table.layout.header_row == (2 if title else 1)
    assert table.rows == tuple(range(3 if title else 2, len(rows) + (3 if title else 2)))
