from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.candidate import ConstantCandidate
from crossover.errors import StudyError
from crossover.records import Configuration, ExampleResult, Latency, Measurement, TrialKey, TrialRecord
from crossover.study import StudyKey, StudyStore
from crossover.study.codec import record_from_json, record_to_json

KEY = TrialKey(method="lora", budget=8, seed=1, model="tiny", precision="fp32", wording="abc")
STUDY = StudyKey(data_sha256="d" * 64, model="tiny", model_sha256="m" * 64)

numbers = st.floats(allow_nan=False)
shares = st.none() | st.floats(0, 1)
texts = st.text()
results = st.builds(
    ExampleResult,
    example_id=texts,
    answer=st.none() | texts,
    score=shares,
    lenient_score=shares,
    margin=st.none() | numbers,
    prompt_tokens=st.integers(0),
    output_tokens=st.integers(0),
    error=st.none() | texts,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
records = st.builds(
    TrialRecord,
    key=st.builds(
        TrialKey,
        method=texts,
        budget=st.integers(0),
        seed=st.integers(0),
        model=texts,
        precision=texts,
        effort=numbers,
        wording=texts,
    ),
    family=st.sampled_from(["baseline", "prompt", "weights", "both"]),
    source_precision=st.none() | texts,
    dev_score=shares,
    tried=st.lists(
        st.builds(
            Configuration,
            settings=st.dictionaries(texts, json_values, max_size=3),
            dev_score=shares,
            token_passes=st.integers(0),
        ),
        max_size=3,
    ).map(tuple),
    labels_used=st.integers(0),
    token_passes=st.integers(0),
    fit_seconds=numbers,
    measurement=st.none()
    | st.builds(
        Measurement,
        results=st.lists(results, max_size=4).map(tuple),
        latency=st.none() | st.builds(Latency, p50=numbers, p95=numbers),
        seconds=numbers,
        peak_memory_mb=st.none() | numbers,
        retention=shares,
        call_joules=st.none() | numbers,
        single_call_joules=st.none() | numbers,
    ),
    fit_joules=st.none() | numbers,
    energy_source=st.none() | st.sampled_from(["rapl", "nvml", "estimated"]),
    candidate=st.none() | texts,
    error=st.none() | texts,
)


@given(records)
def test_a_record_survives_json(record: TrialRecord) -> None:
    assert record_from_json(json.loads(json.dumps(record_to_json(record)))) == record


def test_a_record_without_energy_is_read_as_one_that_nobody_measured() -> None:
    measured = Measurement(results=(), latency=None, seconds=1.0, call_joules=2.0, single_call_joules=3.0)
    value = record_to_json(TrialRecord(key=KEY, family="weights", measurement=measured, fit_joules=1.0))
    for name in ("fit_joules", "energy_source"):
        del value[name]
    for name in ("call_joules", "single_call_joules"):
        del value["measurement"][name]
    old = record_from_json(value)
    assert (old.fit_joules, old.energy_source) == (None, None)
    assert old.measurement == Measurement(results=(), latency=None, seconds=1.0)


@pytest.fixture
def store(tmp_path: Path) -> StudyStore:
    return StudyStore.open(tmp_path / "study", create=True)


def test_a_trial_is_written_once(store: StudyStore) -> None:
    first = TrialRecord(key=KEY, family="weights", labels_used=8, error='a "quote" and \ud800')
    store.finish(first)
    store.finish(replace(first, labels_used=4))
    assert StudyStore.open(store.folder).finished() == {KEY: first}


def test_attempts_are_counted_and_taken_back(store: StudyStore) -> None:
    other = replace(KEY, seed=2)
    assert [store.attempt(KEY), store.attempt(KEY), store.attempt(other)] == [1, 2, 1]
    store.withdraw(KEY)
    assert [store.attempt(KEY), store.attempt(other)] == [2, 2]
    store.withdraw(replace(KEY, seed=3))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"data_sha256": "e" * 64}, "study of other data .or split.: sha256 dddddddddddddddd…, now eeeeeeeeeeeeeeee…"),
        ({"model": "/a/long/path/to/other"}, "study of other model: tiny, now /a/long/path/to/other"),
        ({"model_sha256": "n" * 64}, "study of other model file: sha256 mmmmmmmmmmmmmmmm…, now nnnnnnnnnnnnnnnn…"),
    ],
)
def test_a_study_of_something_else_is_refused_by_name(store: StudyStore, changed: dict[str, str], said: str) -> None:
    store.claim(STUDY)
    store.claim(STUDY)
    with pytest.raises(StudyError, match=said):
        store.claim(replace(STUDY, **changed))
    assert store.get("key") == asdict(STUDY)


def test_a_newer_schema_is_refused_and_left_alone(store: StudyStore) -> None:
    store.put("schema", 2)
    with pytest.raises(StudyError, match=r"has schema 2, this release reads 1\.\nupgrade crossover-lm"):
        StudyStore.open(store.folder, create=True)
    connection = sqlite3.connect(store.folder / "study.sqlite")
    assert connection.execute("SELECT value FROM study WHERE name = 'schema'").fetchall() == [("2",)]
    connection.close()


def test_no_study_there(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"holds no study: there is no study\.sqlite"):
        StudyStore.open(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot be made"):
        StudyStore.open(tmp_path / "file", create=True)


@pytest.mark.parametrize("damage", ["no database", "header", "pages", "cut", "record"])
def test_a_damaged_file_is_said_to_be_damaged(store: StudyStore, damage: str) -> None:
    for seed in range(40):
        store.finish(TrialRecord(key=replace(KEY, seed=seed), family="weights", error="x" * 500))
    file = store.folder / "study.sqlite"
    whole = file.read_bytes()
    if damage == "record":
        connection = sqlite3.connect(file)
        with connection:
            connection.execute("UPDATE trial SET record = '{\"key\": 1}'")
        connection.close()
    else:
        file.write_bytes(
            {
                "no database": b"this is text " * 100,
                "header": b"\0" * 100 + whole[100:],
                "pages": whole[:4096] + b"\xff" * (len(whole) - 4096),
                "cut": whole[: len(whole) // 2],
            }[damage]
        )
    with pytest.raises(StudyError, match=r"cannot be (opened|read)"):
        StudyStore.open(store.folder).finished()


def test_a_candidate_is_kept_by_its_content(store: StudyStore) -> None:
    digest = store.keep_candidate(ConstantCandidate(answer="refund"))
    assert store.keep_candidate(ConstantCandidate(answer="refund")) == digest
    assert store.keep_candidate(ConstantCandidate(answer="login")) != digest
    assert store.candidate(digest) == ConstantCandidate(answer="refund")
    file = store.folder / "candidates" / digest / "candidate.json"
    file.write_text(file.read_text().replace("refund", "login"))
    with pytest.raises(StudyError, match="is missing or was changed"):
        store.candidate(digest)
    assert not list((store.folder / "candidates").glob(".new-*"))


def test_one_process_writes(store: StudyStore) -> None:
    left = store.folder / "candidates" / ".new-left"
    left.mkdir(parents=True)
    with store.writing():
        assert not left.exists()
        with pytest.raises(StudyError, match="is in use"), StudyStore.open(store.folder).writing():
            pass
    with StudyStore.open(store.folder).writing():
        pass


def test_others_on_the_machine_cannot_read_the_rows(store: StudyStore) -> None:
    store.put("memo", "test rows")
    assert (store.folder / "study.sqlite").stat().st_mode & 0o077 == 0
