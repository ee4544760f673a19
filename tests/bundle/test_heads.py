"""A head's adapter lies in its bundle in PEFT's layout, and answers from there as before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from crossover.bundle import load_bundle
from crossover.bundle.layout import MANIFEST, file_hashes
from crossover.bundle.write import _write, pack_candidate
from crossover.candidate import Candidate, HeadCandidate, predict
from crossover.candidate.head import ADAPTER, head_tokens
from crossover.errors import BundleError
from crossover.model.load import load_model
from crossover.model.tiny import tiny_model
from crossover.records import TaskSpec
from tests.candidate.made import candidates
from tests.model.plain import plain_states
from tests.small import whole_study

ROWS = [{"text": "my card was stolen"}, {"text": "when does the parcel come"}, {"text": ""}]
CONFIG, WEIGHTS = "adapter/adapter_config.json", "adapter/adapter_model.safetensors"


@pytest.fixture(scope="module")
def made(spec: TaskSpec) -> dict[str, Candidate]:
    return candidates(spec)


@pytest.fixture
def write(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Candidate], Path]:
    """Return what writes a candidate into a bundle, in place of the head of a study with the tiny model."""
    study = whole_study(tmp_path_factory.getbasetemp())
    record = next(r for r in study.records() if r.key.method == "head")
    memo = study._memo()

    def into(candidate: Candidate) -> Path:
        folder = tmp_path / "bundle"
        folder.mkdir()
        _write(folder, candidate, record, study.verdict(), memo.spec, memo.model)
        return folder

    return into


@pytest.mark.parametrize("name", ["head", "head, adapted"])
def test_a_bundle_gives_the_same_head_back(
    made: dict[str, Candidate], write: Callable[[Candidate], Path], name: str
) -> None:
    folder = write(made[name])
    own = load_file(folder / "weights.safetensors")
    assert own.keys() == {"mean", "scale", "weights", "bias"}
    assert (folder / WEIGHTS).exists() == (name == "head, adapted")
    bundle = load_bundle(folder)
    model = load_model(bundle.manifest["model"]["name"], precision="fp32")
    assert bundle.candidate.parts().config == made[name].parts().config
    expected = predict(made[name], ROWS, model)
    assert bundle.predict(ROWS) == expected
    if name == "head, adapted":
        assert [p.margin for p in expected] != [p.margin for p in predict(made["head"], ROWS, model)]


def test_peft_reads_the_adapter_by_itself(made: dict[str, Candidate], write: Callable[[Candidate], Path]) -> None:
    folder = write(made["head, adapted"])
    base = tiny_model()
    tokens = head_tokens(base, ROWS[0], ("text",))
    wrapped = PeftModel.from_pretrained(tiny_model()._network, str(folder / "adapter"))
    with base.adapted(made["head, adapted"].adapter):
        ours = base.embed([tokens])[0]
    network = wrapped.get_base_model()
    assert isinstance(network, PreTrainedModel)
    np.testing.assert_allclose(ours, plain_states(network, tokens), atol=1e-4)


def rehashed(folder: Path) -> Path:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "files": file_hashes(folder)}))
    return folder


def test_an_adapter_that_does_not_fit_is_refused(
    made: dict[str, Candidate], write: Callable[[Candidate], Path]
) -> None:
    folder = write(made["head, adapted"])
    whole = load_file(folder / WEIGHTS)
    save_file({name: torch.zeros_like(weights) for name, weights in whole.items()}, folder / WEIGHTS)
    with pytest.raises(BundleError, match="the adapter is all zero"):
        load_bundle(rehashed(folder))
    save_file(whole, folder / WEIGHTS)
    own = load_file(folder / "weights.safetensors")
    save_file({**own, **{ADAPTER + name: weights for name, weights in whole.items()}}, folder / "weights.safetensors")
    shutil.rmtree(folder / "adapter")
    with pytest.raises(BundleError, match="must be there together"):
        load_bundle(rehashed(folder))


def test_an_adapter_that_changes_nothing_is_not_packed(
    made: dict[str, Candidate], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    study = whole_study(tmp_path_factory.getbasetemp())
    memo = study._memo()
    head = made["head, adapted"]
    assert isinstance(head, HeadCandidate)
    assert head.adapter is not None
    zeros = {name: torch.zeros_like(weights) for name, weights in head.adapter.weights.items()}
    with pytest.raises(BundleError, match="the adapter is all zero"):
        pack_candidate(
            tmp_path / "bundle",
            candidate=replace(head, adapter=replace(head.adapter, weights=zeros)),
            record=next(r for r in study.records() if r.key.method == "head"),
            verdict=study.verdict(),
            spec=memo.spec,
            test=[],
            model=memo.model,
        )
    assert not list(tmp_path.iterdir())
