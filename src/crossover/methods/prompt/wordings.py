"""Other ways to say a task: instructions, input templates and label words that a prompt search tries."""

from __future__ import annotations

__all__ = ["label_wordings", "wordings"]

import re
from collections.abc import Mapping
from dataclasses import replace

from crossover.candidate import PromptProgram
from crossover.candidate.defaults import TURNS
from crossover.records import Kind, TaskSpec

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_CLOSED: Mapping[str, tuple[str | None, str]] = {
    "bare": ("", "{input}\nLabel:"),
    "named": ("", "Input: {input}\nCategory:"),
    "question": ("", "{input}\nQuestion: Which of these is it: {labels}?\nAnswer:"),
    "options first": ("", "Options: {labels}\n\nText: {input}\nThe right option is:"),
    "kept, as a category": (None, "{input}\nCategory:"),
    "kept, options below": (None, "{input}\nOptions: {labels}\nAnswer:"),
}
"""Name -> instruction (None: the program's own) and user turn. {input}: the input fields as the program shows them."""

_WRITTEN: Mapping[Kind, tuple[str, ...]] = {
    "extraction": (
        "Return the information in the text as one JSON object and nothing else.",
        "You turn sentences into JSON. Write a field only when the text states it, with the text's own words.",
    ),
    "qa": (
        "Read carefully and answer in as few words as possible.",
        "You are an expert. Reply with the answer only, no explanation.",
    ),
    "math": (
        "Work out the answer in short steps, one calculation in each. End with #### and the number.",
        "You are careful with numbers. Show each calculation, then write #### and the final number.",
    ),
    "summarization": (
        "Write a short summary in the third person: who, what was said, and what was agreed.",
        "Say in one or two sentences what matters. Do not repeat the text.",
    ),
    "translation": (
        "You are a professional translator. Reply with the translation only.",
        "Give the translation, nothing else, faithful and fluent.",
    ),
    "chat": ("You are a helpful assistant.", "Answer helpfully, correctly and briefly."),
    "generation": ("You are a helpful assistant.", "Do exactly what is asked. Reply with the result only."),
}


def wordings(program: PromptProgram, spec: TaskSpec) -> dict[str, PromptProgram]:
    """Return name -> program: the given one first, then other instructions and templates for the same task.

    The user's own instruction stays an option in all that keep it, and what the input says beside its fields (an input
    template of the user's) is kept by all.
    """
    found = {"as it is": program}
    if program.is_open:
        for place, instruction in enumerate(_WRITTEN.get(spec.kind, ()), start=1):
            found[f"instruction {place}"] = replace(program, instruction=instruction)
        found["no instruction"] = replace(program, instruction="")
        if spec.instruction is not None:
            found = {name: one for name, one in found.items() if one.instruction in (program.instruction, "")}
        return _different(found)
    if program.template == TURNS:
        return found
    shown = _input_of(program)
    for name, (own, template) in _CLOSED.items():
        said = program.instruction if own is None else own
        found[name] = replace(program, instruction=said, template=template.replace("{input}", shown))
    found["no instruction"] = replace(program, instruction="")
    return _different(found)


def label_wordings(words: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """Return name -> label words: as given, in small letters, with capitals, and with runTogether words apart.

    Only wordings that tell all labels apart.
    """
    apart = {label: _CAMEL.sub(" ", word).replace("_", " ").replace("-", " ") for label, word in words.items()}
    found: dict[str, Mapping[str, str]] = {
        "as given": words,
        "small letters": {label: word.lower() for label, word in words.items()},
        "capitals": {label: word[:1].upper() + word[1:] for label, word in words.items()},
        "apart": apart,
        "apart, small letters": {label: word.lower() for label, word in apart.items()},
    }
    kept: dict[str, Mapping[str, str]] = {}
    for name, wording in found.items():
        tells_apart = len(set(wording.values())) == len(words) and all(word.strip() for word in wording.values())
        if tells_apart and all(dict(wording) != dict(other) for other in kept.values()):
            kept[name] = wording
    return kept


def _input_of(program: PromptProgram) -> str:
    """Return the part of a template that shows the input: all but its last line, where that names the answer."""
    lines = program.template.split("\n")
    if len(lines) > 1 and lines[-1].endswith(":") and "{" not in lines[-1]:
        lines = lines[:-1]
    shown = "\n".join(lines)
    only = f"{{{program.fields[0]}}}"
    return only if len(program.fields) == 1 and shown == f"Text: {only}" else shown


def _different(programs: Mapping[str, PromptProgram]) -> dict[str, PromptProgram]:
    kept: dict[str, PromptProgram] = {}
    for name, program in programs.items():
        if program not in kept.values():
            kept[name] = program
    return kept
