from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from crossover import api
from crossover.api.telling import lengths_of
from crossover.bundle.layout import MANIFEST
from crossover.bundle.write import pack_candidate
from crossover.candidate import PromptedCandidate
from crossover.errors import BundleError, DataError, OptionError, StudyError, UserError
from crossover.listener import Silent
from crossover.methods import default_methods, get_method
from crossover.model.base import Adapter
from crossover.records import FAMILIES, Prices, TrialRecord
from crossover.task import Task
from crossover.verdict import decide, with_economics
from tests.small import BUDGETS, EFFORT, SEEDS, save_tiny, whole_study, write_rows


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="module")
def study(base: Path) -> api.Study:
    return whole_study(base)


@pytest.fixture(scope="module")
def model(base: Path) -> str:
    return str(save_tiny(base / "tiny-model"))


class Heard(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []
        self.started: list[tuple[str, int, int]] = []
        self.finished: list[TrialRecord] = []
        self.out: list[tuple[str, int, str]] = []

    def note(self, about: str, text: str) -> None:
        self.notes.append((about, text))

    def cell_started(self, method: str, budget: int, seed: int) -> None:
        self.started.append((method, budget, seed))

    def cell_finished(self, record: TrialRecord) -> None:
        self.finished.append(record)

    def left_out(self, method: str, budget: int, reason: str) -> None:
        self.out.append((method, budget, reason))


def arms(study: api.Study) -> set[str]:
    return {arm.arm for arm in study.verdict().arms}


# ------------------------------------------------------------------------------------------------------------ compare


def test_all_methods_are_measured(study: api.Study) -> None:
    records = study.records()
    assert all(record.error is None for record in records)
    methods = [get_method(name) for name in default_methods("classification")]
    expected = {f"{m.name}@{budget}" for m in methods for budget in BUDGETS if budget >= max(m.min_budget, 1)}
    assert arms(study) == expected | {"zero-shot@0"}
    assert {arm.family for arm in study.verdict().arms} == set(FAMILIES)
    assert all(arm.seeds == (SEEDS if arm.budget else 1) for arm in study.verdict().arms)
    for record in records:
        assert record.labels_used <= record.key.budget
        assert (record.key.model == "") == (record.family == "baseline")


def test_the_verdict_is_the_same_when_computed_again(study: api.Study) -> None:
    opened = api.open_study(study.folder)
    assert opened.to_json() == study.to_json()
    assert (
        opened.verdict()
        == study.verdict()
        == with_economics(decide(study.records()[::-1], study.verdict().task), Prices())
    )


def test_again_nothing_new_is_run(study: api.Study, model: str) -> None:
    heard = Heard()
    again = api.compare(
        study.folder.parent / "tickets.csv",
        model=model,
        budgets=BUDGETS,
        seeds=SEEDS,
        effort=EFFORT,
        precision="fp32",
        study=study.folder,
        listener=heard,
    )
    assert heard.started == []
    assert len(heard.finished) == len(study.records())
    assert again.to_json() == study.to_json()


def test_more_budgets_seeds_methods_wordings_and_answers_extend_it(tmp_path: Path, model: str) -> None:
    data = write_rows(tmp_path / "tickets.csv", 45)
    folder = tmp_path / "study"

    def go_on(**options: Any) -> tuple[api.Study, list[tuple[str, int, int]]]:  # noqa: ANN401
        heard = Heard()
        settings = {"budgets": [0, 8], "seeds": 1, "methods": ["majority", "zero-shot"], **options}
        task = Task.from_file(data, instruction=settings.pop("instruction", None))
        done = api.compare(task, model=model, effort=EFFORT, precision="fp32", study=folder, listener=heard, **settings)
        return done, heard.started

    first, ran = go_on()
    assert sorted(ran) == [("majority", 8, 0), ("zero-shot", 0, 0), ("zero-shot", 8, 0)]
    assert go_on(budgets=[0, 8, 12])[1] == [("majority", 12, 0), ("zero-shot", 12, 0)]
    assert sorted(go_on(seeds=2)[1]) == [("majority", 8, 1), ("zero-shot", 8, 1)]
    assert go_on(methods=["linear"], budgets=[8])[1] == [("linear", 8, 0)]
    before = arms(first)
    assert before == {"majority@8", "majority@12", "zero-shot@0", "zero-shot@8", "zero-shot@12", "linear@8"}

    # Other words: what reads them runs again, and only the present words count.
    changed, ran = go_on(instruction="Which team is it for?")
    assert sorted(ran) == [("zero-shot", 0, 0), ("zero-shot", 8, 0)]
    assert arms(changed) == {"majority@8", "majority@12", "zero-shot@0", "zero-shot@8", "linear@8"}
    assert go_on()[1] == []
    assert arms(first) == before

    prompt = tmp_path / "mine.txt"
    prompt.write_text("Ticket: {text}\nOne of {labels}:")
    answers = tmp_path / "today.csv"
    rows = Task.from_file(data).test
    answers.write_text("prediction\n" + "".join(f"{row.target}\n" for row in rows))
    extended, ran = go_on(prompts=[prompt], predictions=[answers])
    assert sorted(ran) == [("prompt:mine", 0, 0), ("prompt:mine", 8, 0)]
    assert arms(extended) == before | {"prompt:mine@0", "prompt:mine@8", "predictions:today@0"}
    today = next(arm for arm in extended.verdict().arms if arm.method == "predictions:today")
    assert (today.score, today.family, today.model) == (1.0, "baseline", "")
    with pytest.raises(StudyError, match="predictions:today@0 cannot be packed: it left no candidate"):
        extended.pack(tmp_path / "bundle", arm="predictions:today@0")
    prompt.write_text("{text}\nLabel:")
    assert sorted(go_on(prompts=[prompt])[1]) == [("prompt:mine", 0, 0), ("prompt:mine", 8, 0)]
    assert "predictions:today@0" in arms(extended)

    write_rows(data, 45, seed=9)
    with pytest.raises(StudyError, match="is a study of other data"):
        go_on()


def test_a_time_limit_leaves_out_and_says_so(tmp_path: Path, model: str) -> None:
    heard = Heard()
    done = api.compare(
        write_rows(tmp_path / "tickets.csv", 45),
        model=model,
        methods=["majority", "head", "lora"],
        budgets=[8],
        seeds=2,
        effort=100,
        precision="fp32",
        time_limit=10,
        study=tmp_path / "study",
        listener=heard,
    )
    assert [(method, budget) for method, budget, _ in heard.out] == [("lora", 8)]
    assert "majority@8" in arms(done)
    assert "lora@8" not in arms(done)


def test_a_row_that_is_too_long_is_named_and_nothing_is_left(tmp_path: Path, model: str) -> None:
    data = write_rows(tmp_path / "tickets.csv", 45)
    data.write_text(data.read_text() + f"{'word ' * 500},refund\n")
    with pytest.raises(
        DataError, match=r"tickets\.csv, row 47 is 2,\d\d\d tokens long, its answer up to \d; .* reads 2,048"
    ):
        api.compare(data, model=model, budgets=[0], seeds=1, study=tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_demonstrations_that_do_not_fit_are_one_arms_failure(tmp_path: Path, model: str) -> None:
    data = tmp_path / "tickets.csv"
    rows = write_rows(data, 45).read_text().splitlines()
    data.write_text("\n".join([rows[0], *(f"{'long ' * 60}{row}" for row in rows[1:])]))
    done = api.compare(
        Task.from_file(data, test=write_rows(tmp_path / "test.csv", 20, seed=5)),
        model=model,
        methods=["majority", "few-shot"],
        budgets=[16],
        seeds=1,
        study=tmp_path / "study",
    )
    errors = {record.key.method: record.error for record in done.records()}
    assert errors["majority"] is None
    assert "tokens long" in str(errors["few-shot"])
    assert "reads 2,048" in str(errors["few-shot"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seeds": 0}, "--seeds 0"),
        ({"effort": 0.0}, "--effort 0"),
        ({"effort": float("nan")}, "--effort nan"),
        ({"time_limit": 3.0}, "--time-limit 3 s"),
        ({"methods": ["lorra"]}, 'no method "lorra"'),
        ({"budgets": [9999]}, "budget 9,999"),
        ({"budgets": [0], "methods": ["lora"]}, "lora needs at least"),
        ({"precision": "fp8"}, 'precision "fp8"'),
        ({"model": "no-such-model"}, 'no model "no-such-model"'),
    ],
)
def test_what_cannot_be_leaves_no_study(tmp_path: Path, model: str, options: dict[str, Any], said: str) -> None:
    data = write_rows(tmp_path / "tickets.csv", 45)
    with pytest.raises(UserError, match=said):
        api.compare(data, study=tmp_path / "study", **{"model": model, **options})
    assert {path.name for path in tmp_path.iterdir()} == {"tickets.csv"}


def test_two_arms_of_one_name(tmp_path: Path, model: str) -> None:
    data = write_rows(tmp_path / "tickets.csv", 45)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("{text}")
    with pytest.raises(OptionError, match="two arms have the name prompt:mine"):
        api.compare(data, model=model, prompts=[tmp_path / "a" / "mine.txt", tmp_path / "b" / "mine.txt"])


def test_the_page(study: api.Study, tmp_path: Path) -> None:
    page = study.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert page[:15].lower() == "<!doctype html>"
    assert "lora+few-shot" in page
    without = study.report(tmp_path / "short.html", examples=False).read_text(encoding="utf-8")
    assert len(without) < len(page)
    with pytest.raises(OptionError, match="cannot be written"):
        study.report(tmp_path / "nowhere" / "report.html")
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "short.html"}


# --------------------------------------------------------------------------------------------------------------- pack


def test_packed_in_a_fresh_process_and_loaded(study: api.Study, tmp_path: Path) -> None:
    bundle = study.pack(tmp_path / "bundle", arm="lora+few-shot@16")
    files = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert files == {
        MANIFEST,
        "README.md",
        "prompt.yaml",
        "demos.jsonl",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"bundle"}
    opened = api.load(bundle)
    assert opened.target_field == "label"
    assert opened.predict([{"text": "where is my parcel"}])[0].answer in study.verdict().task.labels
    with pytest.raises(BundleError, match="row 1 has no 'text'"):
        opened.predict([{"subject": "x"}])


def test_every_kind_of_arm_is_answered_as_recorded(
    study: api.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The fresh process takes seconds to import torch: here the same comparison in this one.
    memo = study._memo()
    rows = [example.inputs for example in memo.test]
    for method, budget in [*((name, 16) for name in default_methods("classification")), ("zero-shot", 0)]:
        record = next(r for r in study.records() if (r.key.method, r.key.budget) == (method, budget))
        assert record.candidate is not None
        assert record.measurement is not None
        monkeypatch.setattr("crossover.bundle.write.REPLAYED", 0)
        folder = tmp_path / f"{method}-{budget}".replace("/", ".")
        folder.mkdir()
        from crossover.bundle import write  # noqa: PLC0415

        write._write(
            folder,
            study._store.candidate(record.candidate),
            record,
            study.verdict(),
            memo.spec,
            memo.model,
        )
        answers = [p.answer for p in api.load(folder).predict(rows)]
        assert answers == [result.answer for result in record.measurement.results], method


@pytest.mark.trust
@pytest.mark.parametrize("arm", [*(f"{name}@16" for name in default_methods("classification")), "zero-shot@0"])
def test_every_arm_packs(study: api.Study, tmp_path: Path, arm: str) -> None:
    assert (study.pack(tmp_path / "bundle", arm=arm) / MANIFEST).is_file()


def test_recorded_answers_that_do_not_come_back_are_refused(study: api.Study, tmp_path: Path) -> None:
    copy = tmp_path / "study"
    shutil.copytree(study.folder, copy)
    connection = sqlite3.connect(copy / "study.sqlite")
    with connection:
        for key, text in connection.execute("SELECT key, record FROM trial").fetchall():
            record = json.loads(text)
            if record["key"]["method"] == "majority" and record["measurement"]:
                record["measurement"]["results"][4]["answer"] = "login"
                connection.execute("UPDATE trial SET record = ? WHERE key = ?", (json.dumps(record), key))
    connection.close()
    with pytest.raises(BundleError, match=r"gives other answers on 1 of \d+ test rows; nothing was packed") as error:
        api.open_study(copy).pack(tmp_path / "bundle", arm="majority@16")
    assert "recorded 'login', now 'refund'" in error.value.details[0]
    assert {path.name for path in tmp_path.iterdir()} == {"study"}


@pytest.mark.parametrize(
    ("value", "said"), [(0.0, "all zero"), (float("nan"), "not finite"), (float("inf"), "not fin")]
)
def test_a_dead_adapter_is_refused(study: api.Study, tmp_path: Path, value: float, said: str) -> None:
    record = next(r for r in study.records() if r.key.method == "lora")
    assert record.candidate is not None
    candidate = study._store.candidate(record.candidate)
    assert isinstance(candidate, PromptedCandidate)
    assert candidate.adapter is not None
    weights = {n: torch.full_like(w, value) if "lora_B" in n else w for n, w in candidate.adapter.weights.items()}
    dead = replace(candidate, adapter=Adapter(config=candidate.adapter.config, weights=weights))
    memo = study._memo()
    with pytest.raises(BundleError, match=said):
        pack_candidate(
            tmp_path / "bundle",
            candidate=dead,
            record=record,
            verdict=study.verdict(),
            spec=memo.spec,
            test=memo.test,
            model=memo.model,
        )
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_a_bundle_is_replaced(study: api.Study, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    (tmp_path / "thesis" / MANIFEST).write_text("{}")
    with pytest.raises(BundleError, match="exists and is no bundle"):
        study.pack(tmp_path / "thesis", arm="majority@16")
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"
    with pytest.raises(StudyError, match=r"(?s)no arm 'lora@17'.*did you mean lora@16\?"):
        study.pack(tmp_path / "b", arm="lora@17")


# ------------------------------------------------------------------------------------------------------------ predict


@pytest.fixture(scope="module")
def linear_bundle(study: api.Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from crossover.bundle import write  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("linear") / "bundle"
    folder.mkdir()
    record = next(r for r in study.records() if r.key.method == "linear")
    assert record.candidate is not None
    memo = study._memo()
    write._write(folder, study._store.candidate(record.candidate), record, study.verdict(), memo.spec, memo.model)
    return folder


def test_predict_writes_csv_and_jsonl(linear_bundle: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text('text,=note,predicted_label\nwant a refund,=1+1,old\n"password, lost",@SUM(A1),old\n')
    assert api.predict_file(linear_bundle, rows, tmp_path / "out.csv") == 2
    with (tmp_path / "out.csv").open(newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == ["text", "'=note", "predicted_label"]
    assert [row[1] for row in found[1:]] == ["'=1+1", "'@SUM(A1)"]
    assert {row[2] for row in found[1:]} <= {"refund", "shipping", "login"}
    assert api.predict_file(linear_bundle, rows, tmp_path / "out.jsonl") == 2
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["=note"] for line in lines] == ["=1+1", "@SUM(A1)"]
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", "out.csv", "out.jsonl"}


def test_predict_says_what_is_wrong(linear_bundle: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("body\nhello\n")
    with pytest.raises(DataError, match=r'rows\.csv has no column "text"'):
        api.predict_file(linear_bundle, rows)
    rows.write_text("text\nhello\n")
    with pytest.raises(OptionError, match="ending"):
        api.predict_file(linear_bundle, rows, tmp_path / "out.xlsx")
    with pytest.raises(OptionError, match="no such folder"):
        api.predict_file(linear_bundle, rows, tmp_path / "nowhere" / "out.csv")


def test_a_bundle_wants_the_model_that_it_was_measured_with(study: api.Study, tmp_path: Path) -> None:
    from crossover.bundle import write  # noqa: PLC0415

    record = next(r for r in study.records() if r.key.method == "zero-shot")
    assert record.candidate is not None
    memo = study._memo()
    other = {**memo.model, "sha256": "0" * 64}
    write._write(tmp_path, study._store.candidate(record.candidate), record, study.verdict(), memo.spec, other)
    with pytest.raises(BundleError, match="was measured with another"):
        api.load(tmp_path).predict([{"text": "hello"}])


def test_without_examples_prompt_files_are_left_out() -> None:
    given = {"default": "Classify.", "prompt:mine": "Like SENTINEL: yes"}
    kept = lengths_of(given, but=("default",))
    assert kept == {"default": "Classify.", "prompt:mine": "(left out: 18 characters)"}
