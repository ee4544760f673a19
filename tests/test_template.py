"""Prompt templates replace `{field}` and do nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import DataError
from crossover.template import Field, parse, substitute, validate

FIELDS = ("text", "labels")
VALUES = {"text": "{labels} {text.__class__} {{x}} %s", "labels": "a, b"}

REFUSED = (
    "{text.__class__}",
    "{text.__class__.__mro__[1].__subclasses__()}",
    "{0}",
    "{}",
    "{ }",
    "{!r}",
    "{text!r}",
    "{text!r:>10}",
    "{text:>1000000000}",
    "{text:{labels}}",
    "{text[0]}",
    "{text[__class__]}",
    "{labels.__init__.__globals__}",
    "{self}",
    "{config}",
    "{__import__('os').system('id')}",
    "{text|upper}",
    "{text or labels}",
    "{text + labels}",
    "{text;}",
    "{text\n}",
    "{",
    "}",
    "{text",
    "text}",
    "{text}}",
    "{{text}",
    "{{{text}}",
    "{%for x in text%}",
    "{# comment #}",
    "{Text}",
    "{text\u200b}",
    "{ｔｅｘｔ}",
    "{'text'}",
    "{text=}",
    "{*text}",
    "{text,labels}",
    "{lambda: 0}",
    "{f'{text}'}",
    "{\0}",
)
LEFT_AS_TEXT = {
    "{{ text.__class__ }}": "{ text.__class__ }",
    "{{7*7}}": "{7*7}",
    "{{config.items()}}": "{config.items()}",
    "${{text}}": "${text}",
    "%(text)s %s": "%(text)s %s",
    "$text ${HOME}".replace("${HOME}", "$HOME"): "$text $HOME",
    "<%= text %>": "<%= text %>",
    "`id` $(id)": "`id` $(id)",
    "\\{{text\\}}": "\\{text\\}",
    "#[[text]]": "#[[text]]",
}


@pytest.mark.parametrize("source", REFUSED)
def test_hostile_fields_are_refused_with_their_place(source: str) -> None:
    with pytest.raises(DataError, match=r"p\.txt, line \d+, column \d+"):
        validate(parse(f"Hello.\n{source}", where="p.txt"), allowed=FIELDS, needed=(), where="p.txt")


@pytest.mark.parametrize(("source", "expected"), LEFT_AS_TEXT.items())
def test_other_template_languages_are_text(source: str, expected: str) -> None:
    template = parse(source)
    validate(template, allowed=FIELDS, needed=())
    assert substitute(template, VALUES) == expected


def test_there_are_forty_payloads() -> None:
    assert len(REFUSED) + len(LEFT_AS_TEXT) >= 40


def test_fields_are_replaced_once_and_values_are_not_read_again() -> None:
    template = parse("Text: {text}\nOne of {{{labels}}}: { text }")
    assert template.fields == ("text", "labels")
    assert substitute(template, VALUES) == (
        "Text: {labels} {text.__class__} {{x}} %s\nOne of {a, b}: {labels} {text.__class__} {{x}} %s"
    )


def test_column_names_with_spaces_are_fields() -> None:
    assert substitute(parse("{customer text}"), {"customer text": "hi"}) == "hi"


def test_a_column_with_a_hostile_name_is_only_a_name() -> None:
    assert substitute(parse("{text.__class__}"), {"text.__class__": "hi"}) == "hi"


def test_a_lone_brace_says_where_it_stands() -> None:
    with pytest.raises(DataError) as caught:
        parse("Classify:\n  {text", where="mine.txt")
    assert caught.value.message == 'mine.txt, line 2, column 3: "{" stands alone.'
    assert "written twice" in caught.value.details[0]


def test_json_in_a_prompt_is_an_unknown_field_with_the_way_out() -> None:
    with pytest.raises(DataError) as caught:
        validate(parse('Answer as {"label": 1}: {text}'), allowed=FIELDS, needed=("text",))
    assert caught.value.message == 'the prompt, line 1, column 11: there is no field ""label": 1".'
    assert "written twice: {{ or }}" in str(caught.value)


def test_a_close_name_is_offered() -> None:
    with pytest.raises(DataError) as caught:
        validate(parse("{txt}"), allowed=FIELDS, needed=("text",))
    assert caught.value.details == ("fields: {text}, {labels}", "did you mean {text}?")


def test_an_attribute_gets_its_own_hint() -> None:
    with pytest.raises(DataError, match=r"only the plain \{text\} is replaced"):
        validate(parse("{text.upper()}"), allowed=FIELDS, needed=("text",))


def test_no_input_field_is_refused_and_jinja_is_recognised() -> None:
    with pytest.raises(DataError) as caught:
        validate(parse("Classify {{ text }} as {labels}."), allowed=FIELDS, needed=("text",), where="p.txt")
    assert caught.value.message == "p.txt has no input field: the model would never see the input."
    assert "with two braces, {{text}} is text" in caught.value.details[-1]


def test_a_field_without_a_value_is_refused() -> None:
    with pytest.raises(DataError, match='no value for the field "text"'):
        substitute(parse("{text}"), {})


def test_fields_know_their_place() -> None:
    assert parse("a\nb {text}").parts == ("a\nb ", Field("text", 2, 3))


@given(st.text(), st.text())
def test_escaped_text_comes_back_and_values_pass_unchanged(text: str, value: str) -> None:
    escaped = text.replace("{", "{{").replace("}", "}}")
    assert substitute(parse(escaped + "{text}"), {"text": value}) == text + value


@given(st.text(alphabet="{}a! .:[]\n"))
def test_any_source_parses_or_is_a_data_error(source: str) -> None:
    try:
        template = parse(source)
    except DataError:
        return
    assert substitute(template, dict.fromkeys(template.fields, "")) is not None
