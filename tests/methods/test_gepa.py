"""A reflector rewrites the instruction: what it is told, what is kept, what it costs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.candidate import PromptedCandidate, PromptProgram, predict
from crossover.errors import TrialError
from crossover.methods import Fitted, default_methods, get_method, named_methods
from crossover.methods.choosing import folds
from crossover.methods.conformance import check
from crossover.methods.effort import Meter, allowance
from crossover.methods.prompt.gepa import Gepa
from crossover.metrics import get_metric
from crossover.model.local import LocalModel
from crossover.model.reflector import LocalReflector, Reflector
from crossover.model.tiny import tiny_model
from crossover.records import KINDS, Example, Kind, TaskSpec
from crossover.study import trial_key
from tests.methods.reflecting import RUBBISH, Told, ready
from tests.methods.test_open_kinds import task_of

METRIC = get_metric("accuracy")
Rows = tuple[Example, ...]
TEXTS = [f"```\nSay which {word} the message is about.\n```" for word in ("queue", "topic", "team", "desk", "thing")]


def fit(
    reflector: Reflector | None,
    spec: TaskSpec,
    rows: Rows,
    model: LocalModel | None,
    *,
    effort: float = 1.0,
    start: PromptedCandidate | None = None,
) -> Fitted:
    return Gepa(reflector).fit(
        spec,
        rows,
        [row.inputs for row in rows],
        model=model,
        metric=get_metric(spec.metric),
        effort=effort,
        seed=1,
        start=start,
    )


def instructions(fitted: Fitted) -> dict[str, tuple[int, float | None]]:
    """Return instruction -> rows that it was rated on, and its score there."""
    return {
        str(one.settings["instruction"]): (int(str(one.settings["rows"])), one.dev_score)
        for one in fitted.tried
        if "instruction" in one.settings
    }


def program_of(fitted: Fitted) -> PromptProgram:
    assert isinstance(fitted.candidate, PromptedCandidate)
    return fitted.candidate.program


# ------------------------------------------------------------------------------------------------------- what is chosen


def test_the_best_instruction_on_the_judging_half_is_kept(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    # With these words the random model answers better by luck: that is enough to see which one is taken.
    reflector = Told([f"```\n{word} {n}\n```" for n in range(12) for word in ("sort", "name", "tell")])
    fitted = fit(reflector, spec, rows, tiny, effort=2.0)
    found = instructions(fitted)
    judged = {text: score for text, (n, score) in found.items() if n == len(rows) // 2}
    assert len(judged) >= 2, "no instruction was better on the rows that it was written for"
    assert len(found) > len(judged), "all of them came far"
    chosen = program_of(fitted).instruction
    assert judged[chosen] == max(score for score in judged.values() if score is not None)
    assert chosen != PromptProgram.default(spec).instruction
    assert fitted.dev_score is not None
    assert fitted.dev_score < max(score for score in judged.values() if score is not None), "its own score is too good"


def test_what_is_kept_scores_what_was_recorded(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    fitted = fit(Told(TEXTS), spec, rows, tiny)
    answers = predict(fitted.candidate, [row.inputs for row in rows], tiny)
    right = [METRIC.score(one.answer or "", row, spec) for one, row in zip(answers, rows, strict=True)]
    n, score = instructions(fitted)[program_of(fitted).instruction]
    assert n == 12
    assert score is not None
    assert any(abs(score * n - got) < 1e-9 for got in (sum(right[i] for i in half) for half in folds(rows, 2, 1)))


@pytest.mark.parametrize("reply", ["", "```\n```", "x" * 5000, "\x00\x07"])
def test_a_reply_that_says_nothing_leaves_the_instruction(
    spec: TaskSpec, rows: Rows, tiny: LocalModel, reply: str
) -> None:
    fitted = fit(Told([reply]), spec, rows, tiny, effort=0.3)
    assert program_of(fitted).instruction == PromptProgram.default(spec).instruction
    assert list(instructions(fitted)) == [PromptProgram.default(spec).instruction]


@given(st.text(max_size=200))
@settings(max_examples=15)
def test_whatever_it_says_the_program_can_be_saved(text: str) -> None:
    tiny, (spec, rows) = _TINY, task_of("translation")
    fitted = fit(Told([text]), replace(spec, answer_tokens=2), rows[:8], tiny, effort=0.05)
    program = program_of(fitted)
    assert PromptProgram.from_json(program.to_json()) == program
    assert all(c.isprintable() or c in "\n\t" for c in program.instruction)


_TINY = tiny_model()


@pytest.mark.parametrize("kind", KINDS)
def test_a_random_reflector_is_survived(tiny: LocalModel, spec: TaskSpec, rows: Rows, kind: Kind) -> None:
    if kind != "classification":
        spec, rows = task_of(kind)
    fitted = check(ready("gepa"), tiny, spec, rows)
    assert len(instructions(fitted)) >= 1


# --------------------------------------------------------------------------------------------------------- what is told


def test_the_reflector_reads_instruction_input_answer_and_what_was_wanted(
    spec: TaskSpec, rows: Rows, tiny: LocalModel
) -> None:
    reflector = Told(TEXTS)
    fit(reflector, spec, rows, tiny)
    asked = reflector.asked[0]
    assert PromptProgram.default(spec).instruction in asked
    shown = [row for row in rows if row.inputs["text"] in asked]
    assert len(shown) == 3
    for row in shown:
        told = asked[asked.index(row.inputs["text"]) :].split("# Example")[0]
        right = "This is right." in told
        words = spec.words(str(row.target))
        assert right or told.rstrip("`\n ").split("\n\n")[0] != words
        assert right or f"The answer that is wanted:\n{words}" in told
        assert "## Generated Outputs" in told
    assert "log_in" not in asked, "labels are told in the words in which the model gives them"
    assert len(set(reflector.seeds)) == len(reflector.seeds)


def test_no_row_both_teaches_and_judges(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    reflector = Told(TEXTS)
    fit(reflector, spec, rows, tiny, effort=2.0)
    taught = {row.id for row in rows if any(row.inputs["text"] in asked for asked in reflector.asked)}
    assert 3 <= len(taught) <= len(rows) // 2


def test_a_short_memory_hears_of_fewer_rows(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    whole = Told(TEXTS)
    fit(whole, spec, rows, tiny, effort=0.1)
    short = Told(TEXTS, reads=len(whole.asked[0]) - 1)
    fit(short, spec, rows, tiny, effort=0.1)
    assert "# Example 3" in whole.asked[0]
    assert "# Example 2" in short.asked[0]
    assert "# Example 3" not in short.asked[0]


def test_a_reflector_that_can_read_nothing_changes_nothing(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    reflector = Told(TEXTS, reads=0)
    fitted = fit(reflector, spec, rows, tiny)
    assert reflector.asked == []
    assert program_of(fitted).instruction == PromptProgram.default(spec).instruction


def test_nothing_is_written_and_nothing_is_said(
    spec: TaskSpec,
    rows: Rows,
    tiny: LocalModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    fit(Told(TEXTS), spec, rows, tiny)
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------------------------------------- what it costs


def test_the_reflectors_tokens_count(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    reflector, meter = Told(TEXTS, token_passes=1000), Meter(tiny)
    fitted = fit(reflector, spec, rows, tiny)
    assert len(reflector.asked) >= 2
    assert fitted.token_passes == meter.token_passes + 1000 * len(reflector.asked)


def test_a_model_that_reflects_on_itself_counts_its_tokens_once(spec: TaskSpec, rows: Rows) -> None:
    model = tiny_model(context_tokens=4096)
    meter = Meter(model)
    fitted = fit(LocalReflector("tiny", "0" * 64, lambda: model, reply_tokens=16), spec, rows, model, effort=0.3)
    assert fitted.token_passes == meter.token_passes


def test_what_is_too_dear_is_asked_once(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    reflector = Told(TEXTS, token_passes=10**7)
    fit(reflector, spec, rows, tiny)
    assert len(reflector.asked) == 1


@pytest.mark.parametrize("effort", [0.3, 1.0, 3.0])
def test_it_keeps_to_its_token_passes(spec: TaskSpec, rows: Rows, tiny: LocalModel, effort: float) -> None:
    fitted = fit(Told(TEXTS, token_passes=700), spec, rows, tiny, effort=effort)
    bound = allowance(PromptProgram.default(spec), rows, tiny, effort)
    assert fitted.token_passes < 1.3 * bound + 3000, "layouts are looked at, and one reflection made, in any case"


def test_rounds_that_cost_nothing_end(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    reflector = Told(["```\n```"], token_passes=0)
    fit(reflector, spec, rows, tiny, effort=50.0)
    assert 10 <= len(reflector.asked) <= 60


# --------------------------------------------------------------------------------------------------------- in sequence


def test_what_trains_next_trains_on_its_prompt(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    method = get_method("gepa/lora", RUBBISH)
    assert method.family == "both"
    check(method, tiny, spec, rows)
    fitted = get_method("gepa/lora", Told(TEXTS)).fit(
        spec, rows, [row.inputs for row in rows], model=tiny, metric=METRIC, effort=0.5, seed=1
    )
    assert isinstance(fitted.candidate, PromptedCandidate)
    assert fitted.candidate.adapter is not None
    assert fitted.candidate.program.instruction in instructions(fitted)


def test_shown_rows_stay_and_judge_nothing(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    shown = get_method("few-shot").fit(spec, rows, [], model=tiny, metric=METRIC, effort=0.1, seed=1).candidate
    assert isinstance(shown, PromptedCandidate)
    reflector = Told(TEXTS)
    fitted = fit(reflector, spec, rows, tiny, start=shown)
    assert program_of(fitted).demonstrations == shown.program.demonstrations
    own = {one.inputs["text"] for one in shown.program.demonstrations}
    assert not any(text in asked for text in own for asked in reflector.asked)


def test_an_adapter_stays_as_it_was_trained(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    trained = get_method("lora").fit(spec, rows, [], model=tiny, metric=METRIC, effort=0.1, seed=1).candidate
    assert isinstance(trained, PromptedCandidate)
    fitted = fit(Told(TEXTS), spec, rows, tiny, start=trained)
    assert isinstance(fitted.candidate, PromptedCandidate)
    assert fitted.candidate.adapter is trained.adapter
    assert fitted.candidate.prior is None
    assert fitted.candidate.program.layout == trained.program.layout


# ------------------------------------------------------------------------------------------------- who may be asked for


def test_without_a_reflector_it_is_there_by_name_only(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    method = get_method("gepa")
    said = "gepa needs a reflector, a stronger model that rewrites prompts: --reflector MODEL"
    assert method.lacks() == method.unsuitable(spec, 32, tiny.capabilities) == said
    assert get_method("gepa/lora").lacks() == said
    assert get_method("gepa/lora").unsuitable(spec, 32, tiny.capabilities) == f"gepa/lora: {said}"
    assert "gepa" not in default_methods("classification")
    assert "gepa" in default_methods("classification", RUBBISH)
    assert "gepa" in named_methods(["default"], "chat", RUBBISH)
    assert "gepa" in named_methods(["all"], "classification")
    with pytest.raises(TrialError, match="gepa needs a reflector"):
        fit(None, spec, rows, tiny)


def test_without_the_package_it_says_what_to_install(
    spec: TaskSpec, rows: Rows, tiny: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gepa", None)
    said = ready("gepa").unsuitable(spec, 32, tiny.capabilities)
    assert said == "gepa needs the package gepa, which is not installed: pip install 'crossover-lm[reflect]'"
    with pytest.raises(TrialError, match="crossover-lm\\[reflect\\]"):
        fit(RUBBISH, spec, rows, tiny)


def test_another_reflectors_trials_are_other_trials(spec: TaskSpec, tiny: LocalModel) -> None:
    def wording(name: str, reflector: Reflector | None) -> str:
        return trial_key(get_method(name, reflector), spec, tiny.identity, 1.0).wording

    other = LocalReflector("rubbish", "2" * 64, lambda: tiny)
    for name in ("gepa", "gepa/lora"):
        assert len({wording(name, one) for one in (RUBBISH, other, Told([]))}) == 3
    assert wording("lora", RUBBISH) == wording("lora", None) == wording("prompt-search/lora", RUBBISH)
