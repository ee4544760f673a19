"""Templates of other tools: `{{field}}` becomes `{field}`, and nothing else of theirs is read."""

from __future__ import annotations

__all__ = ["Wording", "as_template", "fields_of", "filled", "wording"]

import re
from collections.abc import Mapping
from dataclasses import dataclass

from crossover.task.yaml_places import Place
from crossover.template import parse, substitute

_BRACES = re.compile(r"\{\{(.*?)\}\}|\{%.*?%\}|\{#.*?#\}|\{\{|\{%|\{#|[{}]", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")
_CUE = re.compile(r"\s*\n[^\n{}]{0,30}:\s*")


def as_template(place: Place) -> str:
    """Return a text with `{{field}}` as one of our templates (`crossover.template`), its own braces written twice.

    Raises:
        DataError: a statement, a comment, or anything between the braces that is more than a name.
    """

    def ours(found: re.Match[str]) -> str:
        whole, inside = found.group(), found.group(1)
        if whole in "{}":
            return 2 * whole
        shown = whole if len(whole) <= 40 else f"{whole[:40]}…"
        if inside is None:
            raise place.refused(f"{shown} is no plain field; only {{{{field}}}} is read.", _NEVER)
        name = inside.strip()
        if not _NAME.fullmatch(name):
            head = _NAME.match(name)
            plain = f"{{{{{head.group()}}}}}" if head else "{{field}}"
            raise place.refused(f"{shown} is more than a plain field.", f"only {plain} is read; {_NEVER}")
        return f"{{{name}}}"

    return _BRACES.sub(ours, place.text)


_NEVER = "filters, attributes, indexes, conditions and loops of a template are never run"


def fields_of(template: str) -> tuple[str, ...]:
    """Return the fields of one of our templates, each once."""
    return parse(template).fields


def filled(place: Place, values: Mapping[str, str]) -> str:
    """Return a text with its fields replaced.

    Raises:
        DataError: a field that has no value, or see `as_template`.
    """
    template = parse(as_template(place))
    missing = [name for name in template.fields if name not in values]
    if missing:
        known = ", ".join(values) or "none"
        raise place.refused(f'there is no "{missing[0]}" for {{{{{missing[0]}}}}}.', f"there are: {known}")
    return substitute(template, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What a whole prompt says, in the two parts that every method can use.

    Attributes:
        instruction: what stands above the inputs, without any field; None where nothing does.
        input_template: the rest; None where that is one field alone.
        cue: the last line that asked for the answer ("Answer:"), which is left out: prompts here end with their own.
    """

    instruction: str | None
    input_template: str | None
    cue: str | None = None


def wording(template: str, *, keep_cue: bool) -> Wording:
    r"""Return a prompt's parts, cut at the last line break above its first field.

    >>> wording("Sort the mail.\n\nMail: {text}\nLabel:", keep_cue=False)
    Wording(instruction='Sort the mail.', input_template='Mail: {text}', cue='Label:')

    Args:
        template: one of our templates, with a field.
        keep_cue: whether a last line such as "Answer:" stays.
    """
    parsed = parse(template)
    first = parsed.parts[0] if isinstance(parsed.parts[0], str) else ""
    above, broken, _ = first.rpartition("\n")
    # A text of the template stands in `parts` as it is read; in the source its braces are written twice.
    source = above.replace("{", "{{").replace("}", "}}")
    rest = template.removeprefix(source).strip("\n") if broken else template
    cue = None
    if not keep_cue and (found := _last_cue(rest)) is not None:
        rest, cue = rest[: found.start()], found.group().strip()
    alone = rest.strip() == f"{{{parsed.fields[0]}}}" and len(parsed.fields) == 1
    return Wording(
        instruction=above.strip() or None if broken else None,
        input_template=None if alone else rest.rstrip(),
        cue=cue,
    )


def _last_cue(template: str) -> re.Match[str] | None:
    place = template.rstrip().rfind("\n")
    return _CUE.fullmatch(template, place) if place > 0 else None
