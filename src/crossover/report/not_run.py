"""Which arms the last run left out, and why, in a sentence or two."""

from __future__ import annotations

__all__ = ["not_run"]

import re
from collections.abc import Sequence

from crossover.records import LeftOut
from crossover.report.text import one_line, shorten
from crossover.verdict.figures import n_labels

NAME_LENGTH = 40
MOST_NAMED = 8
TIME = re.compile(r"s left of the time limit$|^no time is left")
"""How a reason ends, or begins, that is time alone."""


def not_run(left_out: Sequence[LeftOut]) -> str:
    """Return what took no part though it was asked for; nothing where everything ran.

    For example "No time was left for head and prompt-search with 64 labels; lora with 16 labels."
    """
    late = [one for one in left_out if TIME.search(one.reason)]
    others = [one for one in left_out if not TIME.search(one.reason)]
    sentences = []
    if late:
        budgets = sorted({one.budget for one in late}, reverse=True)
        told = []
        for budget in budgets:
            named = [_name(one) for one in late if one.budget == budget]
            told.append(_listed(named) + (f" with {n_labels(budget)}" if budget else " without labels"))
        sentences.append(f"No time was left for {'; '.join(told)}.")
    reasons: dict[str, list[LeftOut]] = {}
    for one in others:
        reasons.setdefault(one_line(one.reason), []).append(one)
    for reason, arms in list(reasons.items())[:MOST_NAMED]:
        budgets = sorted({one.budget for one in arms if one.budget})
        labels = f" with {' and '.join(f'{budget:,}' for budget in budgets)} labels" if budgets else ""
        sentences.append(f"Left out: {_listed(list(dict.fromkeys(map(_name, arms))))}{labels}: {shorten(reason, 200)}.")
    if len(reasons) > MOST_NAMED:
        sentences.append(f"And more, for {len(reasons) - MOST_NAMED} other reasons.")
    return " ".join(sentences)


def _name(one: LeftOut) -> str:
    return shorten(one_line(one.method), NAME_LENGTH)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
