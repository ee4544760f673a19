"""What an answer must look like, as plain data. No torch here."""

from __future__ import annotations

__all__ = ["Constraint"]

from collections.abc import Mapping
from dataclasses import dataclass

from crossover.errors import OptionError
from crossover.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """The set of answers that are allowed; exactly one of the three is given.

        Constraint(choices=("positive", "negative"))
        Constraint(regex="[0-9]{4}-[0-9]{2}")
        Constraint(json_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})

    Attributes:
        json_schema: the answer is JSON by this schema, laid out as `json.dumps` does: ", " and ": ", no line breaks.
        regex: the whole answer matches, in the syntax of Rust's `regex` (no look-around, no references to groups).
        choices: the answer is one of these texts.
        after_blank: a blank stands before the answer, as in a text that goes on after "Answer:". It is part of what is
            generated: tokens that hold a blank and the answer's first letter are what models know.

    Raises:
        OptionError: none of them is given or more than one; there is no choice, or an empty one.
    """

    json_schema: Mapping[str, Json] | None = None
    regex: str | None = None
    choices: tuple[str, ...] | None = None
    after_blank: bool = False

    def __post_init__(self) -> None:
        kinds = {"json_schema": self.json_schema, "regex": self.regex, "choices": self.choices}
        given = [name for name, value in kinds.items() if value is not None]
        if len(given) != 1:
            raise OptionError(
                f"a constraint is one of json_schema, regex and choices, but got {' and '.join(given) or 'none'}.",
                "give exactly one; what must hold together goes into one schema or one regular expression",
            )
        if self.choices is not None and (not self.choices or "" in self.choices):
            raise OptionError(
                f"choices must be texts that are not empty, but got {list(self.choices)!r}.", "leave the empty one out"
            )
