from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

import pytest
from inline_snapshot import snapshot
from rich.console import Console

from crossover.report.terminal import Progress
from tests.report.hostile import PAYLOADS
from tests.report.invented import Study


def console(*, terminal: bool = False, height: int = 40) -> tuple[Console, StringIO]:
    out = StringIO()
    return Console(file=out, width=100, height=height, force_terminal=terminal, legacy_windows=False), out


@pytest.fixture(autouse=True)
def ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def cells(study: Study) -> list[tuple[str, int, int]]:
    return [(record.key.method, record.key.budget, record.key.seed) for record in study.records]


def test_without_a_terminal_a_line_for_each_finished_trial(study: Study) -> None:
    where, out = console()
    with Progress(console=where) as progress:
        progress.plan(cells(study), 270.0)
        for record in study.records[:5]:
            progress.cell_finished(record)
        progress.cell_finished(replace(study.records[5], measurement=None, error="out of memory"))
        progress.left_out("lora", 256, "would take 6 min, more than --time-limit leaves")
        progress.left_out("lora", 256, "would take 6 min, more than --time-limit leaves")
    assert out.getvalue() == snapshot("""\
1 of 38 · majority · seed 0 · .17 · fit <0.1 s · about 4 min 20 s left
2 of 38 · linear with 16 labels · seed 0 · .40 · fit 0.1 s · about 4 min 20 s left
3 of 38 · linear with 16 labels · seed 1 · .38 · fit 0.1 s · about 4 min 10 s left
4 of 38 · linear with 16 labels · seed 2 · .43 · fit 0.1 s · about 4 min 00 s left
5 of 38 · linear with 64 labels · seed 0 · .57 · fit 0.1 s · about 3 min 50 s left
6 of 38 · linear with 64 labels · seed 1 · failed: out of memory · about 3 min 50 s left
left out: lora with 256 labels: would take 6 min, more than --time-limit leaves
""")


def test_what_lacks_only_time_is_said_once_at_the_end(study: Study) -> None:
    where, out = console()
    with Progress(console=where) as progress:
        progress.plan(cells(study), 270.0)
        progress.left_out("lora", 64, "1 of 3 seeds, about 36 s, 3 s left of the time limit")
        progress.left_out("distill", 64, "about 241 s, 33 s left of the time limit")
        progress.left_out("distill", 64, "about 140 s, 31 s left of the time limit")
        progress.left_out("lora", 16, "about 89 s, 33 s left of the time limit")
        progress.left_out("cot", 16, "cot is for qa, math, not for classification")
    progress.close()
    assert out.getvalue() == snapshot("""\
left out: cot with 16 labels: cot is for qa, math, not for classification
no time was left with 64 labels for lora (36 s), distill (2 min 20 s)
no time was left with 16 labels for lora (90 s)
about 4 min 20 s in all: the same command with a longer --time-limit goes on
""")


def test_trials_of_several_precisions_have_rows_of_their_own(study: Study) -> None:
    where, out = console()
    record = next(r for r in study.records if r.key.method == "lora")
    other = replace(record, key=replace(record.key, precision="nf4"))
    linear = next(r for r in study.records if r.key.method == "linear")
    with Progress(console=where) as progress:
        progress.plan(
            [("linear", 16, 0), *((f"lora · {p}", 16, seed) for p in ("bf16", "nf4") for seed in range(2))], 100.0
        )
        progress.cell_finished(linear)
        progress.cell_started("lora · bf16", 16, 0)
        progress.cell_finished(record)
        progress.cell_finished(other)
        progress.left_out("lora · nf4", 64, "needs about 3.1 GB, --memory allows 2.0 GB")
    assert out.getvalue() == snapshot("""\
1 of 5 · linear with 16 labels · seed 0 · .40 · fit 0.1 s · about 80 s left
2 of 5 · lora · bf16 with 16 labels · seed 0 · .45 · fit 21 s · about 40 s left
3 of 5 · lora · nf4 with 16 labels · seed 0 · .45 · fit 21 s · about 20 s left
left out: lora · nf4 with 64 labels: needs about 3.1 GB, --memory allows 2.0 GB
""")


def test_the_live_table(study: Study) -> None:
    where, out = console(terminal=True)
    with Progress(console=where) as progress:
        progress.plan(cells(study), 270.0)
        for record in study.records:
            if record.key.method in {"majority", "linear", "head"}:
                progress.cell_started(record.key.method, record.key.budget, record.key.seed)
                progress.cell_finished(record)
        progress.cell_finished(next(record for record in study.records if record.key.method == "lora"))
        progress.cell_started("lora", 16, 1)
        progress.cell_progress("lora", 16, 1, phase="train", done=0.4, tokens_per_second=391.2)
        picture, text = console()
        picture.print(progress._picture())
        lines = [line.rstrip() for line in text.getvalue().splitlines()]
        lines = [re.sub("[⠀-⣿]", "*", line) for line in lines if "trials, about" not in line]
    assert "\n".join(lines) == snapshot("""\
  method     labels   score
  majority        –   .17     fit <0.1 s
  linear         16   .41     fit 0.1 s
  linear         64   .54     fit 0.1 s
  head           16   .46     fit 1 s
  head           64   .72     fit 2 s
  lora           16   .45     * seed 2 of 3, train 40%, 391 tokens/s\
""")
    assert "391 tokens/s" in out.getvalue()


