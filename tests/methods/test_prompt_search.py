"""What a prompt search looks at, and how it chooses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crossover.candidate import PromptedCandidate, PromptProgram
from crossover.candidate.prompted import prompt_tokens
from crossover.methods import get_method
from crossover.methods.choosing import Choice
from crossover.methods.effort import Meter, allowance
from crossover.methods.prompt.halving import RUNGS, Judge, Judged, halve, hold_against
from crossover.methods.prompt.population import Population
from crossover.methods.prompt.wordings import label_wordings, wordings
from crossover.methods.start import begin
from crossover.metrics import get_metric
from crossover.model.local import LocalModel
from crossover.records import KINDS, Example, Kind, TaskSpec
from crossover.template import parse
from tests.methods.test_open_kinds import task_of

METRIC = get_metric("accuracy")
Rows = tuple[Example, ...]


# ------------------------------------------------------------------------------------------------------------- wordings


def test_every_wording_shows_the_input_and_none_comes_twice(spec: TaskSpec) -> None:
    found = wordings(PromptProgram.default(spec), spec)
    assert next(iter(found)) == "as it is"
    assert len(found) >= 6
    said = [(one.instruction, one.template) for one in found.values()]
    assert len(set(said)) == len(said)
    assert all("text" in parse(one.template).fields for one in found.values())
    assert any(one.instruction == "" for one in found.values())


def test_a_users_instruction_is_kept_or_left_out_but_not_replaced(spec: TaskSpec) -> None:
    own = replace(spec, instruction="Which queue does this ticket belong to?")
    assert {one.instruction for one in wordings(PromptProgram.default(own), own).values()} == {own.instruction, ""}
    written, _ = task_of("translation")
    own = replace(written, instruction="Translate for a menu.")
    assert {one.instruction for one in wordings(PromptProgram.default(own), own).values()} == {own.instruction, ""}


def test_what_an_input_template_says_is_kept(spec: TaskSpec) -> None:
    own = replace(spec, input_template="Ticket of a customer: {text}")
    found = wordings(PromptProgram.default(own), own)
    assert all("Ticket of a customer: {text}" in one.template for one in found.values())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "classification"])
def test_written_kinds_have_wordings_too(kind: Kind) -> None:
    written, _rows = task_of(kind)
    program = PromptProgram.default(written)
    found = wordings(program, written)
    assert len(found) >= 3
    assert {one.template for one in found.values()} == {program.template}


def test_label_words_come_apart_and_stay_different() -> None:
    found = label_wordings({"AddToPlaylist": "AddToPlaylist", "RateBook": "RateBook"})
    assert found["apart, small letters"] == {"AddToPlaylist": "add to playlist", "RateBook": "rate book"}
    assert found["small letters"] == {"AddToPlaylist": "addtoplaylist", "RateBook": "ratebook"}
    assert list(label_wordings({"us": "US", "we": "us"})) == ["as given", "capitals"], "US and us must not become one"
    assert list(label_wordings({"1": "1", "2": "2"})) == ["as given"]


# ----------------------------------------------------------------------------------------------------------- population


def test_the_usual_prompts_come_first_and_nothing_twice(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    population = Population(begin(spec, None), rows, spec, tiny, seed=3)
    found = population.fixed()
    firsts = [(one.program.layout, len(one.shown)) for one in found[:4]]
    assert firsts == [("chat", 8), ("chat", 0), ("plain", 8), ("plain", 0)]
    assert all(one.near is None for one in found)
    settings = [str(sorted(one.settings.items())) for one in found]
    assert len(set(settings)) == len(settings) >= 40
    few_shot = get_method("few-shot").fit(spec, rows, [], model=tiny, metric=METRIC, effort=0.1, seed=3).candidate
    assert isinstance(few_shot, PromptedCandidate)
    draws = {tuple(rows[i].inputs["text"] for i in one.shown) for one in found[:4]}
    assert tuple(one.inputs["text"] for one in few_shot.program.demonstrations) in draws


def test_neighbours_stand_below_the_usual_words_and_below_the_best(
    spec: TaskSpec, rows: Rows, tiny: LocalModel
) -> None:
    population = Population(begin(spec, None), rows, spec, tiny, seed=3)
    usual, other = population.fixed()[0], population.fixed()[8]
    assert {one.program.layout for one in population.near(usual)} == {"chat", "plain"}
    assert other.settings["wording"] != "as it is"
    beside = population.near(other)
    assert len(beside) > len(population.near(usual))
    assert beside[-1].program.instruction == other.program.instruction
    assert beside[-1].program.template == other.program.template
    for one in beside:
        assert one.near is not None
        assert all(i not in near for i, near in enumerate(one.near)), "a neighbour is never the row itself"


def test_an_adapter_is_read_as_it_was_trained(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    fitted = get_method("lora").fit(spec, rows, [], model=tiny, metric=METRIC, effort=0.1, seed=3)
    assert isinstance(fitted.candidate, PromptedCandidate)
    population = Population(begin(spec, fitted.candidate), rows, spec, tiny, seed=3)
    found = [*population.fixed(), *population.near(population.fixed()[0])]
    assert {one.program.layout for one in found} == {fitted.candidate.program.layout}
    assert all(one.program.label_words == fitted.candidate.program.label_words for one in found)


# -------------------------------------------------------------------------------------------------------------- halving


def test_the_better_half_goes_on_and_no_row_is_scored_twice(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    judge = Judge(rows, list(range(len(rows))), spec, METRIC, tiny, corrects=True)
    proposals = Population(begin(spec, None), rows, spec, tiny, seed=3).fixed()[:12]
    alive, tried = halve(proposals, judge, Meter(tiny), 10**9)
    assert len(tried) == 12
    assert sum(len(one.rows) > RUNGS[0] for one in tried) == 6
    assert len(alive) == 4
    for one in tried:
        assert len(set(one.rows)) == len(one.rows) == len(one.values) == len(one.prompts)
        assert not set(one.rows) & set(one.proposal.shown), "a demonstration judges nothing"
    for one in alive:
        assert len(one.rows) == min(RUNGS[2], len(one.order))
    chosen = next(one for one in alive if one.proposal.near is None)
    prompts = prompt_tokens(chosen.proposal.program, [rows[i].inputs for i in chosen.rows], tiny)
    assert chosen.prompts == prompts, "in two rungs as in one"
    worse = [one.key for one in tried if len(one.rows) == RUNGS[0]]
    assert len(worse) == 6


def searched(
    spec: TaskSpec, rows: Rows, model: LocalModel, bound: float, begun: int = 0
) -> tuple[Judged, Judged, list[Judged]]:
    """Return the best fixed program after 16 rows, what a comparison with neighbours leaves, and the neighbours."""
    judge = Judge(rows, list(range(len(rows))), spec, METRIC, model, corrects=True)
    population, meter = Population(begin(spec, None), rows, spec, model, seed=3), Meter(model)
    fixed = judge.begin(population.fixed()[begun])
    judge.go_on(fixed, RUNGS[1])
    best, near = hold_against(fixed, population.near(fixed.proposal), judge, meter, bound)
    return fixed, best, near


@pytest.mark.parametrize("begun", range(12))
def test_neighbours_and_the_best_program_meet_on_the_same_rows(
    spec: TaskSpec, rows: Rows, tiny: LocalModel, begun: int
) -> None:
    fixed, best, near = searched(spec, rows, tiny, 10**9, begun)
    assert best in (fixed, *near)
    rival = max(near, key=lambda one: len(one.rows))
    both = set(rival.rows) & set(fixed.rows)
    assert len(rival.rows) == len(rows)
    assert len(both) == len(rows) - len(fixed.proposal.shown), "its demonstrations judge neither of the two"
    parts = [one.parts_on(sorted(both), rows) for one in (fixed, rival)]
    ahead, error = float((parts[0] - parts[1]).mean()), float((parts[0] - parts[1]).std(ddof=1)) / len(both) ** 0.5
    assert best is (fixed if ahead > error else rival), "the best of many on these rows has to lead by more than noise"
    assert sum(len(one.rows) > RUNGS[0] for one in near) == 2


def test_parts_of_rows_add_up_to_the_key_and_know_its_error(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    fixed, _, _ = searched(spec, rows, tiny, 10**9, 1)
    assert fixed.parts_on(list(fixed.rows), rows).mean() == pytest.approx(fixed.key)
    half = sorted(fixed.rows)[:12]
    assert fixed.parts_on(half, rows).mean() != pytest.approx(fixed.key)
    # The error of a mean plus an exponential of a mean, by resampling rows.
    draw = np.random.default_rng(0)
    best = max(fixed.choices, key=Choice.key)
    drawn = draw.integers(0, len(best.rows), (4000, len(best.rows)))
    keys = best.scores[drawn].mean(axis=1) + np.exp(best.log_likelihoods[drawn].mean(axis=1))
    parts = fixed.parts_on(list(fixed.rows), rows)
    assert parts.std(ddof=1) / len(parts) ** 0.5 == pytest.approx(keys.std(), rel=0.15)


def test_without_passes_one_neighbour_is_looked_at_and_no_more(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    _, _, near = searched(spec, rows, tiny, 0)
    assert [len(one.rows) for one in near] == [RUNGS[0]]


@pytest.mark.parametrize("effort", [0.2, 1.0, 3.0])
def test_a_search_keeps_to_its_token_passes(spec: TaskSpec, rows: Rows, tiny: LocalModel, effort: float) -> None:
    bound = allowance(PromptProgram.default(spec), rows, tiny, effort)
    method = get_method("prompt-search")
    fitted = method.fit(spec, rows, [r.inputs for r in rows], model=tiny, metric=METRIC, effort=effort, seed=1)
    assert fitted.token_passes < 1.5 * bound + 3000, "the first programs are looked at in any case"
    assert len(fitted.tried) >= 4
    assert all(one.settings["rows"] for one in fitted.tried)
    assert fitted.dev_score is not None


def test_more_effort_looks_at_more_programs(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    method = get_method("prompt-search")
    n = [
        len(method.fit(spec, rows, [], model=tiny, metric=METRIC, effort=effort, seed=1).tried) for effort in (0.3, 3.0)
    ]
    assert n[0] < n[1]


def test_where_answers_are_written_the_likeliest_program_is_taken(tiny: LocalModel) -> None:
    spec, rows = task_of("translation")
    metric = get_metric(spec.metric)
    fitted = get_method("prompt-search").fit(spec, rows, [], model=tiny, metric=metric, effort=1.0, seed=1)
    keys = [float(str(one.settings["key"])) for one in fitted.tried]
    chosen = [one for one in fitted.tried if one.dev_score is not None]
    assert len(chosen) == 1
    assert int(str(chosen[0].settings["rows"])) >= RUNGS[1]
    assert float(str(chosen[0].settings["key"])) >= np.median(keys)
    assert np.isfinite(keys).all()
