"""promptfoo's configuration becomes rows: its tests' variables, and their assertions as rules (promptfoo.dev/docs)."""

from __future__ import annotations

__all__ = ["is_promptfoo", "read_promptfoo"]

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from crossover.errors import DataError
from crossover.metrics.checks import read_checks
from crossover.records import Json, Kind
from crossover.task.imported_prompts import as_template, fields_of, filled, wording
from crossover.task.prompts import PromptFile
from crossover.task.source import Said, Source, cells_sha256
from crossover.task.table import Table, cell_text, make_table
from crossover.task.wording import listed
from crossover.task.yaml_places import Place

MAX_TESTS = 10_000
CHECKS = "assert"
ANSWER = "answer"

_READ = ("prompts", "tests", "defaultTest", "description")
_LEFT_OUT = (
    *("providers", "targets", "evaluateOptions", "commandLineOptions", "outputPath", "sharing", "tags", "metadata"),
    *("writeLatestResults", "$schema"),
)
_TEST_READ = ("vars", "assert", "threshold", "description")
_TEST_LEFT_OUT = ("metadata",)
_PROMPT_NAMES = ("label", "id")
_PATH = re.compile(
    r"(file:|https?:|exec:|python:).*|\S+\.(txt|md|jsonl?|ya?ml|csv|j2|[cm]?[jt]s|py|sh|rb|go)(:\w+)?|\S*\*\S*"
)
_WHOLE_FIELD = re.compile(r"\s*\{\{\s*([A-Za-z_]\w*)\s*\}\}\s*")
_ANSWERED_BY = ("equals", "levenshtein")
_ANSWERED_BY_A_VARIABLE = ("contains", "icontains")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One test: its variables, its rules and, where they say it, the wanted answer."""

    variables: Mapping[str, str]
    checks: str | None
    answer: str | None


def is_promptfoo(top: Mapping[str, Place]) -> bool:
    """Tell whether a YAML file's keys are promptfoo's."""
    return "prompts" in top or "tests" in top


def read_promptfoo(name: str, stem: str, top: Mapping[str, Place]) -> Source:
    """Return the tests as rows, numbered from 1 in the file's order.

    A row's columns are the variables, `assert` (its rules as JSON) and `answer`: what an `equals` or `levenshtein`
    compares with, or the variable that `contains` or `icontains` looks for. The prompts become arms; the one with the
    most variables gives instruction and input template to the other methods.

    Raises:
        DataError: what is read only by running, fetching or asking a model, or is unknown; it names line and key.
    """
    _check_keys(top, _READ, _LEFT_OUT, "promptfoo's configuration")
    if missing := [key for key in ("prompts", "tests") if key not in top]:
        raise DataError(f'{name} has "{"tests" if missing[0] == "prompts" else "prompts"}" and no "{missing[0]}".')
    prompts = _prompts(top["prompts"])
    inputs = tuple(dict.fromkeys(field for prompt in prompts for field in fields_of(prompt.text)))
    tests = list(_tests(top["tests"], top.get("defaultTest"), inputs))
    table = _table(name, tests, inputs)
    n_answers = sum(test.answer is not None for test in tests)
    different = {test.answer for test in tests if test.answer is not None}
    # Few answers that come again are labels, which the inference of kind will say; all else is written freely.
    is_closed = n_answers == len(tests) and len(different) <= len(tests) / 2
    kind: Kind | None = None if is_closed else "generation"
    leading = max(prompts, key=lambda prompt: len(fields_of(prompt.text)))
    words = wording(leading.text, keep_cue=not is_closed)
    notes = _notes(top, tests, n_answers)
    if kind is not None:
        notes.append(f"kind: {kind}, what the tests want is said by rules")
    if words.cue is not None:
        notes.append(
            f'the prompt\'s last line, "{words.cue}", is left to the methods; the arm prompt:{leading.name} has it'
        )
    said = Said(
        inputs=inputs,
        target=ANSWER,
        kind=kind,
        instruction=words.instruction,
        input_template=words.input_template,
        prompts=prompts,
        notes=tuple(notes),
    )
    return Source(name=name, stem=stem, table=table, sha256=cells_sha256(table), said=said)


def _notes(top: Mapping[str, Place], tests: Sequence[_Test], n_answers: int) -> list[str]:
    n_rules = sum(test.checks is not None for test in tests)
    notes = [f"promptfoo's tests, numbered from 1: {n_rules:,} with rules, {n_answers:,} with a wanted answer"]
    if not n_answers:
        notes.append("no test says a whole answer: there is nothing to learn from, prompts are measured by the rules")
    left_out = [key for key in _LEFT_OUT if key in top]
    if left_out:
        notes.append(f"not read: {', '.join(left_out)}; the model is --model")
    return notes


def _table(name: str, tests: Sequence[_Test], inputs: Sequence[str]) -> Table:
    others = sorted({key for test in tests for key in test.variables} - set(inputs))
    clash = {CHECKS, ANSWER} & {*inputs, *others}
    if clash:
        raise DataError(
            f'{name} has a variable "{min(clash)}", which is the name of a column that is made here.', "rename it"
        )
    columns = (*inputs, *others, CHECKS, ANSWER)
    records = (
        (number, [*(test.variables.get(key) for key in (*inputs, *others)), test.checks, test.answer])
        for number, test in enumerate(tests, start=1)
    )
    return make_table(name, columns, records, format="promptfoo", notes=())


# ------------------------------------------------------------------------------------------------------------- prompts


def _prompts(place: Place) -> tuple[PromptFile, ...]:
    found: dict[str, str] = {}
    for item in place.items if isinstance(place.value, tuple) else (place,):
        called, text = _named_prompt(item)
        if _PATH.fullmatch(text.text.strip()):
            raise _not_read(text, "put its words here, or give it as --prompt FILE with {field} in place of {{field}}")
        if text.text.lstrip().startswith("["):
            raise text.refused("a conversation as a prompt is not read.", "write the user's turn as a text")
        template = as_template(text).strip()
        if not fields_of(template):
            raise text.refused("the prompt has no {{variable}}: the model would never see a test's input.")
        name, number = called or str(len(found) + 1), 2
        while name in found:
            name, number = f"{called or len(found) + 1}-{number}", number + 1
        found[name] = template
    if not found:
        raise place.refused("there is no prompt.")
    return tuple(PromptFile(name=name, text=text) for name, text in found.items())


def _named_prompt(item: Place) -> tuple[str | None, Place]:
    """Return a prompt's name, if it has one, and the place of its text."""
    if not isinstance(item.value, Mapping):
        item.text  # noqa: B018  # refuses what is no text
        return None, item
    _check_keys(item.value, ("raw", *_PROMPT_NAMES), (), "a prompt")
    if "raw" not in item.value:
        raise item.refused("a prompt is given by its words: raw.", "prompts from files and programs are not read")
    named = next((item.value[key].text for key in _PROMPT_NAMES if key in item.value), None)
    return re.sub(r"[^\w.-]+", "-", named).strip("-")[:40] or None if named else None, item.value["raw"]


