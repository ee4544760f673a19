"""promptfoo's tests become rows with rules; what would run, fetch or ask a model is refused by line and key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import DataError
from crossover.task import Task
from crossover.task.imported_prompts import Wording, as_template, wording
from crossover.task.open_source import open_source
from crossover.task.source import Source
from crossover.task.table import ReadOptions
from crossover.task.yaml_places import Place
from crossover.template import parse, substitute

PROMPT = "prompts: ['Answer: {{question}}']\n"


def opened(path: Path, text: str) -> Source:
    path.write_text(text, encoding="utf-8")
    return open_source(path, ReadOptions())


def refused(path: Path, text: str) -> DataError:
    with pytest.raises(DataError) as caught:
        opened(path, text)
    return caught.value


def many_tests(n: int, rest: str = "") -> str:
    words = ["lamp", "river", "stone", "cloud", "paper", "horse", "glass", "table"]
    rows = [f"order {i * 37} for a {words[i % 8]} and a {words[i * 5 % 7]} by day {i * i}" for i in range(n)]
    return "tests:\n" + "".join(
        f"  - vars: {{question: '{row}'}}\n{rest.replace('NUMBER', str(i))}" for i, row in enumerate(rows)
    )


def test_variables_rules_and_answers_become_columns(tmp_path: Path) -> None:
    source = opened(
        tmp_path / "pf.yaml",
        """
        description: shop
        providers: [openai:gpt-4o]
        prompts: ['Answer in {{language}}: {{question}}']
        defaultTest:
          vars: {language: English}
          assert: [{type: not-icontains, value: sorry}]
        tests:
          - vars: {question: who, name: Ann}
            assert: [{type: icontains, value: '{{name}}'}]
          - vars: {question: when, language: German}
            assert: [{type: equals, value: 1848, weight: 2}, {type: regex, value: '\\d{4}'}]
            threshold: 0.5
          - vars: {question: why}
        """,
    )
    table = source.table
    assert table.columns == ("language", "question", "name", "assert", "answer")
    assert table.rows == (1, 2, 3)
    assert [row[:3] for row in table.cells] == [
        ("English", "who", "Ann"),
        ("German", "when", None),
        ("English", "why", None),
    ]
    assert [row[4] for row in table.cells] == ["Ann", "1848", None]
    rules = [json.loads(row[3] or "") for row in table.cells]
    assert rules[0] == [{"type": "not-icontains", "value": "sorry"}, {"type": "icontains", "value": "Ann"}]
    assert rules[1]["threshold"] == 0.5
    assert rules[1]["assert"][1:] == [
        {"type": "equals", "value": 1848, "weight": 2},
        {"type": "regex", "value": "\\d{4}"},
    ]
    assert source.said.kind == "generation"
    assert source.said.inputs == ("language", "question")
    assert source.said.notes[:2] == (
        "promptfoo's tests, numbered from 1: 3 with rules, 2 with a wanted answer",
        "not read: providers; the model is --model",
    )


def test_a_list_of_values_makes_a_test_of_each(tmp_path: Path) -> None:
    text = "prompts: ['{{a}} {{b}}']\ntests: [{vars: {a: [x, y], b: [1, 2, 3]}}, {vars: {a: z, b: 4}}]\n"
    cells = opened(tmp_path / "pf.yaml", text).table.cells
    assert [row[:2] for row in cells] == [
        *(("x", "1"), ("x", "2"), ("x", "3"), ("y", "1"), ("y", "2"), ("y", "3")),
        ("z", "4"),
    ]


def test_prompts_become_arms_and_the_fullest_leads(tmp_path: Path) -> None:
    text = """
        prompts:
          - 'Plain: {{question}}'
          - {label: 'Kind & short', raw: "Be kind {a}.\\n\\nIn {{language}}: {{ question }}\\nAnswer:"}
        tests: [{vars: {question: who, language: English}}]
        """
    said = opened(tmp_path / "pf.yaml", text).said
    assert [(prompt.name, prompt.text) for prompt in said.prompts] == [
        ("1", "Plain: {question}"),
        ("Kind-short", "Be kind {{a}}.\n\nIn {language}: {question}\nAnswer:"),
    ]
    assert said.instruction == "Be kind {a}."
    assert said.input_template == "In {language}: {question}\nAnswer:"


def test_a_task_of_rules_alone_holds_out_nearly_all(tmp_path: Path) -> None:
    path = tmp_path / "pf.yaml"
    path.write_text(PROMPT + many_tests(24, "    assert: [{type: contains, value: 'NUMBER'}]\n"))
    task = Task.from_file(path)
    assert (task.spec.kind, task.spec.metric, task.info.n_train, task.n_labelled) == ("generation", "rules", 0, 0)
    assert (len(task.train), len(task.test)) == (5, 19)
    assert all(example.target is None and example.checks for example in (*task.train, *task.test))
    assert [prompt.name for prompt in task.prompts] == ["1"]
    assert task.room_said
    assert any("there is nothing to learn from" in note for note in task.check.notes)


def ruled_rows(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    lines = [{"question": q, "answer": a, "assert": r} for q, a, r in rows]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_row_needs_no_answer_only_where_it_has_rules(tmp_path: Path) -> None:
    """A test row with neither is set aside; where answers decide, rules don't stand in for them."""
    words = ["lamp", "river", "stone", "cloud", "paper", "horse", "glass", "table"]
    rule = json.dumps([{"type": "contains", "value": "shop"}])
    asked = [f"where does one buy a {words[n % 8]} and {n * n} of {words[n * 5 % 7]}" for n in range(28)]
    train = ruled_rows(tmp_path / "train.jsonl", [(q, f"shop {n} has it" * (n % 2), rule) for n, q in enumerate(asked)])
    held = [f"who mends the {words[n % 8]} number {n * 31}" for n in range(12)]
    test = ruled_rows(tmp_path / "test.jsonl", [(q, "", rule if n != 4 else "") for n, q in enumerate(held)])

    def task(metric: str) -> Task:
        return Task.from_file(train, test=test, kind="generation", input="question", target="answer", metric=metric)

    ruled = task("rules")
    assert [(one.file, one.row, one.reason) for one in ruled.check.set_aside] == [("test.jsonl", 5, "no_label")]
    assert (len(ruled.train), ruled.n_labelled, len(ruled.test)) == (28, 14, 11)
    with pytest.raises(DataError):
        task("rouge_l")


