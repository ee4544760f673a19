"""Weights and bundles run nothing: each is refused at once, nothing is run, nothing is written outside."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from crossover.bundle import load_bundle
from crossover.bundle.layout import MANIFEST, program_from_files, program_to_files
from crossover.bundle.write import _write
from crossover.candidate import Demonstration, PromptProgram, Reasoning
from crossover.errors import BundleError
from tests.small import whole_study

ADAPTER = "adapter/adapter_config.json"
WEIGHTS = "adapter/adapter_model.safetensors"


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = whole_study(tmp_path_factory.getbasetemp())
    record = next(r for r in study.records() if r.key.method == "lora+few-shot")
    assert record.candidate is not None
    memo = study._memo()
    folder = tmp_path_factory.mktemp("honest") / "bundle"
    folder.mkdir()
    _write(folder, study._store.candidate(record.candidate), record, study.verdict(), memo.spec, memo.model)
    return folder


@pytest.fixture
def bundle(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "bundle"))


def manifest(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((bundle / MANIFEST).read_text())
    return found


def put(bundle: Path, **fields: object) -> None:
    (bundle / MANIFEST).write_text(json.dumps({**manifest(bundle), **fields}))


def rehash(bundle: Path) -> None:
    """Make the hashes right again: a stranger can do that too."""
    names = [p for p in bundle.rglob("*") if p.is_file() and p.name != MANIFEST]
    put(bundle, files={p.relative_to(bundle).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in names})


def with_file(name: str, content: bytes) -> Callable[[Path], None]:
    def change(bundle: Path) -> None:
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_bytes(content)
        rehash(bundle)

    return change


def with_fields(**fields: object) -> Callable[[Path], None]:
    return lambda bundle: put(bundle, **fields)


def with_adapter(**fields: object) -> Callable[[Path], None]:
    def change(bundle: Path) -> None:
        config = {**json.loads((bundle / ADAPTER).read_text()), **fields}
        (bundle / ADAPTER).write_text(json.dumps(config))
        rehash(bundle)

    return change


def with_weights(alter: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    def change(bundle: Path) -> None:
        changed = {n: alter(w) if "lora_B" in n else w for n, w in load_file(bundle / WEIGHTS).items()}
        save_file(changed, bundle / WEIGHTS)
        rehash(bundle)

    return change


def with_yaml(**lines: str) -> Callable[[Path], None]:
    """Replace lines of prompt.yaml by their key."""

    def change(bundle: Path) -> None:
        good = {
            "instruction": "Sort.",
            "layout": "chat",
            "template": "'{text}'",
            "fields": "[text]",
            "label_words": "{login: login, refund: refund, shipping: shipping}",
            "demonstrations": "null",
            **lines,
        }
        (bundle / "prompt.yaml").write_text("".join(f"{key}: {value}\n" for key, value in good.items()))
        rehash(bundle)

    return change


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch executed",)


def link(target: str, name: str) -> Callable[[Path], None]:
    def change(bundle: Path) -> None:
        (bundle / name).unlink(missing_ok=True)
        (bundle / name).symlink_to(target)

    return change


def link_folder(bundle: Path) -> None:
    shutil.move(bundle / "adapter", bundle.parent / "elsewhere")
    (bundle / "adapter").symlink_to(bundle.parent / "elsewhere")


def pipe(bundle: Path) -> None:
    (bundle / "README.md").unlink()
    os.mkfifo(bundle / "README.md")


def huge(name: str, size: int) -> Callable[[Path], None]:
    def change(bundle: Path) -> None:
        with (bundle / name).open("ab") as file:
            file.truncate(size)

    return change


def many_files(bundle: Path) -> None:
    for n in range(3000):
        (bundle / f"{n}.txt").touch()


def without(name: str) -> Callable[[Path], None]:
    return lambda bundle: (bundle / name).unlink()


ALIASES = "\n".join(["[&a0 [x, x]]", *(f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])
TAG = "!!python/object/apply:os.system ['touch executed']"

HOW = "{tokens: 48, marker: '####', keeps_marker: true, samples: 1, temperature: 0.0, seed: 0}"

HOSTILE: dict[str, Callable[[Path], object]] = {
    "a link to a file": link("/etc/passwd", "README.md"),
    "a link to a folder": link_folder,
    "a link beside": link("/etc/passwd", "notes"),
    "a pipe": pipe,
    "a changed file": lambda bundle: (bundle / "README.md").write_text("other"),
    "a file that is not listed": lambda bundle: (bundle / "measure.jsonl").write_text("{}"),
    "a missing file": without("README.md"),
    "missing weights": without(WEIGHTS),
    "a pickle": with_file("weights.bin", pickle.dumps(Bomb())),
    "a pickle as weights": with_file(WEIGHTS, pickle.dumps(Bomb())),
    "a pickle below": with_file("adapter/adapter_model.bin", pickle.dumps(Bomb())),
    "code": with_file("modeling.py", b"import os; os.system('touch executed')"),
    "code in a folder": with_file("code/__init__.py", b"import os; os.system('touch executed')"),
    "3,000 files": many_files,
    "a name with ..": with_fields(files={"../outside": "0" * 64}),
    "an absolute name": with_fields(files={"/etc/passwd": "0" * 64}),
    "a huge manifest": huge(MANIFEST, 2**33),
    "a huge file": huge("demos.jsonl", 2**36),
    "no JSON": lambda bundle: (bundle / MANIFEST).write_text("not json"),
    "not UTF-8": lambda bundle: (bundle / MANIFEST).write_bytes(b"\xff\xfe{}"),
    "a list": lambda bundle: (bundle / MANIFEST).write_text("[1]"),
    "deep JSON": lambda bundle: (bundle / MANIFEST).write_text("[" * 1_000_000),
    "a number of many digits": lambda bundle: (bundle / MANIFEST).write_text("1" * 1_000_000),
    "another schema": with_fields(schema="crossover.bundle/2"),
    "a schema that is an object": with_fields(schema={"a": "\x1b[2J"}),
    "an unknown type": with_fields(type="pickle"),
    "a type that is a list": with_fields(type=["prompted"]),
    "config as text": with_fields(config="x"),
    "files as a list": with_fields(files=["README.md"]),
    "hashes as numbers": with_fields(files={"README.md": 1}),
    "fields as text": with_fields(task={"input_fields": "text", "target_field": "label"}),
    "no task": with_fields(task=None),
    "other columns": with_fields(task={"input_fields": ["body"], "target_field": "label"}),
    "no model": with_fields(model=None),
    "a model that is a list": with_fields(model=["smollm2-135m"]),
    "a prior of other labels": with_fields(config={"prior": {"x": 1.0}}),
    "a prior that is no number": with_fields(config={"prior": {"login": float("nan"), "refund": 1, "shipping": 1}}),
    "modules to save": with_adapter(modules_to_save=["lm_head"]),
    "auto_mapping": with_adapter(auto_mapping={"base_model_class": "os", "parent_library": "subprocess"}),
    "auto_map": with_adapter(auto_map={"AutoModel": "modeling.Model"}),
    "a regular expression that explodes": with_adapter(target_modules="(a+)+$"),
    "another kind of adapter": with_adapter(peft_type="PROMPT_TUNING"),
    "a rank without bounds": with_adapter(r=10**9),
    "a rank that is text": with_adapter(r="8"),
    "an adapter that is a list": with_file(ADAPTER, b"[]"),
    "a deep adapter": with_file(ADAPTER, b"[" * 500_000),
    "zero weights": with_weights(torch.zeros_like),
    "weights that are no numbers": with_weights(lambda weight: torch.full_like(weight, float("nan"))),
    "weights of another type": with_weights(lambda weight: weight.to(torch.int64)),
    "a header of 2**63 bytes": with_file(WEIGHTS, b"\xff" * 8 + b"{}"),
    "a header that lies": with_file(WEIGHTS, (20).to_bytes(8, "little") + b'{"a":{"dtype":"F32"}'),
    "a YAML tag": with_yaml(instruction=TAG),
    "a YAML tag of Python's": with_yaml(instruction="!!python/name:os.system"),
    "an alias bomb": with_yaml(instruction=ALIASES),
    "an alias": with_yaml(instruction="&a Sort.", template="*a"),
    "deep YAML": with_yaml(instruction="[" * 5_000 + "]" * 5_000),
    "YAML without end": with_yaml(fields="[" + "a, " * 200_000 + "a]"),
    "YAML of another shape": with_file("prompt.yaml", b"- a\n- b\n"),
    "YAML that is none": with_file("prompt.yaml", b"a: [\n"),
    "YAML that is not UTF-8": with_file("prompt.yaml", b"a: \xff\n"),
    "an attribute in the template": with_yaml(template="'{text.__class__}'"),
    "an unknown field in the template": with_yaml(template="'{secret}'"),
    "reasoning beside labels": with_yaml(reasoning=HOW),
    "reasoning that is text": with_yaml(reasoning="long", label_words="{}", answer_tokens="8"),
    "reasoning without end": with_yaml(
        reasoning=HOW.replace("tokens: 48", "tokens: 99999999"), label_words="{}", answer_tokens="8"
    ),
    "no labels": with_yaml(label_words="{}"),
    "answers that are no truth": with_yaml(constrained="perhaps"),
    "a schema beside labels": with_file("schema.json", b'{"type": "string"}'),
    "a schema that is no JSON": with_file("schema.json", b"{"),
    "a deep schema": with_file("schema.json", b"[" * 500_000),
    "a huge schema": huge("schema.json", 2**33),
    "demonstrations that are no JSON": with_file("demos.jsonl", b"import os\n"),
    "a demonstration of another label": with_file("demos.jsonl", b'{"inputs": {"text": "a"}, "target": "x"}\n'),
    "a demonstration without its input": with_file("demos.jsonl", b'{"inputs": {}, "target": "login"}\n'),
}


def test_an_honest_bundle_opens(bundle: Path) -> None:
    assert load_bundle(bundle).input_fields == ("text",)
    with_yaml()(bundle)
    load_bundle(bundle)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bundles_are_refused_at_once(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    HOSTILE[name](bundle)
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    start = time.process_time()
    with pytest.raises(BundleError) as error:
        load_bundle(bundle)
    assert time.process_time() - start < 2
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert not (tmp_path / "executed").exists()
    assert len(str(error.value)) < 1500
    assert str(error.value).replace("\n", "").isprintable()


@pytest.mark.parametrize("made", ["nothing", "file", "empty folder", "folder"])
def test_what_is_no_bundle(tmp_path: Path, made: str) -> None:
    path = tmp_path / "x"
    if made == "file":
        path.write_text("{}")
    elif made != "nothing":
        path.mkdir()
    if made == "folder":
        (path / "thesis.tex").write_text("")
    with pytest.raises(BundleError, match="is no bundle"):
        load_bundle(path)


def test_reasoning_survives_the_files_and_old_files_have_none(bundle: Path, tmp_path: Path) -> None:
    with_yaml(reasoning=HOW, label_words="{}", answer_tokens="8")(bundle)
    program = program_from_files(bundle)
    assert program.reasoning == Reasoning(tokens=48, marker="####", keeps_marker=True)
    again = tmp_path / "again"
    again.mkdir()
    program_to_files(program, again)
    assert program_from_files(again) == program
    with_yaml()(bundle)
    assert program_from_files(bundle).reasoning is None


TEXTS = [
    "plain",
    "",
    " leading and trailing ",
    "yes",
    "007",
    "1e3",
    "null",
    "- a list",
    "key: value # comment",
    "tab\tand\nlines\n\n",
    "\u2028 line \x85 next \x0b \x1c",
    "quotes \" and '",
    "braces {{ and }}",
    "long " * 60,
    "emoji 🙂 and e\u0301",
    "carriage\r\nreturn\r",
    "!!python/name:os.system",
    "&a *a",
    "---\n...",
    "\ufeffmark",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("nearest", [False, True])
def test_any_text_survives_the_files(tmp_path: Path, text: str, nearest: bool) -> None:
    shown = [Demonstration(inputs={"text": text, "the title": text}, target="a\u2028b")]
    program = PromptProgram(
        instruction=text,
        template=f"{text.replace('{', '').replace('}', '')}{{text}}",
        fields=("text", "the title"),
        label_words={"a\u2028b": text or "empty", "no": "007", "1": "yes", text or "e": "x"},
    )
    program = program.with_retrieval(shown, 3) if nearest else program.with_demonstrations(shown)
    program_to_files(program, tmp_path)
    again = program_from_files(tmp_path)
    assert again == program
    assert list(again.label_words) == list(program.label_words), "labels keep their order: answers depend on it"
