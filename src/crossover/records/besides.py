"""What is measured of a candidate beside its score: what is kept of the base model, probes, edits. Standard library
only.
"""

from __future__ import annotations

__all__ = ["Interaction", "Probe", "ProbeRow", "ProbeScores", "Retained"]

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """How far a candidate's weights moved the model on text that the base model wrote itself.

    Attributes:
        divergence: mean KL(base ‖ adapted) a token, in nats.
        loss_rise: how much the mean loss rises, in nats a token.
        tokens: tokens of the text.
        seconds: that measuring it took.
    """

    divergence: float
    loss_rise: float
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRow:
    """One row of a probe: a context, and the texts that may continue it. A cloze has one, which is right."""

    context: str
    options: tuple[str, ...]
    right: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A user's own test of what a model knows beside the task. `sha256` is the file's."""

    name: str
    kind: Literal["choice", "cloze"]
    rows: tuple[ProbeRow, ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeScores:
    """A probe's score row by row (0 or 1), of the bare base model and of the model as a candidate leaves it."""

    before: tuple[float, ...]
    after: tuple[float, ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """What an edit of the prompt does, tried on a few inputs of the training split. None: not measured.

    Attributes:
        editable: whether there is a prompt to edit.
        inputs: how many were tried.
        first_answer_s: seconds from an edit of the instruction to the first answer, alone, nothing cached.
        new_labels_s: seconds until a prompt with one label more is built, read and kept for the calls that follow.
        in_form: share of freely written answers that have the required form (a label; JSON by the schema).
        asked: what an edited instruction asked for: "capital letters".
        follows_before, follows: share of freely written answers that have that, before and after the edit.
    """

    editable: bool
    inputs: int = 0
    first_answer_s: float | None = None
    new_labels_s: float | None = None
    in_form: float | None = None
    asked: str | None = None
    follows_before: float | None = None
    follows: float | None = None
