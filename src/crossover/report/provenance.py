"""What was done, in the words that the report prints."""

from __future__ import annotations

__all__ = ["Provenance"]

from collections.abc import Mapping
from dataclasses import dataclass, field

from crossover.records import LeftOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a report's numbers come from, so that another person can have them again.

    Attributes:
        study: the study's folder name, for example "tickets-study".
        created: the study's date and time as it shall be printed, for example "23 November 2026, 14:05 UTC".
        command: the command lines that do it again, one below the other.
        versions: part -> version, for example {"crossover-lm": "0.1.0", "torch": "2.12.0"}.
        checks: what was found in the data, one line each, as the run printed it.
        prompts: name -> the prompt word for word, as the model was given it: those that a study began with, then what
            the compared arms found.
        model: lines that describe the model: name, source precision, precision while running, machine.
        signatures: further measure -> what others need to compute the same.
        classes: label -> its own numbers, of the arm `classes_of`; empty where answers are no labels.
        hashes: thing -> digest, beside the data's own: for example {"model": "b179c952…"}.
        left_out: what the last run did not run, and why.
    """

    study: str
    created: str
    command: str
    versions: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[str, ...] = ()
    prompts: Mapping[str, str] = field(default_factory=dict)
    model: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    signatures: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    classes_of: str = ""
    left_out: tuple[LeftOut, ...] = ()
