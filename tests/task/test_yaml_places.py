"""YAML is read as plain values with their places, and nothing in it runs, grows or nests without bound."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import DataError
from crossover.task.yaml_places import MAX_YAML_BYTES, Place, read_places


def read(path: Path, text: str) -> Place:
    path.write_text(text, encoding="utf-8")
    return read_places(path)


def refused(path: Path, text: str) -> DataError:
    with pytest.raises(DataError) as caught:
        read(path, text)
    return caught.value


def test_values_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    text = 'a: [1, -2.5, 1e3, true, null, ~, no, 007, 2020-01-01, "12", !!str 3]\nb:\nc: |\n  two\n  lines\n'
    assert read(tmp_path / "t.yaml", text).json == {
        "a": [1, -2.5, 1000.0, True, None, None, "no", "007", "2020-01-01", "12", "3"],
        "b": None,
        "c": "two\nlines\n",
    }


def test_places_know_their_line_and_key(tmp_path: Path) -> None:
    top = read(tmp_path / "t.yaml", "tests:\n  - vars: {a: 1}\n  - assert:\n      - type: x\n")
    place = top.fields["tests"].items[1].fields["assert"].items[0].fields["type"]
    assert place.where == "t.yaml, line 4, tests[1].assert[0].type"


def test_aliases_and_merges(tmp_path: Path) -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: [*a, *a]\nd: {<<: [*a, {x: 9, z: 8}]}\n"
    found = read(tmp_path / "t.yaml", text).json
    assert isinstance(found, dict)
    assert found["b"] == {"x": 3, "y": 2}
    assert found["c"] == [{"x": 1, "y": 2}] * 2
    assert found["d"] == {"x": 1, "y": 2, "z": 8}


BOMB = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n  b: !function os.system", "t.yaml, line 2, a.b: the tag !function asks to run or build something"),
        ("a: !!python/object:os.system x", "t.yaml, line 1, a: the tag !!python/object:os.system asks"),
        ("a: {!x k: 1}", "t.yaml, line 1, a: the tag !x asks"),
        ("- !include other.yaml", "t.yaml, line 1, [0]: the tag !include asks"),
        ("a: *b", "t.yaml, line 1, a: *b names nothing above it, or itself"),
        ("a: &b [*b]", "t.yaml, line 1, a[0]: *b names nothing above it, or itself"),
        (BOMB, "more than 100,000 values, counting what aliases name each time"),
        ("[" * 60, "nested more than 40 deep"),
        ("a: 1\nb: 2\na: 3", "t.yaml, line 3, a: the key stands there twice"),
        ("? [1]\n: 2", "a key is expected to be a text"),
        ("a: 1\n---\nb: 2", "t.yaml, line 2: a second document begins"),
        ("# nothing", "t.yaml holds no value"),
        ("a: [1", "t.yaml, line 1: that is no YAML"),
        ("a: {<<: 1}", "a mapping is expected, got 1"),
    ],
)
def test_what_is_refused(text: str, message: str, tmp_path: Path) -> None:
    assert message in refused(tmp_path / "t.yaml", text).message


@pytest.mark.parametrize(
    "unit", ["[", "[a, ", "{a: ", "- ", "? ", "&a ", "!a ", "a: ", "[x,", '"\\x41', "a: |\n x\n", "*a "]
)
def test_what_is_written_against_the_parser_ends_in_seconds(unit: str, tmp_path: Path) -> None:
    start = time.process_time()
    path = tmp_path / "t.yaml"
    path.write_text(unit * (MAX_YAML_BYTES // len(unit)))
    with pytest.raises(DataError):
        read_places(path)
    assert time.process_time() - start < 15


def test_a_large_file_is_not_begun(tmp_path: Path) -> None:
    assert "of YAML at most 300,000 are read" in refused(tmp_path / "t.yaml", "a: " + "x" * MAX_YAML_BYTES).message


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(value=st.dictionaries(st.text("abc", min_size=1), plain, min_size=1, max_size=4))
def test_json_is_read_as_what_it_is(value: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "round.yaml"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    assert read_places(path).json == value
