"""The verdict as JSON."""

from __future__ import annotations

import json
from math import inf

import pytest

from crossover.errors import DataError
from crossover.records import Crossover, Interval
from crossover.verdict import decide, from_json, to_json
from tests.verdict.studies import arm, task, usual


def _text(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def test_keys_and_their_order() -> None:
    found = to_json(decide(usual(), task(200)))
    assert list(found) == [
        "schema",
        "decision",
        "recommended",
        "reasons",
        "task",
        "primary",
        "crossover",
        "detectable_difference",
        "further_test_examples",
        "unsettled",
        "break_even_calls",
        "margin",
        "more_labels",
        "arms",
        "economics",
    ]
    assert found["schema"] == "crossover.verdict/1"
    assert found["recommended"] == {"arm": "lora@64"}
    arms = found["arms"]
    assert isinstance(arms, list)
    assert isinstance(arms[0], dict)
    assert list(arms[0])[:9] == [
        "arm",
        "method",
        "family",
        "budget",
        "seeds",
        "model",
        "source_precision",
        "precision",
        "score",
    ]


def test_there_and_back() -> None:
    verdict = decide([*usual(), *arm("lora", "weights", 0.3, budget=8, n=200, dev=0.3)], task(200))
    value = to_json(verdict)
    again = from_json(json.loads(_text(value)))
    assert _text(to_json(again)) == _text(value)
    assert (again.decision, again.reasons, again.task) == (verdict.decision, verdict.reasons, verdict.task)


def test_an_empty_study_is_json_too() -> None:
    value = to_json(decide([], task()))
    assert from_json(json.loads(_text(value))) == decide([], task())


def test_what_is_infinite_or_unknown_is_null() -> None:
    verdict = decide(usual(), task(200))
    crossover = Crossover(
        labels=12.3456789,
        bound="exact",
        interval=Interval(low=-0.0000001, high=inf),
        prompt_method="few-shot",
        weights_method="lora",
    )
    changed = type(verdict)(
        **{name: getattr(verdict, name) for name in type(verdict).__dataclass_fields__} | {"crossover": crossover}
    )
    value = to_json(changed)
    assert _text(value["crossover"]) == (
        '{"labels": 12.345679, "bound": "exact", "interval": [0.0, null], '
        '"prompt_method": "few-shot", "weights_method": "lora"}'
    )
    found = from_json(json.loads(_text(value))).crossover
    assert found is not None
    assert found.interval == Interval(low=0.0, high=inf)


@pytest.mark.parametrize("value", [{}, {"schema": "crossover.verdict/9"}, {"schema": "crossover.verdict/1"}])
def test_something_else_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(DataError, match="verdict"):
        from_json(value)


def test_the_pair_that_is_open_is_kept() -> None:
    verdict = decide(usual(200, lora=0.58, both=0.58), task(200))
    assert verdict.unsettled is not None
    value = to_json(verdict)
    assert value["unsettled"] == list(verdict.unsettled)
    assert from_json(value).unsettled == verdict.unsettled
    assert from_json({key: one for key, one in value.items() if key != "unsettled"}).unsettled is None
    with pytest.raises(DataError, match="damaged"):
        from_json({**value, "unsettled": ["lora@64"]})
