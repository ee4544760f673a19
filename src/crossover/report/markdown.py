"""The verdict as Markdown, for a pull request or a wiki."""

from __future__ import annotations

__all__ = ["render"]

import re
from collections.abc import Sequence

from crossover.records import Arm, LeftOut, Verdict
from crossover.report.aspects import aspect_columns, aspect_rows
from crossover.report.differing import differ_sentence
from crossover.report.economics import cost_lines, headings, notes
from crossover.report.not_run import not_run
from crossover.report.series import models_of, names
from crossover.report.text import DASH, count, interval, known, milliseconds, one_line, score, seconds
from crossover.verdict import Aspects, Diff, explanation, headline


def render(
    verdict: Verdict,
    *,
    table: Aspects | None = None,
    diff: Diff | None = None,
    left_out: Sequence[LeftOut] = (),
    checks: Sequence[str] = (),
    made: Sequence[str] = (),
) -> str:
    """Return the verdict in GitHub's Markdown in the page's order, ending with a newline: headline, explanation, what a
    month costs, aspects, arms, where they differ, the data, and how it was made.

    Args:
        verdict: of a study.
        table: the aspects in which the nominated arms differ.
        diff: where the two compared arms differ: told in one sentence, without the texts of test rows.
        left_out: what the last run did not run.
        checks: what was found in the data.
        made: when the study was begun, then the commands that do it again.
    """
    first, stop, rest = one_line(headline(verdict)).partition(". ")
    lines = [f"**{escape(first + stop.rstrip())}**" + (f" {escape(rest)}" if rest else ""), ""]
    answers = [
        f"- **{escape(one_line(question))}** {escape(one_line(answer))}" for question, answer in explanation(verdict)
    ]
    if missing := not_run(left_out):
        answers.append(f"- **Not run** {escape(missing)}")
    if answers:
        lines += [*answers, ""]
    lines += _month(verdict)
    if table is not None:
        lines += _aspects(table)
    lines += [
        "| method | family | labels | score | 95% interval | fit | tokens a call | ms a call |",
        "|---|---|---:|---:|---|---:|---:|---:|",
    ]
    called = names(verdict)
    lines += [_row(arm, called[arm.arm], recommended=arm.arm == verdict.recommended) for arm in verdict.arms]
    if diff is not None:
        lines += ["", escape(differ_sentence(diff))]
    task = verdict.task
    models = ", ".join(map(escape, models_of(verdict)))
    about = f"{escape(one_line(task.metric))} on {task.n_test:,} test rows of {escape(one_line(task.name))}"
    lines += ["", f"{about}; {models}." if models else f"{about}."]
    if checks:
        lines += ["", *(f"- {escape(one_line(line))}" for line in checks)]
    if made:
        lines += ["", f"Begun {escape(one_line(made[0]))}. To do it again:", "", *map(_code, made[1:])]
    return "\n".join(lines) + "\n"


def _code(line: str) -> str:
    """Return a line as code, indented: nothing of it can end that."""
    return f"    {one_line(line)}"


def _month(verdict: Verdict) -> list[str]:
    """Return what a month costs as a table; nothing where nobody said how many calls there will be."""
    costs = cost_lines(verdict)
    if not costs:
        return []
    cells = [("method", "counted", *headings(verdict)), *((one.name, one.counted, *one.cells) for one in costs)]
    table = [f"| {' | '.join(map(escape, row))} |" for row in cells]
    return [table[0], "|---|---|---:|---:|---:|---:|", *table[1:], "", escape(notes(verdict)), ""]


def _aspects(table: Aspects) -> list[str]:
    rows = aspect_rows(table)
    if not rows:
        return []
    heads = [
        f"{column.family}: {escape(column.arm)}" if column.arm else column.family for column in aspect_columns(table)
    ]
    lines = [f"| aspect | {' | '.join(heads)} |", "|---|---|---|---|"]
    lines += [f"| {row.name} | {' | '.join('<br>'.join(map(escape, cell)) for cell in row.cells)} |" for row in rows]
    return [*lines, ""]


def escape(text: str) -> str:
    """Return one line of text so that Markdown shows it as it is: no markup, HTML, table cell, mention or reference."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_{}\[\]()|~!$])", r"\\\1", text)
    text = re.sub(r"^([#+-])", r"\\\1", text)
    text = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", text)  # a backslash before a digit would be shown
    # GitHub notifies people and links issues and addresses even where the signs are escaped: a word joiner stops that.
    # One behind a word ("lora@64") is neither, and stays as it can be copied.
    signs = r"((?<!\w)@|#(?=\d)|GH(?=-\d)|(?<=[a-z])(?=://)|www(?=\.))"
    text = re.sub(signs, "\\1\u2060", text, flags=re.IGNORECASE)
    return re.sub(r":(?=[\w+-]+:)", "&#58;", text)  # a word between colons is a picture


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