def test_answers_that_come_again_are_labels(tmp_path: Path) -> None:
    shared = "defaultTest: {assert: [{type: equals, value: '{{wanted}}'}]}\n"
    text = "".join(
        line.replace("'}", f"', wanted: {'ab'[n % 2]}}}") if "vars" in line else line
        for n, line in enumerate(many_tests(24).splitlines(keepends=True))
    )
    path = tmp_path / "pf.yaml"
    path.write_text(PROMPT + shared + text)
    task = Task.from_file(path)
    assert (task.spec.kind, task.spec.labels, task.spec.metric) == ("classification", ("a", "b"), "accuracy")
    assert task.n_labelled == len(task.train) > 5


def test_the_users_word_goes_before_the_files(tmp_path: Path) -> None:
    path = tmp_path / "pf.yaml"
    path.write_text(PROMPT + many_tests(24, "    assert: [{type: equals, value: 'the NUMBER'}]\n"))
    task = Task.from_file(path, kind="qa", instruction="Say who.", input_template="Q: {question}")
    assert (task.spec.kind, task.spec.metric) == ("qa", "token_f1")
    assert (task.spec.instruction, task.spec.input_template) == ("Say who.", "Q: {question}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PROMPT + "tests: file://tests.csv", "line 2, tests: tests from elsewhere are not read: 'file://tests.csv'"),
        (PROMPT + "tests:\n - file://t.yaml", "line 3, tests[0]: tests from elsewhere are not read"),
        (PROMPT + "tests: [{vars: file://v.yaml}]", "tests[0].vars: tests from elsewhere are not read"),
        (PROMPT + "tests: [{vars: {question: 'file://q.txt'}}]", "tests[0].vars.question: nothing is read or run"),
        (PROMPT + "tests: []\ndefaultTest: file://d.yaml", "defaultTest: tests from elsewhere are not read"),
        ("prompts: file://p.txt\ntests: []", "line 1, prompts: nothing is read or run for 'file://p.txt'"),
        ("prompts: [prompts/*.txt]\ntests: []", "prompts[0]: nothing is read or run for 'prompts/*.txt'"),
        ("prompts: ['exec:./p.sh']\ntests: []", "prompts[0]: nothing is read or run for 'exec:./p.sh'"),
        ("prompts: [p.py:create]\ntests: []", "prompts[0]: nothing is read or run for 'p.py:create'"),
        ("prompts: [{id: 'file://p.js'}]\ntests: []", "prompts[0]: a prompt is given by its words: raw"),
        ("prompts: [{raw: '{{a}}', function: x}]\ntests: []", 'prompts[0].function: "function" is not read'),
        ("prompts: ['Say hello']\ntests: []", "prompts[0]: the prompt has no {{variable}}"),
        ('prompts: [\'[{"role": "user"}]\']\ntests: []', "a conversation as a prompt is not read"),
        ("prompts: ['{{a | upper}}']\ntests: []", "prompts[0]: {{a | upper}} is more than a plain field"),
        ("prompts: ['{{a.b}}']\ntests: []", "{{a.b}} is more than a plain field"),
        ("prompts: ['{{env.KEY}}']\ntests: []", "{{env.KEY}} is more than a plain field"),
        ("prompts: ['{% if a %}{{a}}{% endif %}']\ntests: []", "{% if a %} is no plain field"),
        ("prompts: ['{# no #}{{a}}']\ntests: []", "{# no #} is no plain field"),
        ("prompts: ['{{a}']\ntests: []", "{{ is no plain field"),
        (PROMPT + "tests: [{vars: {other: x}}]", 'tests[0]: the test has no variable "question"'),
        (PROMPT + "tests: [{vars: {question: '{{x}}', x: y}}]", "a variable inside a variable is not read"),
        (
            PROMPT + "tests: [{vars: {question: x}, options: {transform: 'x'}}]",
            'tests[0].options: "options" is not read',
        ),
        (PROMPT + "tests: []\nnunjucksFilters: {a: b}", 'nunjucksFilters: "nunjucksFilters" is not read'),
        (PROMPT + "tests: []\nextensions: ['file://a.py']", 'extensions: "extensions" is not read'),
        (PROMPT + "scenarios: []", 'scenarios: "scenarios" is not read'),
        (PROMPT, 'pf.yaml has "prompts" and no "tests"'),
        (PROMPT + "tests: []", "line 2, tests: there is no test"),
        (PROMPT + "tests: [{vars: {question: {a: [1, 2]}, b: !js x}}]", "the tag !js asks to run"),
    ],
)
def test_what_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pf.yaml"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        Task.from_file(path)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{type: llm-rubric, value: polite}", "llm-rubric would ask another model"),
        ("{type: javascript, value: 'process.exit()'}", "javascript would run a program"),
        ("{type: python, value: 'file://x.py'}", "python would run a program"),
        ("{type: not-similar, value: x}", "not-similar would ask another model"),
        ("{type: latency, threshold: 3}", "latency is about the call"),
        ("{type: icontain, value: x}", "there is no check 'icontain'; did you mean icontains?"),
        ("{type: contains, value: 'file://x.txt'}", "no file is read"),
        ("{type: contains, value: x, transform: 'output.trim()'}", "contains has no 'transform'"),
        ("{type: contains, value: '{{nothing}}'}", 'there is no "nothing" for {{nothing}}'),
        ("{type: regex, value: '('}", "regex"),
        ("{$ref: '#/assertionTemplates/a'}", "references are not followed"),
        ("{type: assert-set, assert: []}", "there is no check 'assert-set'"),
    ],
)
def test_an_assertion_that_cannot_be_is_named(rule: str, message: str, tmp_path: Path) -> None:
    text = PROMPT + f"tests:\n  - vars: {{question: who}}\n    assert:\n      - {rule}\n"
    error = refused(tmp_path / "pf.yaml", text)
    assert error.message.startswith("pf.yaml, line 5, tests[0].assert[0]")
    assert message in error.message