# --------------------------------------------------------------------------------------------------------------- tests


def _tests(place: Place, default: Place | None, inputs: Sequence[str]) -> Iterator[_Test]:
    if isinstance(place.value, str):
        raise _external(place)
    shared = _test_fields(default) if default is not None else {}
    n_tests = 0
    for item in place.items:
        own = _test_fields(item)
        variables = {**_vars(shared.get("vars")), **_vars(own.get("vars"))}
        checks = [*_asserts(shared.get("assert")), *_asserts(own.get("assert"))]
        threshold = own.get("threshold", shared.get("threshold"))
        for values in _combinations(item, variables):
            n_tests += 1
            if n_tests > MAX_TESTS:
                raise item.refused(f"more than {MAX_TESTS:,} tests, counting every value of a list of variables.")
            missing = [field for field in inputs if field not in values]
            if missing:
                raise item.refused(
                    f'the test has no variable "{missing[0]}", which a prompt needs.',
                    f"its variables: {listed(values)}",
                )
            yield _test(values, checks, threshold, inputs)
    if not n_tests:
        raise place.refused("there is no test.")


def _test_fields(place: Place) -> Mapping[str, Place]:
    if isinstance(place.value, str):
        raise _external(place)
    fields = place.fields
    if "options" in fields and not fields["options"].value:
        fields = {key: value for key, value in fields.items() if key != "options"}
    _check_keys(fields, _TEST_READ, _TEST_LEFT_OUT, "a test")
    return fields


def _external(place: Place) -> DataError:
    return place.refused(
        f"tests from elsewhere are not read: {place.text[:60]!r}.",
        "give that file itself as DATA, and the prompt as --prompt FILE with {field} in place of {{field}}",
    )


def _vars(place: Place | None) -> Mapping[str, Place]:
    if place is None or place.value is None:
        return {}
    if isinstance(place.value, str):
        raise _external(place)
    return place.fields


