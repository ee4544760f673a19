"""Methods one after the other."""

from __future__ import annotations

import pytest

from crossover.candidate import PromptedCandidate, PromptProgram
from crossover.errors import OptionError, TrialError
from crossover.methods import Shape, get_method
from crossover.methods.choosing import folds
from crossover.methods.conformance import check
from crossover.methods.effort import allowance
from crossover.methods.start import begin
from crossover.metrics import get_metric
from crossover.model.local import LocalModel
from crossover.records import Example, TaskSpec
from tests.methods.recording import RecordingModel

METRIC = get_metric("accuracy")
Rows = tuple[Example, ...]


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("zero-shot/lora", "both"),
        ("few-shot/lora", "both"),
        ("knn-few-shot/lora", "both"),
        ("lora/few-shot", "both"),
        ("lora/knn-few-shot", "both"),
        ("prompt-search/few-shot", "prompt"),
        ("few-shot/distill", "both"),
    ],
)
def test_any_path_conforms(tiny: LocalModel, spec: TaskSpec, rows: Rows, name: str, family: str) -> None:
    method = get_method(name)
    assert (method.name, method.family) == (name, family)
    check(method, tiny, spec, rows)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lora/head", '"head" cannot go on from "lora": it can only be the first step.'),
        ("lora/lora", '"lora" cannot go on from "lora": it goes on from prompt methods.'),
        ("linear/lora", '"lora" cannot go on from "linear": it goes on from prompt methods.'),
        ("lora/", 'there is no method "".'),
        ("lora/promt-search", 'there is no method "promt-search".'),
    ],
)
def test_what_cannot_follow_is_refused(name: str, expected: str) -> None:
    with pytest.raises(OptionError) as caught:
        get_method(name)
    assert str(caught.value).splitlines()[0] == expected


def test_a_step_goes_on_from_what_the_one_before_left(tiny: LocalModel, spec: TaskSpec, rows: Rows) -> None:
    def fit(name: str, start: PromptedCandidate | None = None) -> PromptedCandidate:
        fitted = get_method(name).fit(
            spec, rows[:16], [row.inputs for row in rows], model=tiny, metric=METRIC, effort=0.2, seed=1, start=start
        )
        assert isinstance(fitted.candidate, PromptedCandidate)
        return fitted.candidate

    prompt = fit("few-shot")
    trained = fit("lora", prompt)
    assert trained.program == prompt.program, "layout, demonstrations and all"
    assert trained.adapter is not None
    again = fit("few-shot", trained)
    assert again.adapter is trained.adapter
    assert again.prior is None, "a trained arm's prior is never corrected"
    assert again.program.layout == trained.program.layout, "an adapter is read in the layout that it learned"


def test_a_head_is_nothing_to_go_on_from(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    head = get_method("head").fit(spec, rows, [], model=tiny, metric=METRIC, effort=1, seed=0).candidate
    with pytest.raises(TrialError, match="goes on from a prompt or an adapter, not from a head candidate"):
        begin(spec, head)


def test_what_chooses_after_training_has_labels_of_its_own(spec: TaskSpec, rows: Rows) -> None:
    """On rows that were trained on every prompt looks right."""
    model = RecordingModel()
    method = get_method("prompt-search/lora/prompt-search")
    fitted = method.fit(spec, rows, [row.inputs for row in rows], model=model, metric=METRIC, effort=1.0, seed=1)
    begun = next(place for place, event in enumerate(model.events) if event.what == "begin")
    trained: set[str] = set()
    judged: set[str] = set()
    texts = {row.inputs["text"] for row in rows}
    tokenizer = model._chat._tokenizer
    last = max(place for place, event in enumerate(model.events) if event.what == "train")
    for place, event in enumerate(model.events[begun:], start=begun):
        for prompt in event.prompts:
            asked = str(tokenizer.decode(list(prompt)))
            found = max((text for text in texts if text in asked), key=asked.rfind)
            if event.what == "train":
                trained.add(found)
            elif place > last:
                judged.add(found)
    held = {rows[i].inputs["text"] for i in folds(rows, 3, 1)[0]}
    assert len(trained) >= 12
    assert judged
    assert trained <= texts - held, "two thirds of the labels; how many of them depends on the prompt's length"
    assert judged <= held
    assert fitted.labels_used == len(rows)
    steps = list(dict.fromkeys(str(one.settings["step"]) for one in fitted.tried))
    assert steps == ["1: prompt-search", "2: lora", "3: prompt-search"]


def test_a_sequence_divides_its_effort(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    bound = allowance(PromptProgram.default(spec), rows, tiny, 1.0)
    method = get_method("prompt-search/lora")
    fitted = method.fit(spec, rows, [row.inputs for row in rows], model=tiny, metric=METRIC, effort=1.0, seed=1)
    assert 0.5 * bound < fitted.token_passes < 1.4 * bound


def test_a_sequence_costs_what_its_steps_cost_and_is_measured_once() -> None:
    shape = Shape(prefix=50, row=20, answer_tree=6, answer=3, n_test=400)
    whole = get_method("zero-shot/lora").cost(shape, 32, 3.0)
    lora = get_method("lora").cost(shape, 32, 2.0)
    assert whole.trained == lora.trained
    assert lora.read < whole.read < lora.read + 400 * 20


def test_the_first_reason_is_the_sequences(spec: TaskSpec) -> None:
    method = get_method("prompt-search/lora")
    assert method.unsuitable(spec, 32, frozenset({"score"})) == "prompt-search/lora: lora needs a model that can train"
    assert method.unsuitable(spec, 8, frozenset({"score", "train"})) == (
        "prompt-search/lora needs at least 12 labels, the budget is 8"
    )
