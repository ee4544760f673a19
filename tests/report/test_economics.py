"""What a month costs, on the terminal, in Markdown and on the page."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from inline_snapshot import snapshot
from rich.console import Console, RenderableType

from crossover.records import Prices, Verdict
from crossover.report import markdown
from crossover.report.economics import cost_lines, notes
from crossover.report.terminal import report_text, verdict_text
from crossover.verdict import aspects, with_economics
from tests.report.hostile import PAYLOADS, hostile
from tests.report.invented import Study
from tests.report.test_page import Reader, page_of

PRICES = Prices(machine_hour=0.4, kwh=0.3, currency="EUR")


def costed(verdict: Verdict, prices: Prices = PRICES, calls: float | None = 10_000) -> Verdict:
    arms = tuple(
        replace(arm, fit_joules=14 * arm.fit_seconds, single_call_joules=0.5, energy_source="estimated")
        for arm in verdict.arms
    )
    return with_economics(replace(verdict, arms=arms), prices, calls)


def shown_of(text: RenderableType) -> str:
    out = StringIO()
    Console(file=out, width=120).print(text)
    return out.getvalue()


def shown(verdict: Verdict) -> str:
    return shown_of(verdict_text(verdict))


def test_the_terminal(study: Study) -> None:
    text = shown(costed(study.verdict))
    lines = [line.rstrip() for line in text[text.index("  a month  ") :].splitlines()]
    assert "\n".join(lines[: lines.index("")]) == snapshot("""\
  a month                          once      month      month     a year
  lora, 64 labels
    time                           58\xa0s    5.2\xa0min    6.1\xa0min    5.2\xa0min
    energy (estimated)          0.23\xa0Wh     1.4\xa0Wh     1.6\xa0Wh     1.4\xa0Wh
    money (estimated)        0.0065\xa0EUR  0.035\xa0EUR  0.041\xa0EUR  0.035\xa0EUR
  knn-few-shot, 64 labels
    time                         0.90\xa0s     27\xa0min     27\xa0min     27\xa0min
    energy (estimated)        0.0035\xa0Wh     1.4\xa0Wh     1.4\xa0Wh     1.4\xa0Wh
    money (estimated)       0.00010\xa0EUR   0.18\xa0EUR   0.18\xa0EUR   0.18\xa0EUR
  lora+few-shot, 64 labels
    time                        2.9\xa0min     27\xa0min     30\xa0min     28\xa0min
    energy (estimated)          0.67\xa0Wh     1.4\xa0Wh     2.1\xa0Wh     1.4\xa0Wh
    money (estimated)         0.019\xa0EUR   0.18\xa0EUR   0.20\xa0EUR   0.18\xa0EUR
  Calls one at a time, as they were timed. Energy: estimated from processor time, as nothing here could be read. Prices:
  0.40 EUR an hour of the machine, 0.30 EUR a kWh.\
""")


def test_no_amount_is_cut_at_80_columns(study: Study) -> None:
    console = Console(file=StringIO(), width=80)
    console.print(verdict_text(costed(study.verdict)))
    file = console.file
    assert isinstance(file, StringIO)
    text = file.getvalue()
    table = text[text.index("  a month  ") : text.index("Calls one")]
    assert "…" not in table
    assert table.replace("\N{NO-BREAK SPACE}", " ").count(" EUR") == 12


@pytest.mark.parametrize("name", ["knn-few-shot", "lora/prompt-search/lora"])
def test_nor_one_with_many_digits_beside_a_long_name(study: Study, name: str) -> None:
    verdict = study.verdict
    small = [replace(arm, fit_joules=21.5, arm=arm.arm, method=name, fit_seconds=1.6) for arm in verdict.arms]
    console = Console(file=StringIO(), width=80)
    console.print(verdict_text(costed(replace(verdict, arms=tuple(small)), calls=100_000)))
    file = console.file
    assert isinstance(file, StringIO)
    text = file.getvalue().replace("\N{NO-BREAK SPACE}", " ")
    table = text[text.index("  a month  ") : text.index("Calls one")]
    assert table.count("0.00018 EUR") == 3
    assert table.count(" EUR") == 12
    assert "a year" in table


def test_markdown(study: Study) -> None:
    text = markdown.render(costed(study.verdict))
    table, said = text[text.index("| method | counted") :].split("\n\n", maxsplit=1)
    assert said.startswith("Calls one at a time, as they were timed. Energy: estimated from processor time")
    assert table + "\n" == snapshot("""\
