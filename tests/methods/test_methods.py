"""What single methods do with their labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from crossover.candidate import ConstantCandidate, PromptedCandidate, PromptProgram
from crossover.candidate.prompted import prompt_tokens
from crossover.errors import TrialError
from crossover.methods import Fitted, get_method, method_names
from crossover.methods.choosing import Choice, prior_of
from crossover.methods.effort import Meter, allowance
from crossover.methods.frozen import choose_prior, label_scores
from crossover.metrics import get_metric
from crossover.model.base import Capability, LanguageModel
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from crossover.records import KINDS, Example, Inputs, Kind, TaskSpec
from tests.methods.recording import RecordingModel
from tests.methods.reflecting import ready

METRIC = get_metric("accuracy")
Rows = tuple[Example, ...]


def fit(
    name: str,
    spec: TaskSpec,
    rows: Rows,
    model: LanguageModel | None,
    *,
    unlabelled: tuple[Inputs, ...] = (),
    effort: float = 0.3,
) -> Fitted:
    return get_method(name).fit(spec, rows, unlabelled, model=model, metric=METRIC, effort=effort, seed=2)


def test_memory_that_ran_out_is_recorded(spec: TaskSpec, rows: Rows) -> None:
    model = tiny_model()

    def look(_module: object, args: tuple[torch.Tensor, ...]) -> None:
        if torch.is_grad_enabled() and args[0].shape[1] > 300:
            raise torch.OutOfMemoryError("out of memory")

    handle = model._network.model.layers[0].register_forward_pre_hook(look)
    short = fit("lora", spec, rows, model)
    handle.remove()
    plenty = fit("lora", spec, rows, model)
    settings = dict(short.tried[0].settings)
    assert settings.pop("out_of_memory") == 1
    assert settings.pop("micro_batches") in range(2, 9)
    assert settings == dict(plenty.tried[0].settings)
    assert short.token_passes > plenty.token_passes, "the shared beginning is computed in each part"


# ----------------------------------------------------------------------------------------------------------- unsuitable


@pytest.mark.parametrize(
    ("name", "budget", "able", "expected"),
    [
        ("lora", 32, {"score", "train"}, None),
        ("lora", 3, {"score", "train"}, "lora needs at least 4 labels, the budget is 3"),
        ("lora", 32, {"score"}, "lora needs a model that can train"),
        ("lora", 32, None, "lora needs a model that can score, train"),
        ("lora+few-shot", 7, {"score", "train"}, "lora+few-shot needs at least 8 labels, the budget is 7"),
        ("majority", 0, None, "majority needs at least 1 label, the budget is 0"),
        ("majority", 1, None, None),
        ("zero-shot", 0, {"score"}, None),
        ("zero-shot", 0, {"embed"}, "zero-shot needs a model that can score"),
        ("head", 8, {"score"}, "head needs a model that can embed"),
        ("linear", 8, None, None),
    ],
)
def test_why_a_method_cannot_serve(
    spec: TaskSpec, name: str, budget: int, able: set[str] | None, expected: str | None
) -> None:
    capabilities = None if able is None else frozenset(able)
    assert get_method(name).unsuitable(spec, budget, capabilities) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("name", method_names())
@pytest.mark.parametrize("kind", KINDS)
def test_another_kind_is_refused(spec: TaskSpec, name: str, kind: Kind) -> None:
    able = frozenset[Capability]({"score", "embed", "train", "train all weights", "generate"})
    method = ready(name)
    reason = method.unsuitable(replace(spec, kind=kind), 32, able)
    if kind in method.kinds:
        assert reason is None
    else:
        assert reason == f"{name} is for {', '.join(method.kinds)}, not for {kind}"


@pytest.mark.parametrize("name", [name for name in method_names() if get_method(name).needs])
def test_no_model_is_a_failed_trial(spec: TaskSpec, rows: Rows, name: str) -> None:
    with pytest.raises(TrialError, match="needs a language model"):
        fit(name, spec, rows[:16], None)


# -------------------------------------------------------------------------------- dev rows are judged before they teach


@pytest.mark.parametrize("name", ["lora", "lora+few-shot"])
def test_dev_rows_are_not_trained_on_before_they_are_scored(spec: TaskSpec, rows: Rows, name: str) -> None:
    model = RecordingModel()
    fitted = fit(name, spec, rows, model)
    trained: set[tuple[int, ...]] = set()
    n_scored = 0
    for event in model.events:
        if event.what == "begin":
            trained = set()
        elif event.what == "train":
            trained |= event.prompts
        elif trained:
            assert not event.prompts & trained, "a dev row was trained on before it was scored"
            n_scored += len(event.prompts)
    assert n_scored >= 4
    assert fitted.dev_score is not None
    assert isinstance(fitted.candidate, PromptedCandidate)
    program = fitted.candidate.program
    every = set(prompt_tokens(program, [row.inputs for row in rows], model))
    asked_below_others = trained - every
    assert len(asked_below_others) <= len(program.demonstrations), "a demonstration is asked below the others"
    if name == "lora":
        assert trained == every, "in the end no label is lost to choosing"


@pytest.mark.parametrize("name", ["few-shot", "knn-few-shot"])
def test_a_dev_row_is_never_its_own_demonstration(spec: TaskSpec, rows: Rows, name: str) -> None:
    model = RecordingModel()
    fitted = fit(name, spec, rows, model, effort=1.0)
    tokenizer = model._chat._tokenizer
    texts = [row.inputs["text"] for row in rows]
    prompts = [str(tokenizer.decode(list(p))) for event in model.events for p in event.prompts]
    assert len(prompts) >= 20
    for prompt in prompts:
        head, asked_mark, asked = prompt.rpartition("Text: ")
        assert asked_mark or name == "knn-few-shot", "only what is embedded stands without its template"
        if asked_mark:
            (text,) = [text for text in texts if asked.startswith(f"{text}\nLabel:")]
            assert f"Text: {text}\n" not in head
    assert len(fitted.tried) >= 6, "two layouts and three priors"
    assert fitted.dev_score is not None
    assert 0 <= fitted.dev_score <= 1


def test_lora_lowers_what_it_gets_wrong(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    fitted = fit("lora", spec, rows, tiny, effort=1.0)
    assert isinstance(fitted.candidate, PromptedCandidate)
    assert fitted.candidate.prior is None, "a trained arm's prior is never corrected"
    with fitted.candidate.opened(tiny) as predictor:
        adapted = predictor([row.inputs for row in rows])
    with PromptedCandidate(program=fitted.candidate.program).opened(tiny) as predictor:
        frozen = predictor([row.inputs for row in rows])
    right = [sum(p.answer == row.target for p, row in zip(ps, rows, strict=True)) for ps in (frozen, adapted)]
    assert right[1] >= right[0]
    assert [p.margin for p in frozen] != [p.margin for p in adapted]


# --------------------------------------------------------------------------------------------------------------- priors


def test_without_labels_the_prior_is_corrected(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    program = PromptProgram.default(spec)
    unlabelled = [row.inputs for row in rows[:10]]
    candidate, tried, dev = choose_prior(program, [], unlabelled, spec, METRIC, tiny)
    expected = prior_of(label_scores(program, unlabelled, tiny), list(program.label_words))
    assert candidate.prior == pytest.approx(dict(expected), abs=1e-4)
    assert dev is None
    assert [(t.settings, t.dev_score) for t in tried] == [({"layout": "chat", "prior": "corrected"}, None)]


def test_without_any_input_there_is_no_prior(spec: TaskSpec, tiny: LocalModel) -> None:
    candidate, _, dev = choose_prior(PromptProgram.default(spec), [], [], spec, METRIC, tiny)
    assert (candidate.prior, dev) == (None, None)


def test_with_labels_the_best_of_layouts_and_priors_is_taken(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    labelled = rows[:12]
    candidate, tried, dev = choose_prior(
        PromptProgram.default(spec), labelled, [row.inputs for row in rows[12:]], spec, METRIC, tiny
    )
    priors = ("as it is", "corrected", "corrected to the labels' frequencies")
    assert [(t.settings["layout"], t.settings["prior"]) for t in tried] == [
        (layout, prior) for layout in ("chat", "plain") for prior in priors
    ]
    scores = label_scores(candidate.program, [row.inputs for row in labelled], tiny)
    shift = [candidate.prior[label] if candidate.prior else 0.0 for label in candidate.program.label_words]
    chosen = Choice.of(scores - np.array(shift), labelled, spec.labels, spec, METRIC)
    alike = [t for t in tried if t.settings["layout"] == candidate.program.layout]
    assert any(t.dev_score == pytest.approx(chosen.score) for t in alike)
    assert dev is not None
    assert dev <= max(t.dev_score for t in tried if t.dev_score is not None)


def test_near_is_what_agrees_with_the_labels(spec: TaskSpec, rows: Rows, tiny: LocalModel) -> None:
    fitted = fit("knn-few-shot", spec, rows[:16], tiny)
    assert isinstance(fitted.candidate, PromptedCandidate)
    retrieval = fitted.candidate.program.retrieval
    assert retrieval is not None
    assert {t.settings["near_by"] for t in fitted.tried} == {retrieval.by}


# ------------------------------------------------------------------------------------------------------------ baselines


def test_majority_takes_the_most_frequent_and_the_tasks_first_of_equals(spec: TaskSpec, rows: Rows) -> None:
    refunds = tuple(row for row in rows if row.target == "refund")
    assert fit("majority", spec, (*rows[:3], *refunds), None).candidate == ConstantCandidate(answer="refund")
    assert fit("majority", spec, rows, None).candidate == ConstantCandidate(answer="delivery")
    assert fit("majority", spec, rows[1:3], None).candidate == ConstantCandidate(answer="refund")


def test_linear_learns_from_words(spec: TaskSpec, rows: Rows) -> None:
    fitted = fit("linear", spec, rows, None)
    with fitted.candidate.opened(None) as predictor:
        answers = [p.answer for p in predictor([{"text": "the refund of my money"}, {"text": "password and account"}])]
    assert answers == ["refund", "log_in"]


def test_linear_without_a_word_is_a_failed_trial(spec: TaskSpec, rows: Rows) -> None:
    with pytest.raises(TrialError, match="the labelled texts hold no words to count"):
        fit("linear", spec, tuple(replace(row, inputs={"text": "?!"}) for row in rows), None)


@pytest.mark.parametrize("name", ["linear", "head"])
def test_one_label_alone_can_be_fitted(spec: TaskSpec, rows: Rows, tiny: LocalModel, name: str) -> None:
    only = tuple(row for row in rows if row.target == "log_in")
    fitted = fit(name, spec, only, tiny)
    with fitted.candidate.opened(tiny) as predictor:
        assert {p.answer for p in predictor([row.inputs for row in rows])} == {"log_in"}


# --------------------------------------------------------------------------------------------------------------- effort


def test_effort_is_counted_in_token_passes(spec: TaskSpec, rows: Rows) -> None:
    model = RecordingModel()
    meter = Meter(model)
    model.score([(1, 2, 3)], [(4,)])
    assert meter.token_passes == 3
    assert meter.seconds > 0
    assert Meter(None).token_passes == 0
    program = PromptProgram.default(spec)
    one = allowance(program, rows, model, 1.0)
    assert allowance(program, rows, model, 2.0) == pytest.approx(2 * one, abs=1)
    fitted = fit("lora", spec, rows, model, effort=1.0)
    assert 0.5 * one < fitted.token_passes < 1.5 * one, "effort 1 is one default LoRA fit"
