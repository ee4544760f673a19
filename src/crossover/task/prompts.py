"""The user's own prompt, from a file."""

from __future__ import annotations

__all__ = ["PromptFile", "read_prompt"]

from dataclasses import dataclass
from pathlib import Path

from crossover.errors import DataError
from crossover.records import TaskSpec
from crossover.task.looks import binary_look, refuse_look
from crossover.task.registry import check_file
from crossover.template import parse, validate

MAX_BYTES = 200_000
LABELS_FIELD = "labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFile:
    """A prompt as its author wrote it; `name` is the file's stem. `crossover.template` fills it in."""

    name: str
    text: str


def read_prompt(path: Path | str, spec: TaskSpec) -> PromptFile:
    """Read and check a prompt: plain UTF-8 text with `{field}` for the task's input columns, `{labels}` for its labels.

    Raises:
        DataError: no such file, empty, over 200 kB, not UTF-8, a brace alone, an unknown field, or no input field.
    """
    path = Path(path)
    check_file(path)
    content = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    if content is None:
        raise DataError(
            f"{path.name} has {path.stat().st_size:,} bytes; a prompt has at most {MAX_BYTES:,}.",
            "no model would read it whole",
        )
    look = binary_look(content)
    if look is not None:
        raise refuse_look(path, look, expected="a text file")
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path.name}, line {line}: byte {error.start + 1:,} (0x{content[error.start]:02X}) is not UTF-8.",
            f"convert it: iconv -f CP1252 -t UTF-8 {path.name} > {path.stem}.utf8{path.suffix}",
        ) from error
    if not text.strip():
        raise DataError(
            f"{path.name} holds no text.", f"write the prompt, with {{{spec.input_fields[0]}}} where the input belongs"
        )
    allowed = (*spec.input_fields, *((LABELS_FIELD,) if spec.labels and LABELS_FIELD not in spec.input_fields else ()))
    validate(parse(text, where=path.name), allowed=allowed, needed=spec.input_fields, where=path.name)
    return PromptFile(name=path.stem, text=text)
