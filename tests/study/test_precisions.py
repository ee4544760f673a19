"""A study in several precisions, and within a bound on memory."""

from __future__ import annotations

import copy
import gc
from pathlib import Path

import pytest
import torch

from crossover import api
from crossover.errors import OptionError
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model
from crossover.records import TrialRecord
from crossover.study import resident_bytes
from tests.small import save_tiny, write_rows
from tests.test_api import Heard, arms


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="module")
def model(base: Path) -> str:
    return str(save_tiny(base / "tiny-model"))


class Counting(Heard):
    """Looks, whenever something begins or ends, how many models there are."""

    def __init__(self) -> None:
        super().__init__()
        self.models: list[tuple[str, ...]] = []
        self.before = {id(model) for model in self._all()}
        """Models of other tests."""

    @staticmethod
    def _all() -> list[LocalModel]:
        return [found for found in gc.get_objects() if type(found) is LocalModel]

    def _look(self) -> None:
        self.models.append(tuple(m.identity.precision for m in self._all() if id(m) not in self.before))

    def cell_started(self, method: str, budget: int, seed: int) -> None:
        super().cell_started(method, budget, seed)
        self._look()

    def cell_finished(self, record: TrialRecord) -> None:
        super().cell_finished(record)
        self._look()


@pytest.fixture(scope="module")
def precise(base: Path, model: str) -> tuple[api.Study, Counting]:
    """A study in two precisions, and what was heard of it."""
    folder = base / "precise"
    folder.mkdir()
    heard = Counting()
    study = api.compare(
        write_rows(folder / "tickets.csv", 45),
        model=model,
        methods=["majority", "zero-shot", "lora"],
        budgets=[0, 8],
        seeds=2,
        effort=0.05,
        precision=["fp32", "nf4", "fp32"],
        study=folder / "study",
        listener=heard,
    )
    return study, heard


def test_each_precision_makes_arms_and_what_needs_no_model_runs_once(precise: tuple[api.Study, Counting]) -> None:
    study, heard = precise
    named = {f"{m}:{p}" for m in ("zero-shot@0", "zero-shot@8", "lora@8") for p in ("fp32", "nf4")}
    assert arms(study) == named | {"majority@8"}
    assert all(record.error is None for record in study.records())
    assert [cell for cell in heard.started if cell[0] == "majority"] == [("majority", 8, 0), ("majority", 8, 1)]
    assert {name for name, _, _ in heard.started if name != "majority"} == {
        f"{method} · {p}" for method in ("zero-shot", "lora") for p in ("fp32", "nf4")
    }
    by_precision = {a.arm: a.precision for a in study.verdict().arms}
    assert by_precision["lora@8:nf4"] == "nf4"
    scores = {
        p: [r.measurement.results[0].margin for r in study.records() if r.key.precision == p and r.measurement]
        for p in ("fp32", "nf4")
    }
    assert scores["fp32"] != scores["nf4"], "the weights do differ"


def test_one_model_is_in_memory_at_a_time(precise: tuple[api.Study, Counting]) -> None:
    _, heard = precise
    assert set(heard.models) == {("fp32",), ("nf4",)}


def test_the_first_precision_is_what_the_verdict_is_about(precise: tuple[api.Study, Counting]) -> None:
    study, heard = precise
    verdict = study.verdict()
    assert {verdict.primary.prompt_arm, verdict.primary.weights_arm} <= {
        "zero-shot@0:fp32", "zero-shot@8:fp32", "lora@8:fp32"
    }  # fmt: skip
    assert verdict.recommended is not None
    assert not verdict.recommended.endswith(":nf4")
    assert ("precision", "the verdict is about fp32; arms in nf4 stand beside it, corrected") in heard.notes


