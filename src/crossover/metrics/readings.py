"""How much of an answer is read, and the ways in which a forgiving reader may read one."""

from __future__ import annotations

__all__ = ["MAX_ANSWER_CHARACTERS", "bounded", "readings"]

import re
from collections.abc import Sequence

MAX_ANSWER_CHARACTERS = 20_000
"""A longer answer is read up to here and twice its longest reference: what follows can only be wrong."""

_FENCE = re.compile(r"```[^\n`]{0,40}\n(.*?)(?:```|\Z)", re.DOTALL)
_LEAD_IN = re.compile(r"[^\n:：]{1,80}[:：]\s*(?=\S)")
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "«": "»", "»": "«", "‘": "’", "「": "」"}


def bounded(answer: str, references: Sequence[str]) -> str:
    """Return the part of an answer that is compared with its references, so that no answer takes long."""
    return answer[: MAX_ANSWER_CHARACTERS + 2 * max(map(len, references), default=0)]


def readings(answer: str) -> tuple[str, ...]:
    """Return the answer and what stands in it once its wrapping is taken off, step by step, without doubles.

    The steps: space around; a code fence and all outside it; a lead-in that ends with a colon; quotation marks.

    >>> readings('Here is the translation: "Guten Tag." ')
    ('Here is the translation: "Guten Tag." ', 'Here is the translation: "Guten Tag."', '"Guten Tag."', 'Guten Tag.')
    """
    text = answer.strip()
    found = [answer, text]
    fence = _FENCE.search(text)
    if fence:
        text = fence[1].strip()
        found.append(text)
    lead_in = _LEAD_IN.match(text)
    if lead_in:
        text = text[lead_in.end() :]
        found.append(text)
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
        found.append(text)
    return tuple(dict.fromkeys(found))
