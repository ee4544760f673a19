"""YAML as values that know their place: no tag is followed, nothing is built, aliases cannot grow without bound."""

from __future__ import annotations

__all__ = ["Place", "read_places"]

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from crossover.errors import DataError
from crossover.records import Json
from crossover.task.encoding import find_encoding

MAX_YAML_BYTES = 300_000
"""Reading it takes five seconds at the very worst, a second as people write it."""

MAX_DEPTH = 40
MAX_PLACES = 100_000
"""Values of a file, each as often as an alias names it."""

_MERGE = "<<"
_WORDS: Mapping[str, None | bool] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_PLAIN_TAGS = tuple(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map"))

Scalar: TypeAlias = "None | bool | int | float | str"


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a YAML file and where it stands.

    Attributes:
        value: a plain value, or places by position or key.
        file: the file's name.
        line: where the value begins, from 1.
        path: the keys that lead there: "tests[3].assert[1].type"; "" for the whole.
    """

    value: Scalar | tuple[Place, ...] | Mapping[str, Place]
    file: str
    line: int
    path: str = ""

    @property
    def where(self) -> str:
        """File, line and key, as an error begins: "tests.yaml, line 12, tests[3].vars"."""
        return f"{self.file}, line {self.line}" + (f", {self.path[:80]}" if self.path else "")

    @property
    def fields(self) -> Mapping[str, Place]:
        """The places by key.

        Raises:
            DataError: it is no mapping.
        """
        if isinstance(self.value, Mapping):
            return self.value
        raise self.refused(f"a mapping is expected, got {self.shown}.")

    @property
    def items(self) -> tuple[Place, ...]:
        """The places in order.

        Raises:
            DataError: it is no list.
        """
        if isinstance(self.value, tuple):
            return self.value
        raise self.refused(f"a list is expected, got {self.shown}.")

    @property
    def text(self) -> str:
        """The text.

        Raises:
            DataError: it is none.
        """
        if isinstance(self.value, str):
            return self.value
        raise self.refused(f"a text is expected, got {self.shown}.")

    @property
    def json(self) -> Json:
        """The value without places."""
        if isinstance(self.value, Mapping):
            return {key: place.json for key, place in self.value.items()}
        if isinstance(self.value, tuple):
            return [place.json for place in self.value]
        return self.value

    @property
    def shown(self) -> str:
        """The value in a few letters."""
        if isinstance(self.value, Mapping):
            return f"a mapping with {', '.join(list(self.value)[:4]) or 'nothing'}"
        if isinstance(self.value, tuple):
            return f"a list of {len(self.value)}"
        return repr(self.value[:60] if isinstance(self.value, str) else self.value)

    def refused(self, why: str, *details: str) -> DataError:
        """Return the error that names this place."""
        return DataError(f"{self.where}: {why}", *details)


def read_places(path: Path) -> Place:
    """Read a YAML file: one document of texts, numbers, lists and mappings, by YAML 1.2 ("no" is a text).

    Raises:
        DataError: it is no YAML, too large or too deep, has a tag (`!function`), a key twice, or aliases that grow.
    """
    if path.stat().st_size > MAX_YAML_BYTES:
        raise DataError(
            f"{path.name} has {path.stat().st_size:,} bytes; of YAML at most {MAX_YAML_BYTES:,} are read.",
            "put the rows into a .csv or .jsonl file, and the prompt into a text file: --prompt FILE",
        )
    text = path.read_text(encoding=find_encoding(path, expected="a YAML file").name)
    try:
        builder = _Builder(path.name, YAML(typ="safe", pure=True).parse(text))
        return builder.document()
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise DataError(f"{path.name}{where}: that is no YAML: {problem}.") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path.name} cannot be read as YAML: {error}.") from error


class _Builder:
    """Builds places from a parser's events."""

    def __init__(self, file: str, events: Iterator[Event]) -> None:
        self._file = file
        self._events = events
        self._anchors: dict[str, Place] = {}
        self._sizes: dict[str, int] = {}
        self._n_places = 0

    def document(self) -> Place:
        """Return the file's one document."""
        found: Place | None = None
        for event in self._events:
            if not isinstance(event, DocumentStartEvent):
                continue
            if found is not None:
                raise DataError(f"{self._file}, line {_line(event)}: a second document begins; one is read.")
            found = self._value(next(self._events), "", 0)
        if found is None:
            raise DataError(f"{self._file} holds no value.", "wanted: the tests of promptfoo, or a task of lm-eval")
        return found

    def _value(self, event: Event, path: str, depth: int) -> Place:
        line = _line(event)
        place = Place(None, self._file, line, path)
        if depth > MAX_DEPTH:
            raise place.refused(f"nested more than {MAX_DEPTH} deep.")
        if isinstance(event, AliasEvent):
            return self._alias(str(event.anchor), place)
        tag = _plain_tag(event, place)
        before = self._n_places
        self._count(place, 1)
        value: Scalar | tuple[Place, ...] | Mapping[str, Place]
        if isinstance(event, ScalarEvent):
            quoted = event.style is not None or tag.endswith(":str")
            value = str(event.value) if quoted else _scalar(str(event.value))
        elif isinstance(event, SequenceStartEvent):
            value = tuple(self._items(path, depth))
        else:
            assert isinstance(event, MappingStartEvent), "no other event begins a value"
            value = self._fields(path, depth)
        place = replace(place, value=value)
        if event.anchor is not None:
            self._anchors[str(event.anchor)] = place
            self._sizes[str(event.anchor)] = self._n_places - before
        return place

    def _alias(self, anchor: str, place: Place) -> Place:
        """Return the value that an anchor names; its places are counted again, so that aliases of aliases end."""
        if anchor not in self._anchors:
            raise place.refused(f"*{anchor} names nothing above it, or itself.")
        self._count(place, self._sizes[anchor])
        return replace(self._anchors[anchor], path=place.path, line=place.line)

    def _count(self, place: Place, n_places: int) -> None:
        self._n_places += n_places
        if self._n_places > MAX_PLACES:
            raise place.refused(f"more than {MAX_PLACES:,} values, counting what aliases name each time.")

    def _items(self, path: str, depth: int) -> Iterator[Place]:
        number = 0
        while not isinstance(event := next(self._events), SequenceEndEvent):
            yield self._value(event, f"{path}[{number}]", depth + 1)
            number += 1

    def _fields(self, path: str, depth: int) -> Mapping[str, Place]:
        """Return a mapping's fields; those that `<<` takes over stand behind its own."""
        own: dict[str, Place] = {}
        merged: dict[str, Place] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            here = Place(None, self._file, _line(event), path)
            if not isinstance(event, ScalarEvent):
                raise here.refused("a key is expected to be a text.")
            _plain_tag(event, here)
            key = str(event.value)
            place = self._value(next(self._events), f"{path}.{key}" if path else key, depth + 1)
            if key == _MERGE and event.style is None:
                for source in place.items if isinstance(place.value, tuple) else (place,):
                    merged = {**source.fields, **merged}
                continue
            if key in own:
                raise replace(place, line=_line(event)).refused("the key stands there twice.", "keep one")
            own[key] = place
        return {**merged, **own}


def _plain_tag(event: Event, place: Place) -> str:
    """Return a value's tag, "" without one, or refuse it."""
    asked = getattr(event, "ctag", None)  # only a value's event has one
    tag = "" if asked is None else str(asked)
    if tag and tag not in _PLAIN_TAGS:
        called = tag.replace("tag:yaml.org,2002:", "!!")
        raise place.refused(f"the tag {called} asks to run or build something; that is never done.", "take it out")
    return tag


def _scalar(text: str) -> Scalar:
    """Return a plain scalar's value: "007" and dates stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) < 400:
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1
