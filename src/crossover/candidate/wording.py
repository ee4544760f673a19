"""The text of an example as methods without prompts read it: its input columns, one below the other."""

from __future__ import annotations

__all__ = ["joined"]

from collections.abc import Sequence

from crossover.records import Inputs


def joined(inputs: Inputs, fields: Sequence[str]) -> str:
    """Return the values of the input fields, joined by newlines."""
    return "\n".join(inputs[name] for name in fields)
