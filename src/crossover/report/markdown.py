"""The verdict as Markdown, for a pull request or a wiki."""

from __future__ import annotations

__all__ = ["render"]

import re

from crossover.records import Arm, Verdict
from crossover.report.series import names
from crossover.report.text import DASH, count, interval, known, milliseconds, one_line, score, seconds
from crossover.verdict import explanation, headline


def render(verdict: Verdict) -> str:
    """Return the headline, the explanation and the table of arms in GitHub's Markdown, ending with a newline."""
    first, stop, rest = one_line(headline(verdict)).partition(". ")
    lines = [f"**{escape(first + stop.rstrip())}**" + (f" {escape(rest)}" if rest else ""), ""]
    answers = [
        f"- **{escape(one_line(question))}** {escape(one_line(answer))}" for question, answer in explanation(verdict)
    ]
    if answers:
        lines += [*answers, ""]
    lines += [
        "| method | family | labels | score | 95% interval | fit | tokens a call | ms a call |",
        "|---|---|---:|---:|---|---:|---:|---:|",
    ]
    called = names(verdict)
    lines += [_row(arm, called[arm.arm], recommended=arm.arm == verdict.recommended) for arm in verdict.arms]
    task = verdict.task
    lines += ["", f"{escape(one_line(task.metric))} on {task.n_test:,} test rows of {escape(one_line(task.name))}."]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Return one line of text so that Markdown shows it as it is: no markup, HTML, table cell, mention or reference."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]()|~!])", r"\\\1", text)
    text = re.sub(r"^([#+-]|\d+[.)])", r"\\\1", text)
    # GitHub notifies people and links issues and addresses even where the signs are escaped: a word joiner stops that.
    return re.sub(r"(@|#(?=\d)|(?<=[a-z])(?=://)|www(?=\.))", "\\1\u2060", text, flags=re.IGNORECASE)


def _row(arm: Arm, name: str, *, recommended: bool) -> str:
    mark = "**" if recommended else ""
    tokens = known(arm.prompt_tokens + arm.output_tokens)
    cells = (
        f"{mark}{escape(name)}{mark}",
        arm.family,
        f"{arm.budget:,}" if arm.budget else DASH,
        f"{mark}{score(arm.score)}{mark}",
        interval(arm.interval) or DASH,
        seconds(arm.fit_seconds) if arm.fit_seconds else DASH,
        count(tokens) if tokens else DASH,
        milliseconds(arm.latency_ms.p50) if arm.latency_ms is not None else DASH,
    )
    return f"| {' | '.join(cells)} |"