def test_more_arms_than_the_terminal_is_high(study: Study) -> None:
    where, out = console(terminal=True, height=8)
    with Progress(console=where) as progress:
        progress.plan(cells(study), None)
        for record in study.records:
            progress.cell_finished(record)
    assert "10 more above" in out.getvalue()


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_plain_terminal_gets_plain_lines(
    study: Study, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    where, out = console(terminal=True)
    with Progress(console=where) as progress:
        progress.cell_finished(study.records[0])
    assert "1 of 1 · majority · seed 0" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_under_json_standard_output_is_left_alone(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(json=True) as progress:
        progress.cell_finished(study.records[0])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "majority" in captured.err


def test_an_interrupted_study_leaves_its_table_on_the_screen(study: Study) -> None:
    where, out = console(terminal=True)

    def interrupted() -> None:
        with Progress(console=where) as progress:
            progress.cell_finished(study.records[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    erase = "\x1b[2K"
    assert erase not in out.getvalue().rpartition("1 of 1 trials")[2]


def test_time_left_comes_from_what_trials_took(study: Study) -> None:
    where, out = console()
    with Progress(console=where) as progress:
        progress.plan([("lora", 64, 0), ("lora", 64, 1)], None)
        lora = [record for record in study.records if record.key.method == "lora" and record.key.budget == 64]
        progress.cell_started("lora", 64, 0)
        progress.cell_finished(lora[0])
    assert "about 1 s left" in out.getvalue()


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("live", [False, True])
def test_hostile_names_are_text(study: Study, payload: str, live: bool) -> None:
    where, out = console()
    record = study.records[-1]
    named = replace(record, key=replace(record.key, method=payload), measurement=None, error=payload)
    with Progress(console=where, live=live) as progress:
        progress.plan([(payload, 64, 2)], 1.0)
        progress.cell_started(payload, 64, 2)
        progress.cell_progress(payload, 64, 2, phase=payload, done=7.0, tokens_per_second=None)
        progress.left_out(payload, 0, payload)
        progress.cell_finished(named)
    assert not set(out.getvalue()) & set("\x1b\x07\x08\x00\x9b\u202e\r")


def test_time_left_goes_by_what_each_arm_is_expected_to_take(study: Study) -> None:
    where, out = console()
    quick, slow = ("zero-shot", 16, 0), ("lora", 64, 0)
    record = next(r for r in study.records if r.key.method == "linear" and r.key.budget == 16)
    with Progress(console=where) as progress:
        progress.expected({("linear", 16): 0.0, quick[:2]: 5.0, slow[:2]: 95.0})
        progress.plan([("linear", 16, 0), quick, slow], 100.0)
        progress.cell_finished(replace(record, key=replace(record.key, seed=0)))
        zero = replace(record, key=replace(record.key, method="zero-shot", seed=0))
        progress.cell_finished(zero)
    lines = out.getvalue().splitlines()
    assert lines[0].endswith("about 1 min 40 s left")  # the mean of the plan would say 1 min 10 s
    assert lines[1].endswith("about 1 min 40 s left")


def test_an_arm_that_took_longer_than_thought_makes_the_others_longer(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, out = console()
    clock = [0.0]
    monkeypatch.setattr("crossover.report.progress.monotonic", lambda: clock[0])
    record = next(r for r in study.records if r.key.method == "zero-shot")
    with Progress(console=where) as progress:
        progress.expected({("zero-shot", 0): 30.0, ("lora", 64): 45.0})
        progress.plan([("zero-shot", 0, 0), ("lora", 64, 0)], 75.0)
        progress.cell_started("zero-shot", 0, 0)
        clock[0] = 70.0
        progress.cell_finished(record)
    assert "about 90 s left" in out.getvalue()  # 45 s × (70 + 10) / (30 + 10)


def test_an_arm_that_asks_no_model_says_nothing_of_the_pace(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """A linear model's first fit imports what it needs: ten seconds of that are no slow machine."""
    where, out = console()
    clock = [0.0]
    monkeypatch.setattr("crossover.report.progress.monotonic", lambda: clock[0])
    record = next(r for r in study.records if (r.key.method, r.key.budget, r.key.seed) == ("linear", 16, 0))
    with Progress(console=where) as progress:
        progress.expected({("linear", 16): 0.0, ("lora", 64): 45.0})
        progress.plan([("linear", 16, 0), ("lora", 64, 0)], 45.0)
        progress.cell_started("linear", 16, 0)
        clock[0] = 10.0
        progress.cell_finished(record)
    assert "about 45 s left" in out.getvalue()
