"""Prompt and completion are the chat template's own tokens, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from crossover.errors import ModelError
from crossover.model.base import Message
from crossover.model.chat import ChatRenderer
from crossover.model.tiny import tiny_model
from tests.model.families import FAMILIES, Family, tokenizer_of

TOKENIZERS = {name: tokenizer_of(family) for name, family in FAMILIES.items()}
RENDERERS = {name: ChatRenderer(tokenizer) for name, tokenizer in TOKENIZERS.items()}

# Texts as people write them: no whitespace around (some templates trim it), no special tokens spelt out.
contents = (
    st.text(st.characters(codec="utf-8", exclude_characters="<[\x00"), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)


def conversation(system: str | None, turns: Sequence[str]) -> list[Message]:
    messages: list[Message] = [] if system is None else [{"role": "system", "content": system}]
    for i, text in enumerate(turns):
        messages.append({"role": "assistant" if i % 2 else "user", "content": text})
    return messages


def reference(tokenizer: PreTrainedTokenizerFast, messages: Sequence[Message], *, answer: bool) -> list[int]:
    turns = [{"role": str(m["role"]), "content": m["content"]} for m in messages]
    ids = tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=answer, return_dict=False)
    return [i for i in ids if isinstance(i, int)]


def text_of(tokenizer: PreTrainedTokenizerFast, ids: Sequence[int], *, skip: bool = False) -> str:
    text = tokenizer.decode(list(ids), skip_special_tokens=skip)
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=100)
@given(
    system=st.none() | contents,
    shown=st.lists(st.tuples(contents, contents), max_size=3),
    asked=contents,
    said=contents,
)
def test_tokens_are_those_of_the_template(
    name: str, system: str | None, shown: list[tuple[str, str]], asked: str, said: str
) -> None:
    family, tokenizer, renderer = FAMILIES[name], TOKENIZERS[name], RENDERERS[name]
    turns = [*(text for pair in shown for text in pair), asked]
    messages = conversation(system, turns)
    template_takes = messages
    if system is not None and not family.system:
        template_takes = conversation(None, [f"{system}\n\n{turns[0]}", *turns[1:]])

    prompt, completion = renderer.prompt(messages), renderer.completion(said)
    assert list(prompt) == reference(tokenizer, template_takes, answer=True)
    whole = reference(tokenizer, [*template_takes, {"role": "assistant", "content": said}], answer=False)
    ours = [*prompt, *completion]
    assert whole[: len(ours)] == ours
    assert text_of(tokenizer, whole[len(ours) :], skip=True).strip() == "", "only the template's own tail"


@pytest.mark.parametrize("name", FAMILIES)
def test_one_beginning_and_the_end_inside_the_completion(name: str) -> None:
    family, tokenizer, renderer = FAMILIES[name], TOKENIZERS[name], RENDERERS[name]
    prompt = renderer.prompt(conversation("Name the intent.", ["hello", "greeting", "bye"]))
    assert prompt.count(tokenizer.convert_tokens_to_ids(family.bos)) == family.n_bos
    if family.n_bos:
        assert prompt[0] == tokenizer.convert_tokens_to_ids(family.bos)
    completion = renderer.completion("farewell")
    assert renderer.end == (tokenizer.convert_tokens_to_ids(family.end),)
    assert completion[-1:] == renderer.end
    assert completion.count(renderer.end[0]) == 1
    assert text_of(tokenizer, completion[:-1]) == f"{family.lead}farewell"


@pytest.mark.parametrize("name", ["gemma", "mistral"])
def test_a_system_turn_that_the_template_does_not_take_goes_into_the_users(name: str) -> None:
    text = text_of(TOKENIZERS[name], RENDERERS[name].prompt(conversation("Name the intent.", ["hello", "a", "bye"])))
    assert text.count("Name the intent.\n\nhello") == 1
    assert "Name the intent.\n\nbye" not in text


def test_a_system_turn_that_the_template_drops_goes_into_the_users_too() -> None:
    template = (
        "{% for m in messages %}{% if m['role'] != 'system' %}<s>{{ m['content'] }}</s>{% endif %}{% endfor %}<s>"
    )
    tokenizer = tokenizer_of(replace(FAMILIES["zephyr"], template=template))
    assert "rule\n\nhello" in text_of(tokenizer, ChatRenderer(tokenizer).prompt(conversation("rule", ["hello"])))


def test_without_a_template_the_text_is_plain() -> None:
    family = Family(template=None, specials=(), bos="<s>", eos="</s>", end="</s>", n_bos=1)
    tokenizer = tokenizer_of(family)
    renderer = ChatRenderer(tokenizer)
    prompt = renderer.prompt(conversation("Name the intent.", ["hello", "greeting", "bye"]))
    assert text_of(tokenizer, prompt) == "<s>Name the intent.\n\nhello\n\ngreeting\n\nbye"
    assert text_of(tokenizer, renderer.completion("farewell")) == " farewell</s>"
    assert renderer.end == (tokenizer.convert_tokens_to_ids("</s>"),)


def test_a_model_without_a_template_works() -> None:
    model = tiny_model(chat_template=None)
    scores = model.score([model.render(conversation(None, ["hello"]))], [model.completion("a"), model.completion("b")])
    assert scores.logprobs.shape == (1, 2)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}{% endif %}{% endfor %}",
            "drops an assistant's answer",
        ),
        ("{{ raise_exception('never') }}", "does not take this conversation: never"),
        ("{% for m in messages %}", "does not take this conversation: Unexpected end"),
        (
            "{{ messages.__class__.__mro__[1].__subclasses__() }}",
            "does not take this conversation: access to attribute",
        ),
    ],
)
def test_a_template_that_cannot_be_used_is_refused(template: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        ChatRenderer(tokenizer_of(replace(FAMILIES["zephyr"], template=template)))
    assert message in caught.value.message


def test_a_conversation_that_the_template_refuses_is_an_error_of_the_model() -> None:
    with pytest.raises(ModelError, match="roles must alternate"):
        RENDERERS["gemma"].prompt([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])


def test_a_tokenizer_without_an_end_is_refused() -> None:
    family = Family(template=None, specials=(), bos="<s>", eos=None, end="", n_bos=1)
    with pytest.raises(ModelError, match="no end-of-sequence token"):
        ChatRenderer(tokenizer_of(family))


def test_special_tokens_in_a_text_count_as_themselves() -> None:
    renderer = RENDERERS["chatml"]
    assert renderer.encode("<|im_end|>") == renderer.end
    assert renderer.encode("") == ()
