"""Whole characters only, and stop strings wherever tokens begin and end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from crossover.model.engine.text import AnswerText

WORDS = "né forêt été à l'hôtel, 日本語 日曜日 日記 🙂🙃 naïve café ... ---\n\nEnd of it. Ende"


def trained() -> Tokenizer:
    """Return a tokenizer whose tokens begin and end inside characters too."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([WORDS] * 3, trainer)
    return tokenizer


TOKENIZER = trained()
texts = st.text(st.sampled_from(sorted(set(WORDS))) | st.characters(codec="utf-8", exclude_characters="\ufffd"))


def decode(tokens: Sequence[int]) -> str:
    return str(TOKENIZER.decode(list(tokens), skip_special_tokens=True))


def encode(text: str) -> list[int]:
    return list(TOKENIZER.encode(text).ids)


def first_stop(text: str, stop: Sequence[str]) -> int | None:
    """Return where the stop string begins that is complete first."""
    for n in range(len(text) + 1):
        if found := [place for s in stop if (place := text[:n].find(s)) >= 0]:
            return min(found)
    return None


def test_some_tokens_hold_parts_of_characters() -> None:
    parts = [decode([token]) for token in encode(WORDS)]
    assert any("\ufffd" in part and len(part) > 1 for part in parts)


@given(texts, st.lists(texts.filter(bool), max_size=3))
def test_the_text_is_what_all_tokens_say_up_to_the_stop(text: str, stop: list[str]) -> None:
    answer = AnswerText(decode, stop)
    cut = first_stop(text, stop)
    before = ""
    for token in encode(text):
        stopped = answer.push([token])
        assert "\ufffd" not in answer.text
        assert text.startswith(answer.text)
        assert stopped or answer.text.startswith(before)
        before = answer.text
        if stopped:
            assert cut is not None
            break
    else:
        assert cut is None
    assert answer.text == text[:cut]


@given(texts, st.lists(texts.filter(bool), max_size=2))
def test_tokens_may_come_several_at_once(text: str, stop: list[str]) -> None:
    at_once, one_by_one = AnswerText(decode, stop), AnswerText(decode, stop)
    stopped = at_once.push(encode(text))
    assert stopped == any(one_by_one.push([token]) for token in encode(text))
    assert at_once.text == one_by_one.text


@pytest.mark.parametrize("stop", [[], ["never"]])
def test_a_character_that_is_cut_is_left_out(stop: list[str]) -> None:
    answer = AnswerText(decode, stop)
    answer.push(encode("ok 🙂")[:-1])
    assert answer.text == "ok "


@pytest.mark.parametrize("stop", [[], ["never"]])
def test_bytes_that_are_no_character_stay_inside_and_go_at_the_end(stop: list[str]) -> None:
    broken = encode("🙂")[:1]
    answer = AnswerText(decode, stop)
    answer.push([*encode("a"), *broken, *encode("b"), *broken, *broken])
    assert answer.text == "a\ufffdb"


def test_a_stop_string_is_found_before_a_character_that_is_not_whole() -> None:
    answer = AnswerText(decode, ["k"])
    assert answer.push([*encode("ok"), *encode("🙂")[:1]])
    assert answer.text == "o"
