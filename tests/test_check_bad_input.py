"""Bad input on the command line: each defect is said with its row, `check` and a study see the same."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from crossover import api, cli
from crossover.model.vocabulary import vocabulary_here
from crossover.task import Task
from tests.small import save_tiny, write_rows

WORDS = ["lamp", "river", "stone", "cloud", "paper", "horse", "glass"]


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def crossover(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Answer]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def call(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["crossover", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            cli.main()
        except SystemExit as error:
            code = error.code
        said = capsys.readouterr()
        return Answer(code if isinstance(code, int) else 0, said.out, said.err)

    return call


def text(i: int) -> str:
    return f"bring {i * 37} of {WORDS[i % 7]} and {WORDS[i * 3 % 5]} before day {i * i}"


def lines(path: Path, items: Sequence[object]) -> Path:
    path.write_text("\n".join(map(json.dumps, items)))
    return path


def test_json_has_what_was_set_aside_with_its_words(crossover: Callable[..., Answer], tmp_path: Path) -> None:
    path = write_rows(tmp_path / "t.csv", 48)
    rows = path.read_text().splitlines()
    rows.append(rows[3])
    rows.append("nobody said what this is,")
    path.write_text("\n".join(rows) + "\n")
    answer = crossover("check", "t.csv", "--model", "not-here", "--json")
    found = json.loads(answer.out)
    assert (answer.code, answer.err, found["schema"]) == (0, "", "crossover.check/1")
    aside = {row["reason"]: row for row in found["set_aside"]}
    repeated, label = rows[3].rsplit(",", 1)
    assert aside["duplicate"] == {
        "file": "t.csv", "row": 50, "reason": "duplicate", "other_row": 4, "text": repeated, "answer": label,
    }  # fmt: skip
    assert aside["no_label"]["text"] == "nobody said what this is"
    assert aside["no_label"]["answer"] is None
    assert found["lengths"] is None
    median, most, longest = found["characters"]["input"]
    assert 0 < median <= most <= longest == max(len(row.rsplit(",", 1)[0]) for row in rows[1:49])


def test_the_next_command_has_the_same_options(crossover: Callable[..., Answer], tmp_path: Path) -> None:
    write_rows(tmp_path / "my file.csv", 48)
    answer = crossover("check", "my file.csv", "--test-size", "20", "--model", "not-here")
    assert "crossover run 'my file.csv' --test-size 20 --model not-here" in answer.out


def test_a_json_target_that_does_not_parse_is_named(crossover: Callable[..., Answer], tmp_path: Path) -> None:
    rows = [{"text": text(i), "slots": json.dumps({"n": i})} for i in range(40)]
    rows[6]["slots"] = '{"n": 6'
    path = lines(tmp_path / "t.jsonl", rows)
    answer = crossover("check", path, "--target", "slots", "--kind", "extraction", "--model", "not-here")
    assert answer.code == 0
    assert "1 whose target is no JSON: rows 7" in answer.out


def test_a_schema_that_contradicts_a_target_is_an_error(crossover: Callable[..., Answer], tmp_path: Path) -> None:
    path = lines(tmp_path / "t.jsonl", [{"text": text(i), "slots": {"n": i}} for i in range(40)])
    (tmp_path / "s.json").write_text('{"type": "object", "properties": {"n": {"type": "string"}}}')
    answer = crossover("check", path, "--schema", "s.json", "--model", "not-here")
    assert (answer.code, answer.out) == (2, "")
    assert "error: t.jsonl: 40 targets of 40 do not fit the schema." in answer.err
    assert "Traceback" not in answer.err


def test_a_chat_that_ends_without_an_answer_is_named(crossover: Callable[..., Answer], tmp_path: Path) -> None:
    chats = [[{"role": "user", "content": text(i)}, {"role": "assistant", "content": f"yes, {i}"}] for i in range(40)]
    chats[9].pop()
    path = lines(tmp_path / "t.jsonl", [{"messages": chat} for chat in chats])
    answer = crossover("check", path, "--model", "not-here")
    assert answer.code == 0
    assert "1 conversation that ends without an answer: rows 10" in answer.out
    assert "rows 10" in answer.out.split("set aside")[1]


def test_a_translation_whose_sides_differ_in_length_is_named(crossover: Callable[..., Answer], tmp_path: Path) -> None:
    rows = [f"{text(i)},bitte {i}" for i in range(40)] + [f"{text(i)}," for i in range(40, 43)]
    (tmp_path / "t.csv").write_text("\n".join(["en,de", *rows]) + "\n")
    answer = crossover("check", "t.csv", "--model", "not-here")
    assert answer.code == 0
    assert "translation, English to German" in answer.out
    assert "rows 42, 43, 44" in answer.out


def test_numbers_with_900_values_are_asked_about(crossover: Callable[..., Answer], tmp_path: Path) -> None:
    rows = [f"{text(i)},{i % 900}" for i in range(1_900)]
    (tmp_path / "t.csv").write_text("\n".join(["text,price", *rows]) + "\n")
    answer = crossover("check", "t.csv", "--target", "price", "--model", "not-here")
    assert answer.code == 2
    assert "is a number with 900 different values" in answer.err
    assert "--kind classification" in answer.err


def test_many_rows_are_sampled_and_said(crossover: Callable[..., Answer], tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("w") as file:
        file.write("text,label\n")
        file.writelines(f"{text(i)} {i % 997} {i % 1009},{'abc'[i % 3]}\n" for i in range(200_000))
    start = time.perf_counter()
    answer = crossover("check", "t.csv", "--model", "not-here", "--json")
    found = json.loads(answer.out)
    assert (found["files"][0]["n_rows"], found["files"][0]["n_found"]) == (10_000, 200_000)
    assert any("200,000 rows; a study reads 10,000 of them" in note for note in found["notes"])
    assert time.perf_counter() - start < 60
    fewer = json.loads(crossover("check", "t.csv", "--model", "not-here", "--json", "--max-rows", 500).out)
    assert fewer["files"][0]["n_rows"] == 500


def test_another_sample_is_another_study(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "t.csv", 80)
    shas = {Task.from_file(path, max_rows=n, test_size=10).info.data_sha256 for n in (60, 70, 80, 90)}
    assert len(shas) == 3, "all rows are all rows"


def test_lengths_need_no_weights(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in whole.iterdir():
        if file.suffix != ".safetensors":
            (bare / file.name).write_bytes(file.read_bytes())
    task = Task.from_file(write_rows(tmp_path / "t.csv", 48))
    lengths = [api.check(task, model=str(folder)).lengths for folder in (whole, bare)]
    assert lengths[0] is not None
    assert lengths[1] is not None
    assert lengths[0].prompt == lengths[1].prompt


def test_a_vocabulary_says_the_same_tokens_as_the_whole_model(tmp_path_factory: pytest.TempPathFactory) -> None:
    from crossover.model.load import load_model  # noqa: PLC0415  # torch is loaded by other tests anyway

    folder = str(save_tiny(tmp_path_factory.getbasetemp() / "tiny-model"))
    tokens, model = vocabulary_here(folder), load_model(folder, precision="fp32")
    assert tokens is not None
    assert tokens.capabilities == frozenset()
    assert tokens.identity.context_tokens == model.identity.context_tokens
    for said in ("hello", "ein  Größe\n\nthen", ""):
        assert tokens.render([{"role": "user", "content": said}]) == model.render([{"role": "user", "content": said}])
        assert tokens.completion(said) == model.completion(said)
        assert tokens.plain_prompt(said) == model.plain_prompt(said)
        assert tokens.plain_completion(said) == model.plain_completion(said)


def test_no_tokens_where_nothing_is_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CROSSOVER_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("smollm2-135m", "owner/name", "nothing", str(tmp_path)):
        assert vocabulary_here(name) is None
    assert not (tmp_path / "empty").exists()