def test_a_study_is_extended_by_a_precision_and_resumed_without_loading_it(
    precise: tuple[api.Study, Counting], model: str
) -> None:
    study, _ = precise

    def again(precision: list[str], methods: list[str]) -> tuple[api.Study, Counting]:
        heard = Counting()
        done = api.compare(
            study.folder.parent / "tickets.csv",
            model=model,
            methods=methods,
            budgets=[0, 8],
            seeds=2,
            effort=0.05,
            precision=precision,
            study=study.folder,
            listener=heard,
        )
        return done, heard

    _, heard = again(["fp32", "nf4"], ["majority", "zero-shot", "lora"])
    assert heard.started == []
    assert len(heard.finished) == len(study.records())
    assert set(heard.models) == {("fp32",)}, "nothing was left to run in nf4"
    extended, heard = again(["int8"], ["majority", "zero-shot"])
    assert sorted(heard.started) == [("zero-shot", 0, 0), ("zero-shot", 8, 0), ("zero-shot", 8, 1)]
    assert {"zero-shot@0:int8", "zero-shot@8:int8"} <= arms(extended)
    assert "the verdict is about fp32" in dict(heard.notes)["precision"], "as declared in the first run"
    assert extended.verdict().primary.prompt_arm in {"zero-shot@0:fp32", "zero-shot@8:fp32"}


def test_an_arm_in_nf4_is_loaded_as_it_was_measured(precise: tuple[api.Study, Counting], tmp_path: Path) -> None:
    from crossover.bundle import write  # noqa: PLC0415

    study, _ = precise
    memo = study._memo()
    record = next(r for r in study.records() if (r.key.method, r.key.precision) == ("lora", "nf4"))
    assert record.candidate is not None
    assert record.measurement is not None
    model = {**memo.model, "precision": "nf4"}
    write._write(tmp_path, study._store.candidate(record.candidate), record, study.verdict(), memo.spec, model)
    answers = [p.answer for p in api.load(tmp_path).predict([example.inputs for example in memo.test])]
    assert answers == [result.answer for result in record.measurement.results]


def test_time_that_is_up_leaves_the_next_precision_out(tmp_path: Path, model: str) -> None:
    heard = Counting()
    done = api.compare(
        write_rows(tmp_path / "tickets.csv", 45),
        model=model,
        methods=["majority", "lora"],
        budgets=[8],
        seeds=2,
        effort=100,
        precision=["fp32", "int8"],
        time_limit=10,
        study=tmp_path / "study",
        listener=heard,
    )
    assert ("lora · fp32", 8) in [(method, budget) for method, budget, _ in heard.out]
    assert ("lora · int8", 8) in [(method, budget) for method, budget, _ in heard.out]
    assert arms(done) == {"majority@8"}


@pytest.fixture
def wider(tmp_path: Path) -> str:
    """A random model whose training takes hundreds of MB on a long row, where its reading takes some dozens."""
    tiny = tiny_model()
    config = copy.deepcopy(tiny._network.config)
    config.hidden_size, config.intermediate_size, config.num_hidden_layers, config.head_dim = 256, 512, 8, 64
    with torch.random.fork_rng():
        type(tiny._network)(config).save_pretrained(tmp_path / "wider")
    tiny._chat._tokenizer.save_pretrained(tmp_path / "wider")
    return str(tmp_path / "wider")


def test_what_does_not_fit_into_memory_is_left_out_beforehand(tmp_path: Path, wider: str) -> None:
    data = write_rows(tmp_path / "tickets.csv", 45)
    data.write_text(data.read_text() + f"{'word ' * 300},refund\n")
    heard = Heard()
    done = api.compare(
        data,
        model=wider,
        methods=["majority", "zero-shot", "lora"],
        budgets=[8],
        seeds=1,
        effort=0.05,
        precision="fp32",
        memory=resident_bytes() + 200_000_000,
        study=tmp_path / "study",
        listener=heard,
    )
    assert [(method, budget) for method, budget, _ in heard.out] == [("lora", 8)]
    assert heard.out[0][2].startswith("needs about ")
    assert arms(done) == {"majority@8", "zero-shot@8"}


def test_a_bound_below_the_model_leaves_no_study(tmp_path: Path, model: str) -> None:
    data = write_rows(tmp_path / "tickets.csv", 45)
    with pytest.raises(OptionError, match=r"--memory 30 MB is too little for .* in fp32"):
        api.compare(data, model=model, precision="fp32", memory=30_000_000, study=tmp_path / "study")
    assert {path.name for path in tmp_path.iterdir()} == {"tickets.csv"}
