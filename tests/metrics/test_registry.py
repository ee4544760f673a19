"""Metrics are found by name: ours, and another package's by entry point."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from crossover.errors import OptionError
from crossover.metrics import default_metric, get_metric, metric_names

PLUGIN = """
from crossover.metrics import Metric

class Length(Metric):
    name = "length"
    kinds = ("generation",)
    def score(self, answer, target, spec): return float(len(answer) == len(target))
    def lenient(self, answer, target, spec): return self.score(answer, target, spec)
    def aggregate(self, answers, targets, spec): return {}
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


def test_the_default_for_classification_is_accuracy() -> None:
    assert default_metric("classification").name == "accuracy"


def test_a_kind_without_a_metric_is_refused() -> None:
    with pytest.raises(OptionError, match="kind chat has no metric yet"):
        default_metric("chat")


def test_an_unknown_metric_lists_the_known_ones() -> None:
    with pytest.raises(OptionError) as caught:
        get_metric("acuracy")
    assert caught.value.message == 'there is no metric "acuracy".'
    assert caught.value.details == ("metrics: accuracy", 'did you mean "accuracy"?')


@pytest.mark.usefixtures("plugin")
def test_another_package_adds_a_metric_that_is_loaded_when_asked_for() -> None:
    assert metric_names() == ("accuracy", "length", "broken")
    assert "length_metric" not in sys.modules
    assert get_metric("length").kinds == ("generation",)
    del sys.modules["length_metric"]


@pytest.mark.usefixtures("plugin")
def test_a_plugin_that_does_not_load_is_named_and_ours_cannot_be_replaced() -> None:
    with pytest.raises(OptionError, match='metric "broken" of length_metric:Nothing does not load: AttributeError'):
        get_metric("broken")
    assert type(get_metric("accuracy")).__name__ == "Accuracy"
    sys.modules.pop("length_metric", None)
