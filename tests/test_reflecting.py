"""A reflector in a study: found at once, loaded when asked, kept in the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossover import api
from crossover.api.reflecting import beside_bytes, reflector_for
from crossover.errors import OptionError
from crossover.listener import Silent
from crossover.model.load import ModelSource, find_model
from crossover.model.one import OneModel
from crossover.model.tiny import tiny_model
from tests.small import EFFORT, save_tiny, write_rows


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    return find_model(str(save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    folder = tmp_path_factory.mktemp("another") / "model"
    model = tiny_model(seed=1, context_tokens=4096)
    model._network.save_pretrained(folder)
    model._chat._tokenizer.save_pretrained(folder)
    return find_model(str(folder))


class LeftOut(Silent):
    """Remembers what was left out, and why."""

    def __init__(self) -> None:
        self.out: dict[str, str] = {}

    def left_out(self, method: str, budget: int, reason: str) -> None:
        self.out[method] = reason


def test_a_model_that_reflects_on_itself_is_loaded_once(studied: ModelSource) -> None:
    models = OneModel(studied)
    reflector = reflector_for(studied, studied, models, "fp32")
    model = models.at("fp32")
    reply = reflector.reply("Say it better.", seed=0)
    assert reply is not None
    assert model.token_passes == reply.token_passes > 0
    assert models.loaded is model
    assert reflector.reply("Say it better.", seed=0) == reply
    assert reflector.reply("Say it better. " * 200, seed=0) is None
    assert beside_bytes(studied, studied, "fp32") == beside_bytes(None, studied, "fp32") == 0


def test_a_model_that_reflects_on_itself_does_so_in_the_precision_in_memory(studied: ModelSource) -> None:
    models = OneModel(studied)
    reflector = reflector_for(studied, studied, models, "fp32")
    model = models.at("bf16")
    assert reflector.reply("Say it better.", seed=0) is not None
    assert models.loaded is model
    assert model.token_passes > 0


def test_another_model_is_loaded_when_it_is_asked(studied: ModelSource, other: ModelSource) -> None:
    models = OneModel(studied)
    reflector = reflector_for(other, studied, models, "fp32")
    assert (reflector.name, reflector.sha256) == (other.name, other.sha256)
    assert reflector.reply("Say it better.", seed=0) is not None
    assert models.loaded is None
    assert beside_bytes(other, studied, "fp32") > 100_000


def test_gepa_takes_part_and_its_record_names_the_reflector(
    tmp_path: Path, studied: ModelSource, other: ModelSource
) -> None:
    data = write_rows(tmp_path / "tickets.csv")
    options = {"model": studied.where, "budgets": [16], "seeds": 1, "effort": EFFORT, "precision": "fp32"}
    done = api.compare(
        data,
        methods=["zero-shot", "gepa"],
        reflector=other.where,
        study=tmp_path / "study",
        **options,  # type: ignore[arg-type]  # of several types
    )
    (record,) = [one for one in done.records() if one.key.method == "gepa"]
    assert record.error is None
    assert {one.settings["reflector"] for one in record.tried if "instruction" in one.settings} == {other.where}
    assert {arm.method for arm in done.verdict().arms} == {"zero-shot", "gepa"}
    again = api.compare(
        data,
        methods=["gepa"],
        reflector=studied.where,
        study=tmp_path / "study",
        **options,  # type: ignore[arg-type]  # of several types
    )
    (second,) = [one for one in again.records() if one.key.method == "gepa"]
    assert second.key != record.key
    assert {one.settings["reflector"] for one in second.tried if "instruction" in one.settings} == {studied.where}


def test_all_names_what_nobody_can_rewrite(tmp_path: Path, studied: ModelSource) -> None:
    data, heard = write_rows(tmp_path / "tickets.csv"), LeftOut()
    api.compare(
        data,
        model=studied.where,
        methods=["all"],
        budgets=[0],
        seeds=1,
        precision="fp32",
        study=tmp_path / "study",
        listener=heard,
    )
    assert heard.out["gepa"].startswith("gepa needs a reflector, a stronger model that rewrites prompts: --reflector")


def test_by_name_and_without_a_reflector_it_is_an_error_with_other_ways(tmp_path: Path, studied: ModelSource) -> None:
    data = write_rows(tmp_path / "tickets.csv")
    with pytest.raises(OptionError) as caught:
        api.compare(data, model=studied.where, methods=["gepa"], study=tmp_path / "study")
    assert caught.value.message == "gepa needs a reflector, a stronger model that rewrites prompts: --reflector MODEL."
    assert caught.value.details == ("prompts without it: --methods zero-shot,few-shot,prompt-search",)
    with pytest.raises(OptionError) as caught:
        api.compare(data, model=studied.where, methods=["lora"], reflector=studied.where, study=tmp_path / "study")
    assert caught.value.message == f"--reflector {studied.where}: none of the methods that were named asks one."
    assert not (tmp_path / "study").exists()
