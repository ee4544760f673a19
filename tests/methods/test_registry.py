"""Methods by name: ours, and those of packages that are installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crossover.errors import OptionError
from crossover.methods import default_methods, get_method, method_names, named_methods
from crossover.methods.baseline.majority import Majority
from crossover.methods.conformance import check
from crossover.model.local import LocalModel
from crossover.records import KINDS, Example, Kind, TaskSpec

OURS = (
    *("majority", "constant", "copy-input", "lead", "nearest", "linear"),
    *("zero-shot", "few-shot", "knn-few-shot", "diverse-few-shot", "prompt-search"),
    *("cot", "self-consistency", "gepa"),
    *("head", "head-contrastive", "lora", "qlora", "full", "ia3", "prompt-tuning"),
    *("lora+few-shot", "lora+knn-few-shot", "distill"),
    *("prompt-search/lora", "lora/prompt-search", "prompt-search/lora/prompt-search"),
)

PLUGIN = '''
from crossover.candidate import ConstantCandidate
from crossover.methods import Cost, Fitted, Method
from crossover.records import Configuration


class First(Method):
    """Always the task's first label."""

    name = "first-label"
    family = "baseline"
    summary = "always the first label"

    def fit(self, spec, labelled, unlabelled, *, model, metric, effort, seed, start=None):
        tried = (Configuration(settings={}, dev_score=None),)
        return Fitted(candidate=ConstantCandidate(answer=spec.labels[0]), tried=tried, dev_score=None,
                      labels_used=0, token_passes=0, seconds=0.0)

    def cost(self, shape, budget, effort):
        return Cost()


def explode():
    raise RuntimeError("no licence")
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that is installed for real: a module and its metadata on the path."""
    (tmp_path / "first_label.py").write_text(PLUGIN)
    info = tmp_path / "first_label-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: first-label\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[crossover.methods]\n"
        "first-label = first_label:First\n"
        "another-name = first_label:First\n"
        "broken = first_label:Nothing\n"
        "exploding = first_label:explode\n"
        "missing = not_installed:Method\n"
        "other = pathlib:Path\n"
        "lora = first_label:First\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("first_label", None)


def test_ours_are_these() -> None:
    assert method_names() == OURS
    assert [get_method(name).name for name in OURS] == list(OURS)


def test_words_stand_for_several_methods() -> None:
    unasked = default_methods("classification")
    assert named_methods(["default"], "classification") == unasked
    assert named_methods(["lora", "default", "lora"], "classification")[0] == "lora"
    assert set(named_methods(["lora", "default"], "classification")) == set(unasked)
    assert set(named_methods(["all"], "classification")) == {
        name for name in OURS if "classification" in get_method(name).kinds
    }
    assert named_methods(["no-such-method"], "classification") == ("no-such-method",)


@pytest.mark.parametrize("kind", KINDS)
def test_a_study_runs_what_suits_its_kind(kind: Kind) -> None:
    names = default_methods(kind)
    unasked = [name for name in OURS if get_method(name).is_default]
    assert [name for name in unasked if kind in get_method(name).kinds] == list(names)
    assert {get_method(name).family for name in names} == {"baseline", "prompt", "weights", "both"}
    if kind == "classification":
        assert names == (
            "majority", "linear", "zero-shot", "few-shot", "knn-few-shot", "diverse-few-shot", "prompt-search",
            "head", "head-contrastive", "lora", "lora+few-shot", "lora+knn-few-shot", "distill",
            "prompt-search/lora", "lora/prompt-search", "prompt-search/lora/prompt-search",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hint"),
    [("loar", "lora"), ("few_shot", "few-shot"), ("KNN", None), ("zero shot", "zero-shot"), ("qqq", None)],
)
def test_an_unknown_name_lists_the_known_and_guesses(name: str, hint: str | None) -> None:
    with pytest.raises(OptionError) as caught:
        get_method(name)
    assert caught.value.message == f'there is no method "{name}".'
    known, *hints = caught.value.details
    assert known == "methods: " + ", ".join(OURS)
    assert hints == ([f"did you mean {hint}?"] if hint else [])


@pytest.mark.usefixtures("plugin")
def test_another_package_adds_a_method_that_is_loaded_when_asked_for(
    tiny: LocalModel, spec: TaskSpec, rows: tuple[Example, ...]
) -> None:
    assert method_names() == (
        *OURS, "another-name", "broken", "exploding", "first-label", "missing", "other",
    )  # fmt: skip
    assert "first_label" not in sys.modules
    method = get_method("first-label")
    assert method.summary == "always the first label"
    check(method, tiny, spec, rows)


@pytest.mark.usefixtures("plugin")
def test_ours_cannot_be_replaced() -> None:
    assert type(get_method("lora")).__module__ == "crossover.methods.weights.lora"


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", 'method "broken" of first_label:Nothing does not load: AttributeError: '),
        ("exploding", 'method "exploding" of first_label:explode does not load: RuntimeError: no licence'),
        ("missing", 'method "missing" of not_installed:Method does not load: ModuleNotFoundError: '),
        ("other", 'method "other" of pathlib:Path is not a crossover.methods.Method of that name: '),
        ("another-name", 'method "another-name" of first_label:First is not a crossover.methods.Method of that name: '),
    ],
)
def test_a_package_that_gives_no_method_is_named(name: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        get_method(name)
    assert caught.value.message.startswith(message)


def test_every_call_gives_a_fresh_method() -> None:
    assert get_method("majority") is not get_method("majority")
    assert isinstance(get_method("majority"), Majority)
