"""Metrics are found by name and by kind: ours, and another package's by entry point."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from crossover.errors import OptionError
from crossover.metrics import get_metric, metric_for, metric_names
from crossover.metrics.registry import _OF_KIND, _OURS
from crossover.records import KINDS, Kind

PLUGIN = """
from crossover.metrics import Metric

class Length(Metric):
    name = "length"
    kinds = ("generation",)
    def score(self, answer, example, spec): return float(len(answer) in map(len, example.answers))
    def lenient(self, answer, example, spec): return self.score(answer, example, spec)
    def aggregate(self, answers, examples, spec): return {}
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that is installed for real: a module and its metadata on the path."""
    (tmp_path / "length_metric.py").write_text(PLUGIN)
    info = tmp_path / "length_metric-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: length-metric\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[crossover.metrics]\nlength = length_metric:Length\n"
        "broken = length_metric:Nothing\naccuracy = length_metric:Length\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("classification", "accuracy"),
        ("extraction", "field_f1"),
        ("qa", "token_f1"),
        ("math", "numeric_match"),
        ("summarization", "rouge_l"),
        ("translation", "chrf"),
        ("chat", "rouge_l"),
        ("generation", "rouge_l"),
    ],
)
def test_each_kind_has_a_default(kind: Kind, name: str) -> None:
    assert metric_for(kind).name == metric_names(kind)[0] == name


def test_rows_with_rules_are_scored_by_them_in_chat_and_generation() -> None:
    by_rules = {kind for kind in KINDS if metric_for(kind, has_checks=True).name == "rules"}
    assert by_rules == {"chat", "generation"}
    assert metric_for("chat", "rouge_1", has_checks=True).name == "rouge_1"


def test_the_table_of_kinds_is_what_the_metrics_say() -> None:
    for name in _OURS:
        assert {kind for kind in KINDS if name in _OF_KIND[kind]} == set(get_metric(name).kinds), name
        assert get_metric(name).name == name
        assert get_metric(name) is get_metric(name)


@pytest.mark.parametrize(
    ("kind", "name", "message", "details"),
    [
        (
            "classification",
            "acuracy",
            'there is no metric "acuracy".',
            ("metrics for classification: accuracy", 'did you mean "accuracy"?'),
        ),
        (
            "summarization",
            "rougeL",
            'there is no metric "rougeL".',
            ("metrics for summarization: rouge_l, rouge_1, rouge_2, rules", 'did you mean "rouge_l"?'),
        ),
        (
            "translation",
            "BLEU",
            'there is no metric "BLEU".',
            ("metrics for translation: chrf", "BLEU is no score of a single answer: it stands beside chrf"),
        ),
        (
            "classification",
            "macro-f1",
            'there is no metric "macro-f1".',
            (
                "metrics for classification: accuracy",
                "macro-f1 is no score of a single answer: it stands beside accuracy",
            ),
        ),
        ("qa", "zzz", 'there is no metric "zzz".', ("metrics for qa: token_f1, exact_match, choice_accuracy",)),
        (
            "qa",
            "chrf",
            'metric "chrf" does not score qa; it scores translation.',
            (
                "metrics for qa: token_f1, exact_match, choice_accuracy",
                "leave --metric away for token_f1, or say --kind translation if the task is one",
            ),
        ),
    ],
)
def test_a_metric_that_is_unknown_or_unsuited_is_refused(
    kind: Kind, name: str, message: str, details: tuple[str, ...]
) -> None:
    with pytest.raises(OptionError) as caught:
        metric_for(kind, name)
    assert caught.value.message == message
    assert caught.value.details == details


def test_an_unknown_metric_lists_the_known_ones() -> None:
    with pytest.raises(OptionError) as caught:
        get_metric("acuracy")
    assert caught.value.message == 'there is no metric "acuracy".'
    assert caught.value.details == ("metrics: " + ", ".join(_OURS), 'did you mean "accuracy"?')


@pytest.mark.usefixtures("plugin")
def test_another_package_adds_a_metric_that_is_loaded_when_asked_for() -> None:
    assert metric_names()[-2:] == ("length", "broken")
    assert "length_metric" not in sys.modules
    assert get_metric("length").kinds == ("generation",)
    assert metric_for("generation", "length").name == "length"
    with pytest.raises(OptionError, match="does not score qa; it scores generation"):
        metric_for("qa", "length")
    del sys.modules["length_metric"]


@pytest.mark.usefixtures("plugin")
def test_a_plugin_that_does_not_load_is_named_and_ours_cannot_be_replaced() -> None:
    with pytest.raises(OptionError, match='metric "broken" of length_metric:Nothing does not load: AttributeError'):
        get_metric("broken")
    assert type(get_metric("accuracy")).__name__ == "Accuracy"
    sys.modules.pop("length_metric", None)


def test_a_metric_is_imported_when_it_is_asked_for() -> None:
    code = """
import sys
import crossover.metrics
slow = {"nltk", "sacrebleu", "scipy", "jsonschema", "numpy", "sklearn"}
print(sorted(slow & sys.modules.keys()))
crossover.metrics.metric_for("classification"), crossover.metrics.metric_names()
print(sorted(slow & sys.modules.keys()))
crossover.metrics.metric_for("translation")
print("sacrebleu" in sys.modules)
"""
    source = Path(__file__).resolve().parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(source)!r})\n{code}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.split("\n")[:3] == ["[]", "[]", "True"]
