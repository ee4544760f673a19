"""The closed sets of words, and what text and JSON are. Standard library only."""

from __future__ import annotations

__all__ = [
    "CONVERSATION",
    "DEFAULT_MARGIN",
    "FAMILIES",
    "KINDS",
    "Bound",
    "Constrain",
    "Decision",
    "Family",
    "Inputs",
    "Json",
    "Kind",
]

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"
Inputs: TypeAlias = Mapping[str, str]
"""One example's inputs: column name -> text."""

CONVERSATION = "conversation"
"""The input field of a chat: its text is a list of turns as JSON, {"role", "content"}, up to the one to be answered."""

DEFAULT_MARGIN = 0.03
"""The difference, as a fraction of 1, up to which two arms count as equally good where nobody says otherwise."""

Kind = Literal["classification", "extraction", "qa", "math", "summarization", "translation", "chat", "generation"]
Family = Literal["baseline", "prompt", "weights", "both"]
Decision = Literal["prompt", "weights", "both", "neither", "tied", "unsure"]
Bound = Literal["exact", "at_most", "at_least", "never"]
Constrain = Literal["yes", "no", "both"]

KINDS: tuple[Kind, ...] = (
    "classification",
    "extraction",
    "qa",
    "math",
    "summarization",
    "translation",
    "chat",
    "generation",
)
FAMILIES: tuple[Family, ...] = ("baseline", "prompt", "weights", "both")