def _combinations(item: Place, variables: Mapping[str, Place]) -> Iterator[dict[str, str]]:
    """Yield a test's variables; one with a list of values makes a test of each, as in promptfoo."""
    for place in variables.values():
        for value in place.value if isinstance(place.value, tuple) else (place,):
            if isinstance(value.value, str):
                if value.value.startswith("file:"):
                    raise _not_read(value, "put the value here")
                if any(found in variables for found in re.findall(r"\{\{\s*(\w+)", value.text)):
                    raise value.refused("a variable inside a variable is not read.", "put its value here")
    choices = [place.items if isinstance(place.value, tuple) else (place,) for place in variables.values()]
    n_combined = 1
    for choice in choices:
        n_combined *= len(choice)
    if n_combined > MAX_TESTS:
        raise item.refused(f"its lists of variables make {n_combined:,} tests; at most {MAX_TESTS:,} are read.")
    for values in product(*choices):
        texts = {key: cell_text(value.json) for key, value in zip(variables, values, strict=True)}
        yield {key: text for key, text in texts.items() if text is not None}


def _asserts(place: Place | None) -> list[Place]:
    if place is None or place.value is None:
        return []
    if isinstance(place.value, str):
        raise place.refused(f"assertions from elsewhere are not read: {place.text[:60]!r}.", "put them here")
    for item in place.items:
        if "$ref" in item.fields:
            raise item.fields["$ref"].refused(
                "references are not followed.", "put the assertion here, or use a YAML alias"
            )
    return list(place.items)


def _test(values: Mapping[str, str], checks: Sequence[Place], threshold: Place | None, inputs: Sequence[str]) -> _Test:
    rules: list[Json] = []
    for place in checks:
        rule = _with_values(place, values)
        try:
            read_checks(json.dumps([rule]))
        except ValueError as error:
            raise place.refused(f"{str(error).removeprefix('check 1: ')}.", *_ways_out(str(error))) from error
        rules.append(rule)
    text = json.dumps(rules, ensure_ascii=False) if rules else None
    if rules and threshold is not None and threshold.value is not None:
        text = json.dumps({"assert": rules, "threshold": threshold.json}, ensure_ascii=False)
        try:
            read_checks(text)
        except ValueError as error:
            raise threshold.refused(f"{error}.") from error
    return _Test(variables=values, checks=text, answer=_answer(checks, rules, values, inputs))


def _ways_out(fault: str) -> list[str]:
    cannot = ("program", "model", "about the call", "no file", "no check")
    return ["take the assertion out"] if any(word in fault for word in cannot) else []


def _with_values(place: Place, values: Mapping[str, str]) -> Json:
    """Return an assertion with the test's variables in its value."""

    def rendered(part: Place) -> Json:
        if isinstance(part.value, Mapping):
            return {key: rendered(value) for key, value in part.value.items()}
        if isinstance(part.value, tuple):
            return [rendered(value) for value in part.value]
        return filled(part, values) if isinstance(part.value, str) and "{" in part.value else part.value

    return {key: rendered(part) if key == "value" else part.json for key, part in place.fields.items()}


def _answer(
    checks: Sequence[Place], rules: Sequence[Json], values: Mapping[str, str], inputs: Sequence[str]
) -> str | None:
    """Return the answer that the assertions want word by word, where one does."""
    for place, rule in zip(checks, rules, strict=True):
        assert isinstance(rule, Mapping), "it was read as a rule"
        value = rule.get("value")
        if rule["type"] in _ANSWERED_BY and isinstance(value, str | int | float) and cell_text(value):
            return cell_text(value)
        written = place.fields["value"].value if "value" in place.fields else None
        whole = _WHOLE_FIELD.fullmatch(written) if isinstance(written, str) else None
        if rule["type"] in _ANSWERED_BY_A_VARIABLE and whole and whole[1] not in inputs:
            return values[whole[1]]
    return None


# ---------------------------------------------------------------------------------------------------------------- both


def _check_keys(fields: Mapping[str, Place], read: Sequence[str], left_out: Sequence[str], of: str) -> None:
    for key, place in fields.items():
        if key not in (*read, *left_out):
            raise place.refused(
                f'"{key}" is not read.', f"of {of} are read: {', '.join(read)}", "take it out, or do without this file"
            )


def _not_read(place: Place, way_out: str) -> DataError:
    return place.refused(f"nothing is read or run for {place.text.strip()[:60]!r}.", way_out)
