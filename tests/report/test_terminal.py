from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from inline_snapshot import snapshot
from rich.console import Console, RenderableType

from crossover.report.terminal import arms_table, verdict_text
from crossover.verdict import explanation, headline
from tests.report.hostile import PAYLOADS, all_at_once, hostile
from tests.report.invented import Study
from tests.report.test_page import EDGES


def printed(renderable: RenderableType, *, colour: bool = False, width: int = 100) -> str:
    out = StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
    )
    console.print(renderable)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_the_table_of_arms(study: Study) -> None:
    assert printed(arms_table(study.verdict)) == snapshot("""\
  method          labels   score    .10                .90    fit          call
  majority             –   .21     ▏ ━━●━━                ▏   –            <0.1 ms
  linear              16   .37     ▏     ━━●━━            ▏   0.1 s        0.1 ms
  linear              64   .58     ▏          ━━━●━━      ▏   0.1 s        0.1 ms
  zero-shot            –   .44     ▏       ━━●━━          ▏   –            31 ms
  few-shot            16   .50     ▏        ━━●━━━        ▏   3 s          48 ms
  few-shot            64   .53     ▏         ━━●━━━       ▏   9 s          48 ms
  knn-few-shot        16   .54     ▏         ━━━●━━       ▏   0.4 s        160 ms
  knn-few-shot        64   .61     ▏           ━━●━━━     ▏   0.9 s        160 ms
  head                16   .49     ▏        ━━●━━━        ▏   1 s          24 ms
  head                64   .69     ▏             ━━●━━━   ▏   2 s          24 ms
  lora                16   .47     ▏       ━━━●━━         ▏   21 s         31 ms
  lora                64   .78     ▏                ━━●━━ ▏   58 s         31 ms
  lora+few-shot       16   .50     ▏        ━━●━━━        ▏   64 s         164 ms
  lora+few-shot       64   .79     ▏                ━━●━━ ▏   2 min 51 s   164 ms\
""")


def test_a_column_for_the_precision_where_there_are_several(study: Study) -> None:
    arms = study.verdict.arms
    other = replace(next(a for a in arms if a.arm == "lora@64"), arm="lora@64:nf4", precision="nf4", score=0.74)
    few = tuple(arm for arm in arms if arm.arm in {"majority@0", "lora@16", "lora@64"})
    assert printed(arms_table(replace(study.verdict, arms=(*few, other)))) == snapshot("""\
  method     precision   labels   score    .10                .90    fit    call
  majority   –                –   .21     ▏ ━━●━━                ▏   –      <0.1 ms
  lora       bf16            16   .47     ▏       ━━━●━━         ▏   21 s   31 ms
  lora       bf16            64   .78     ▏                ━━●━━ ▏   58 s   31 ms
  lora       nf4             64   .74     ▏                ━●━━━ ▏   58 s   31 ms\
""")


def test_the_interval_is_drawn_in_its_family_s_colour(study: Study) -> None:
    coloured = printed(arms_table(study.verdict), colour=True)
    assert "38;2;213;94;0" in coloured, "weights"
    assert "38;2;0;114;178" in coloured, "prompt"


def test_an_arm_with_too_much_missing_says_so(study: Study) -> None:
    arms = tuple(replace(arm, score=None, interval=None, missing=31) for arm in study.verdict.arms[-1:])
    assert printed(arms_table(replace(study.verdict, arms=arms))) == snapshot("""\
  method          labels   score    .00               1.00     fit          call
  lora+few-shot       64   –       31 of 360 answers missing   2 min 51 s   164 ms\
""")


def test_the_verdict_in_words(study: Study) -> None:
    lines = " ".join(printed(verdict_text(study.verdict, study="my study")).split())
    assert " ".join(headline(study.verdict).split()) in lines
    for question, answer in explanation(study.verdict):
        assert " ".join(question.split()) in lines
        assert answer.split()[0] in lines
    assert "crossover report 'my study' the page for others" in lines
    assert "crossover pack 'my study' take it with you" in lines


def test_nothing_recommended_is_nothing_to_pack(study: Study) -> None:
    text = printed(verdict_text(replace(study.verdict, recommended=None)))
    assert "crossover report tickets-study" in text
    assert "crossover pack" not in text


@pytest.mark.parametrize("edge", EDGES)
def test_any_study_is_printed(study: Study, edge: str) -> None:
    verdict = EDGES[edge](study).verdict
    assert "method" in printed(arms_table(verdict))
    assert "crossover report" in printed(verdict_text(verdict))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_names_neither_mark_up_nor_control_the_terminal(study: Study, payload: str) -> None:
    verdict = hostile(study, payload).verdict
    text = printed(arms_table(verdict)) + printed(verdict_text(verdict))
    assert not set(text) & set("\x1b\x07\x08\x00\x9b\u202e\r")
    text.encode()


def test_markup_is_shown_as_it_is_written(study: Study) -> None:
    assert "[bold red]x[/bold red]" in printed(arms_table(hostile(study, "[bold red]x[/bold red]").verdict), width=140)
    assert printed(arms_table(all_at_once(study).verdict), width=40)


def test_80_columns_hold_long_names_and_long_times(study: Study) -> None:
    paths = ("prompt-search/lora/prompt-search", "a prompt of my own with a long name.txt")
    arms = [
        replace(arm, method=path, arm=f"{path}@64", fit_seconds=171.0)
        for arm, path in zip(study.verdict.arms[-2:], paths, strict=True)
    ]
    precise = [replace(arm, arm=f"{arm.arm}:nf4", precision="nf4") for arm in arms]
    for shown in (arms, [*arms, *precise]):
        text = printed(arms_table(replace(study.verdict, arms=tuple(shown))), width=80)
        lines = text.splitlines()
        assert all(line.rstrip().endswith((" ms", "call", "prompt-search")) for line in lines), text
        assert "2 min 51 s" in text
        assert "prompt-search/lora/" in text
