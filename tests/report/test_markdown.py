from __future__ import annotations

import pytest
from inline_snapshot import snapshot

from crossover.report.markdown import escape, render
from tests.report.hostile import PAYLOADS, hostile
from tests.report.invented import Study, with_arms
from tests.report.test_page import EDGES


def test_the_verdict_for_a_pull_request(study: Study) -> None:
    few = with_arms(study, lambda arm: arm.budget in {0, 64})
    table = render(few.verdict)
    assert table.startswith("**Fine-tune.** With 64 labels, lora answers 78% right")
    assert table[table.index("| method") :] == snapshot("""\
| method | family | labels | score | 95% interval | fit | tokens a call | ms a call |
|---|---|---:|---:|---|---:|---:|---:|
| majority | baseline | – | .21 | [.14, .28] | – | – | <0.1 |
| linear | baseline | 64 | .58 | [.49, .67] | 0.1 s | – | 0.1 |
| zero-shot | prompt | – | .44 | [.35, .53] | – | 40 | 31 |
| few-shot | prompt | 64 | .53 | [.44, .62] | 9 s | 162 | 48 |
| knn-few-shot | prompt | 64 | .61 | [.52, .70] | 0.9 s | 173 | 160 |
| head | weights | 64 | .69 | [.61, .77] | 2 s | 24 | 24 |
| **lora** | weights | 64 | **.78** | [.71, .85] | 58 s | 40 | 31 |
| lora+few-shot | both | 64 | .79 | [.72, .86] | 2 min 51 s | 175 | 164 |

accuracy on 120 test rows of tickets; smollm2-135m \\(4-bit at its source, q4\\_1\\), run in bf16.
""")


@pytest.mark.parametrize("edge", EDGES)
def test_any_study_is_rendered(study: Study, edge: str) -> None:
    assert "| method |" in render(EDGES[edge](study).verdict)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_names_stay_in_their_cell(study: Study, payload: str) -> None:
    lines = render(hostile(study, payload).verdict).splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert len(table) == 1 + len(study.verdict.arms)
    for line in table:
        assert line.replace("\\|", "").count("|") == 9
    assert not any("<script" in line.lower() or "<img" in line or "<svg" in line for line in lines)


def test_escaping() -> None:
    assert escape("a|b *c* <i> [x](y) @all #1") == "a\\|b \\*c\\* &lt;i&gt; \\[x\\]\\(y\\) @\u2060all #\u20601"
    assert escape("# no heading") == "\\# no heading"
    assert escape("1. no list") == "1\\. no list"
    assert escape("5.2 min") == "5.2 min"


def test_what_a_reviewer_needs_stands_below(study: Study) -> None:
    made = ("30 November 2026", "crossover run tickets.csv --budgets 0,64", "crossover run tickets.csv --methods `rm`")
    text = render(study.verdict, checks=("486 rows",), made=made)
    assert "accuracy on 120 test rows of tickets; smollm2-135m" in text
    assert "\n- 486 rows\n" in text
    assert (
        "Begun 30 November 2026. To do it again:\n\n    crossover run tickets.csv --budgets 0,64\n    crossover run"
        in text
    )


def test_signs_that_github_reads() -> None:
    assert escape("lora@64 reads") == "lora@64 reads", "it can be copied into a command"
    assert escape("by @all") == "by @\u2060all"
    assert escape("costs $x$ :warning: GH-12") == "costs \\$x\\$ &#58;warning: GH\u2060-12"
