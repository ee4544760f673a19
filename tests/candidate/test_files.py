"""A candidate survives being saved and loaded; files that do not fit are refused, whatever is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossover.candidate import Candidate, CandidateParts, candidate_from_parts, load_candidate, predict, save_candidate
from crossover.candidate.head import ADAPTER
from crossover.errors import BundleError
from crossover.model.local import LocalModel
from crossover.records import Json, TaskSpec
from tests.candidate.made import NAMES, candidates, same_tensors

INPUTS = [
    {"text": "my parcel {is} lost"},
    {"text": ""},
    {"text": "Zürich money back\n\nplease"},
    {"text": "🙂 {{x}} {text}"},
]


@pytest.fixture(scope="module")
def made(spec: TaskSpec) -> dict[str, Candidate]:
    return candidates(spec)


@pytest.mark.parametrize("name", NAMES)
def test_parts_give_an_equal_candidate_back(made: dict[str, Candidate], tiny: LocalModel, name: str) -> None:
    candidate = made[name]
    parts = candidate.parts()
    again = candidate_from_parts(parts)
    assert type(again) is type(candidate)
    assert again.needs_model == candidate.needs_model
    assert again.parts().config == parts.config
    assert same_tensors(dict(again.parts().tensors), dict(parts.tensors))
    assert predict(again, INPUTS, tiny) == predict(candidate, INPUTS, tiny)


@pytest.mark.parametrize("name", NAMES)
def test_files_give_an_equal_candidate_back(
    made: dict[str, Candidate], tiny: LocalModel, tmp_path: Path, name: str
) -> None:
    save_candidate(made[name], tmp_path)
    again = load_candidate(tmp_path)
    assert predict(again, INPUTS, tiny) == predict(made[name], INPUTS, tiny)
    before, after = made[name].parts(), again.parts()
    assert json.dumps(before.config, sort_keys=True) == json.dumps(after.config, sort_keys=True)
    assert same_tensors(dict(before.tensors), dict(after.tensors))
    assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".safetensors"}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_answer_is_answered_by_nothing(made: dict[str, Candidate], tiny: LocalModel, name: str) -> None:
    assert predict(made[name], [], tiny) == []


@pytest.mark.parametrize("name", ["head", "head, adapted", "prompted", "prompted, adapted"])
def test_a_model_is_asked_for_where_it_is_needed(made: dict[str, Candidate], name: str) -> None:
    assert made[name].needs_model
    with pytest.raises(ValueError, match="needs its language model"):
        predict(made[name], INPUTS, None)


# -------------------------------------------------------------------------------------------------------- hostile files

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value inside a JSON value."""
    found = [path] if path else []
    if isinstance(value, Mapping):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


def put(value: Json, path: tuple[str | int, ...], new: Json) -> Json:
    """Return a copy with another value at a path."""
    if not path:
        return new
    if isinstance(value, Mapping):
        return {key: put(inner, path[1:], new) if key == path[0] else inner for key, inner in value.items()}
    assert isinstance(value, list | tuple)
    return [put(inner, path[1:], new) if index == path[0] else inner for index, inner in enumerate(value)]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(NAMES), new=json_values)
def test_an_ill_typed_value_is_refused_or_harmless(
    made: dict[str, Candidate], data: st.DataObject, name: str, new: Json
) -> None:
    parts = made[name].parts()
    path = data.draw(st.sampled_from(places(dict(parts.config))))
    config = put(dict(parts.config), path, new)
    assert isinstance(config, Mapping)
    try:
        candidate = candidate_from_parts(CandidateParts(type=parts.type, config=config, tensors=parts.tensors))
    except BundleError:
        return
    # What fits is a candidate: it says the same of itself again.
    json.dumps(candidate.parts().config)


@settings(max_examples=100)
@given(kind=st.sampled_from(["constant", "linear", "head", "prompted", "pickle"]), config=st.dictionaries(
    st.sampled_from(["answer", "fields", "labels", "vocabulary", "program", "prior", "adapter"]), json_values
))  # fmt: skip
def test_anything_else_is_refused(kind: str, config: dict[str, Json]) -> None:
    try:
        candidate = candidate_from_parts(CandidateParts(type=kind, config=config))
    except BundleError:
        return
    assert kind == "constant"
    assert candidate.parts().config == {"answer": config["answer"]}


