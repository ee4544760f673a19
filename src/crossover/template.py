"""Prompt templates: `{field}` is replaced by a value, `{{` and `}}` are the braces themselves, and that is all.

No attribute, no index, no format, no expression: what stands between braces is looked up as it is, in a given set of
names, or refused. Values are put in once and never read again, so a text that holds braces stays a text.
"""

from __future__ import annotations

__all__ = ["Field", "Part", "Template", "parse", "substitute", "validate"]

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from crossover.errors import DataError, closest


@dataclass(frozen=True, slots=True)
class Field:
    """A place for a value. `line` and `column` (from 1) say where it stands in the template."""

    name: str
    line: int = 1
    column: int = 1


Part: TypeAlias = "str | Field"


@dataclass(frozen=True, slots=True)
class Template:
    """A template, read: texts and fields in turn.

    >>> parse("Label {text} with one of {{{labels}}}.").fields
    ('text', 'labels')
    """

    source: str
    parts: tuple[Part, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, each once, in the order of their first place."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Field)))


_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")


def parse(source: str, *, where: str = "the prompt") -> Template:
    """Read a template.

    Args:
        source: the template's text.
        where: what an error calls it, for example 'prompt.txt'.

    Raises:
        DataError: a brace that stands alone, or nothing between two.
    """
    parts: list[Part] = []
    text: list[str] = []
    end = 0
    for match in _TOKEN.finditer(source):
        text.append(source[end : match.start()])
        end = match.end()
        token = match.group()
        if token in ("{{", "}}"):
            text.append(token[0])
            continue
        line, column = _place(source, match.start())
        if match.group(1) is None:
            raise DataError(
                f'{where}, line {line}, column {column}: "{token}" stands alone.',
                "a field is written {text}; a brace that is meant as such is written twice: {{ or }}",
            )
        name = match.group(1).strip()
        if not name:
            raise DataError(f"{where}, line {line}, column {column}: there is no field name between the braces.")
        parts.extend(("".join(text), Field(name, line, column)))
        text.clear()
    text.append(source[end:])
    parts.append("".join(text))
    return Template(source, tuple(part for part in parts if part != ""))


def validate(
    template: Template, *, allowed: Collection[str], needed: Collection[str], where: str = "the prompt"
) -> None:
    """Check a template's fields: all are allowed, and at least one of the needed ones is there.

    Raises:
        DataError: an unknown field, or no input field at all; it lists the fields that there are.
    """
    shown = "fields: " + ", ".join(f"{{{name}}}" for name in allowed)
    for part in template.parts:
        if isinstance(part, Field) and part.name not in allowed:
            raise DataError(
                f'{where}, line {part.line}, column {part.column}: there is no field "{part.name}".',
                shown,
                *_hint(part.name, allowed),
            )
    if needed and not set(needed) & set(template.fields):
        wanted = " or ".join(f"{{{name}}}" for name in needed)
        raise DataError(
            f"{where} has no input field: the model would never see the input.",
            shown,
            f"put {wanted} where the input belongs" + _doubled(template.source, needed),
        )


def substitute(template: Template, values: Mapping[str, str]) -> str:
    """Return the text with every field replaced by its value. Values are not read for fields.

    Raises:
        DataError: a field has no value.
    """
    missing = [name for name in template.fields if name not in values]
    if missing:
        raise DataError(f'there is no value for the field "{missing[0]}".', "values: " + ", ".join(values))
    return "".join(part if isinstance(part, str) else values[part.name] for part in template.parts)


def _place(source: str, offset: int) -> tuple[int, int]:
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _hint(name: str, allowed: Collection[str]) -> list[str]:
    head = re.split(r"[.!:\[(|]", name, maxsplit=1)[0].strip()
    if head != name and head in allowed:
        return [f"only the plain {{{head}}} is replaced: no attributes, indexes, formats or filters"]
    near = closest(name, allowed) if re.fullmatch(r"[\w -]+", name) else None
    return [f"did you mean {{{near}}}?"] if near else ["a brace that is meant as such is written twice: {{ or }}"]


def _doubled(source: str, needed: Collection[str]) -> str:
    for name in needed:
        if re.search(r"\{\{\s*" + re.escape(name) + r"\s*\}\}", source):
            return f"; with two braces, {{{{{name}}}}} is text"
    return ""