| method | counted | the fit, once | 10,000 calls a month | the first month | a month, fit over a year |
|---|---|---:|---:|---:|---:|
| lora, 64 labels | time | 58 s | 5.2 min | 6.1 min | 5.2 min |
|  | energy \\(estimated\\) | 0.23 Wh | 1.4 Wh | 1.6 Wh | 1.4 Wh |
|  | money \\(estimated\\) | 0.0065 EUR | 0.035 EUR | 0.041 EUR | 0.035 EUR |
| knn-few-shot, 64 labels | time | 0.90 s | 27 min | 27 min | 27 min |
|  | energy \\(estimated\\) | 0.0035 Wh | 1.4 Wh | 1.4 Wh | 1.4 Wh |
|  | money \\(estimated\\) | 0.00010 EUR | 0.18 EUR | 0.18 EUR | 0.18 EUR |
| lora+few-shot, 64 labels | time | 2.9 min | 27 min | 30 min | 28 min |
|  | energy \\(estimated\\) | 0.67 Wh | 1.4 Wh | 2.1 Wh | 1.4 Wh |
|  | money \\(estimated\\) | 0.019 EUR | 0.18 EUR | 0.20 EUR | 0.18 EUR |
""")


def test_it_stands_before_the_aspects_and_the_arms(study: Study) -> None:
    verdict = costed(study.verdict)
    table = aspects(verdict, study.records)
    for text, heads in (
        (markdown.render(verdict, table=table), ("| method | counted |", "| aspect |", "| method | family |")),
        (
            shown_of(report_text(verdict, study="tickets-study", table=table, diff=None, checks=["no row is empty"])),
            ("  a month  ", "  aspect  ", "  method  ", "no row is empty"),
        ),
    ):
        places = [text.index(head) for head in heads]
        assert places == sorted(places)


def test_the_page(study: Study) -> None:
    page = Reader(page_of(replace(study, verdict=costed(study.verdict))))
    assert "What a month costs" in page.text
    assert "energy (estimated)" in page.text
    assert "0.40 EUR an hour of the machine" in page.text
    assert "What a month costs" not in Reader(page_of(study)).text


def test_nothing_where_nobody_said_how_many_calls(study: Study) -> None:
    for verdict in (study.verdict, costed(study.verdict, calls=None)):
        assert cost_lines(verdict) == []
        assert "the fit, once" not in shown(verdict)
        assert "| counted |" not in markdown.render(verdict)


def test_money_that_is_not_known_is_said(study: Study) -> None:
    unmeasured = with_economics(study.verdict, PRICES, 100)
    assert "Money is not known" in notes(unmeasured)
    assert {line.counted for line in cost_lines(unmeasured)} == {"time"}
    assert "Money is not known" not in notes(costed(study.verdict))


@pytest.mark.parametrize("payload", [" ".join(PAYLOADS[n : n + 8]) for n in range(0, len(PAYLOADS), 8)])
def test_hostile_text_stays_text_on_the_page(study: Study, payload: str) -> None:
    benign = Reader(page_of(replace(study, verdict=costed(study.verdict))))
    other = hostile(study, payload)
    verdict = costed(other.verdict, replace(PRICES, currency=payload))
    found = Reader(page_of(replace(other, verdict=verdict)))
    assert found.elements <= benign.elements | {("b", ()), ("br", ())}
    assert found.addresses == benign.addresses
    assert len(found.scripts) == len(benign.scripts)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_names_and_currencies_are_shown_as_text(study: Study, payload: str) -> None:
    other = hostile(study, payload)
    verdict = costed(other.verdict, replace(PRICES, currency=payload))
    table = [line for line in markdown.render(verdict).splitlines() if line.startswith("| ")]
    n_lines = len(cost_lines(verdict))
    assert n_lines == 9
    assert table[0].startswith("| method | counted |")
    for line in table[: 1 + n_lines]:
        assert line.replace("\\|", "").count("|") == 7
    assert not any("<script" in line.lower() or "<img" in line or "<svg" in line for line in table)
    assert "\x1b" not in shown(verdict)