@pytest.mark.parametrize(
    ("name", "tensor", "value"),
    [
        ("linear", "idf", torch.ones(5)),
        ("linear", "weights", torch.ones(3, 5)),
        ("linear", "weights", torch.ones(4, 4)),
        ("linear", "weights", torch.ones(12)),
        ("linear", "bias", torch.ones(2)),
        ("linear", "bias", torch.tensor([1.0, float("nan"), 0.0])),
        ("head", "mean", torch.ones(63)),
        ("head", "scale", torch.zeros(64)),
        ("head", "scale", torch.full((64,), float("inf"))),
        ("head", "weights", torch.ones(3, 64, dtype=torch.complex64)),
        ("head", "bias", torch.ones(3, 1)),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    made: dict[str, Candidate], name: str, tensor: str, value: torch.Tensor
) -> None:
    parts = made[name].parts()
    with pytest.raises(BundleError, match=f"the {name} candidate does not fit its type"):
        candidate_from_parts(
            CandidateParts(type=parts.type, config=parts.config, tensors={**parts.tensors, tensor: value})
        )
    without = {other: t for other, t in parts.tensors.items() if other != tensor}
    with pytest.raises(BundleError, match="does not fit its type"):
        candidate_from_parts(CandidateParts(type=parts.type, config=parts.config, tensors=without))


@pytest.mark.parametrize("missing", ["config", "tensors"])
def test_half_an_adapter_is_refused(made: dict[str, Candidate], missing: str) -> None:
    parts = made["head, adapted"].parts()
    config = {**parts.config, "adapter": None} if missing == "config" else parts.config
    tensors = {n: t for n, t in parts.tensors.items() if missing == "config" or not n.startswith(ADAPTER)}
    with pytest.raises(BundleError, match=r"'adapter' and tensors 'adapter/\.\.\.' must be there together"):
        candidate_from_parts(CandidateParts(type=parts.type, config=config, tensors=tensors))


def test_a_head_from_before_adapters_is_read(made: dict[str, Candidate], tiny: LocalModel) -> None:
    parts = made["head"].parts()
    config = {name: value for name, value in parts.config.items() if name != "adapter"}
    again = candidate_from_parts(CandidateParts(type=parts.type, config=config, tensors=parts.tensors))
    assert again.adapter is None
    assert predict(again, INPUTS, tiny) == predict(made["head"], INPUTS, tiny)


@pytest.mark.parametrize(
    ("path", "new", "message"),
    [
        (("program", "template"), "{text", "stands alone"),
        (("program", "template"), "{text.__class__}", "there is no field"),
        (("program", "template"), "{secret}", 'there is no field "secret"'),
        (("program", "label_words"), {}, "'answer_tokens' must be at least 1"),
        (("program", "demonstrations", 0, "target"), "unknown", "which has no words"),
        (("program", "demonstrations", 0, "inputs"), {}, "has no 'text'"),
        (("program", "retrieval"), {"k": 0, "by": "words", "pool": []}, "needs a pool"),
        (("program", "retrieval"), {"k": 1, "by": "luck", "pool": []}, "must be one of words, states"),
        (("program", "layout"), "song", "must be one of chat, plain"),
        (("program", "retrieval"), {"k": 1.5, "pool": []}, "must be a whole number"),
        (("program", "retrieval"), {"k": float("inf"), "pool": []}, "must be a finite number"),
        (("prior",), {"delivery": 0.0}, "a number for every label"),
        (("prior", "refund"), float("nan"), "must be a finite number"),
        (("prior", "refund"), 10**400, "must be a finite number"),
        (("prior", "refund"), True, "must be a number"),
    ],
)
def test_a_program_that_could_not_be_put_into_words_is_refused(
    made: dict[str, Candidate], path: tuple[str | int, ...], new: Json, message: str
) -> None:
    parts = made["prompted, shown"].parts()
    config = put(dict(parts.config), path, new)
    assert isinstance(config, Mapping)
    with pytest.raises(BundleError, match="the prompted candidate does not fit its type") as caught:
        candidate_from_parts(CandidateParts(type=parts.type, config=config, tensors=parts.tensors))
    assert message in str(caught.value)


def test_an_unknown_type_lists_the_known() -> None:
    with pytest.raises(BundleError) as caught:
        candidate_from_parts(CandidateParts(type="pickle", config={}))
    assert caught.value.message == "candidate type 'pickle' is unknown."
    assert caught.value.details == ("types: constant, copied, nearest, linear, head, prompted",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"\xff\xfe",
        b'{"type": ["constant"]}',
        b'{"type": null}',
        b"[" * 100_000,
        b'{"type": "head"}',
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "candidate.json").write_bytes(content)
    with pytest.raises(BundleError):
        load_candidate(tmp_path)


def test_missing_and_damaged_files_are_refused(made: dict[str, Candidate], tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        load_candidate(tmp_path)
    save_candidate(made["head"], tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(BundleError, match="cannot be read"):
        load_candidate(tmp_path)
    (tmp_path / "weights.safetensors").unlink()
    with pytest.raises(BundleError, match="does not fit its type"):
        load_candidate(tmp_path)