def test_lists_of_values_cannot_grow_without_bound(tmp_path: Path) -> None:
    values = f"[{','.join(map(str, range(200)))}]"
    text = PROMPT + f"tests: [{{vars: {{question: {values}, b: {values}, c: {values}}}}}]"
    assert "make 8,000,000 tests; at most 10,000 are read" in refused(tmp_path / "pf.yaml", text).message


@given(text=st.text(), value=st.text())
def test_a_text_stays_letter_by_letter_around_its_fields(text: str, value: str) -> None:
    if any(sign in text for sign in ("{{", "{%", "{#")) or text.endswith("{"):
        return
    template = as_template(Place(f"{text}{{{{ field }}}}{text}", "t", 1))
    assert substitute(parse(template), {"field": value}) == text + value + text


@pytest.mark.parametrize(
    ("template", "keep", "wanted"),
    [
        ("{text}", False, Wording(instruction=None, input_template=None)),
        ("Sort it: {text}", False, Wording(instruction=None, input_template="Sort it: {text}")),
        ("Sort it.\n{text}", False, Wording(instruction="Sort it.", input_template=None)),
        ("Sort {{it}}.\n\nMail: {text}", False, Wording(instruction="Sort {it}.", input_template="Mail: {text}")),
        ("{text}\nLabel:", False, Wording(instruction=None, input_template=None, cue="Label:")),
        ("A {text}\nLabel:", True, Wording(instruction=None, input_template="A {text}\nLabel:")),
        ("Q: {a}\nB: {b}\nWho wrote this long line, by the way:", False,
         Wording(instruction=None, input_template="Q: {a}\nB: {b}\nWho wrote this long line, by the way:")),
    ],
)  # fmt: skip
def test_a_prompt_is_cut_above_its_first_field(template: str, keep: bool, wanted: Wording) -> None:
    assert wording(template, keep_cue=keep) == wanted
