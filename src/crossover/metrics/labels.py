"""Reading a label out of an answer, strictly and leniently."""

from __future__ import annotations

__all__ = ["label_key", "read_label", "read_label_strictly"]

import re
import unicodedata

from crossover.records import TaskSpec

MAX_ANSWER_CHARACTERS = 20_000
"""A longer answer is read up to here: no label needs more, and reading stays fast on hostile ones."""

_NOT_WORD = re.compile(r"[\W_]+")


def label_key(text: str) -> str:
    """Return a label or an answer without case, punctuation and doubled spaces; a text of punctuation only keeps it.

    >>> label_key(" Card_Arrival. ")
    'card arrival'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORD.sub(" ", folded).strip() or " ".join(folded.split())


def read_label_strictly(answer: str, spec: TaskSpec) -> str | None:
    """Return the label that the answer is, letter by letter, or whose words it is; None when it is neither."""
    if answer in spec.labels:
        return answer
    named = [label for label, words in spec.label_names.items() if words == answer and label in spec.labels]
    return named[0] if len(named) == 1 else None


def read_label(answer: str, spec: TaskSpec) -> str | None:
    """Return the label that a forgiving reader finds in the answer, or None when there is none, or more than one.

    In this order: the strict reading; the same without case, punctuation and spaces around; the one label whose name or
    words stand in the answer as whole words ("The answer is: Billing."). Of names inside each other the longest counts.
    """
    strict = read_label_strictly(answer, spec)
    if strict is not None:
        return strict
    said = label_key(answer[:MAX_ANSWER_CHARACTERS])
    if not said:
        return None
    names: dict[str, set[str]] = {}
    for label in spec.labels:
        for name in {label_key(label), label_key(spec.words(label))}:
            names.setdefault(name, set()).add(label)
    if said in names:
        return _only(names[said])
    found: set[str] = set()
    rest = f" {said} "
    for name in sorted(names, key=len, reverse=True):
        if name and f" {name} " in rest:
            found |= names[name]
            rest = rest.replace(f" {name} ", " \0 ")
    return _only(found)


def _only(labels: set[str]) -> str | None:
    return next(iter(labels)) if len(labels) == 1 else None
