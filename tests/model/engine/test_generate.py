"""Rows that wait, enter, end and leave."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.model.engine import Prefixes
from crossover.model.engine.cache_shape import cache_shape
from crossover.model.engine.decode import Decoder, SharedDecoder
from crossover.model.engine.generate import Decoding, generate
from crossover.model.local import LocalModel
from crossover.model.tiny import tiny_model

Ids = Sequence[int]
BEGINNING = tuple(range(60, 90))
PROMPTS = [(*BEGINNING, *range(i % 5), i) for i in range(9)]


class Watched(Decoder):
    """A decoder that notes how many rows each step had, 0 where rows entered."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.steps: list[int] = []

    @property
    def rows(self) -> int:
        return self.decoder.rows

    def enter(self, prompts: Sequence[Ids]) -> torch.Tensor:
        self.steps.append(0)
        return self.decoder.enter(prompts)

    def step(self, tokens: Sequence[Ids]) -> torch.Tensor:
        self.steps.append(len(tokens))
        return self.decoder.step(tokens)

    def leave(self, place: int) -> None:
        self.decoder.leave(place)


def decoder_of(model: LocalModel, prompts: Sequence[Ids], max_rows: int) -> Watched:
    network = model._network
    shape = cache_shape(network)
    assert shape is not None
    prefix, _ = Prefixes(network).for_prompts(prompts)
    return Watched(SharedDecoder(network, shape, n_prompts=len(prompts), longest=200, prefix=prefix, max_rows=max_rows))


def decode(tokens: Ids) -> str:
    return "".join(chr(token) for token in tokens)


def plain_greedy(model: LocalModel, prompt: Ids, how: Decoding) -> tuple[int, ...]:
    row = list(prompt)
    for _ in range(how.max_tokens):
        with torch.no_grad():
            row.append(int(model._network(input_ids=torch.tensor([row])).logits[0, -1].argmax()))
        if row[-1] in how.ends:
            break
    return tuple(row[len(prompt) :])


ids = st.integers(0, 257)


@settings(max_examples=30)
@given(
    beginning=st.lists(ids, max_size=20),
    suffixes=st.lists(st.lists(ids, min_size=1, max_size=6), min_size=1, max_size=6),
    max_tokens=st.integers(1, 7),
    max_rows=st.integers(1, 6),
    ends=st.frozensets(ids, max_size=60),
)
def test_shapes_make_no_difference(
    tiny: LocalModel,
    beginning: list[int],
    suffixes: list[list[int]],
    max_tokens: int,
    max_rows: int,
    ends: frozenset[int],
) -> None:
    prompts = [[*beginning, *suffix] for suffix in suffixes]
    how = Decoding(max_tokens=max_tokens, ends=ends)
    answers = generate(decoder_of(tiny, prompts, max_rows), prompts, how, decode)
    for prompt, answer in zip(prompts, answers, strict=True):
        assert answer.tokens == plain_greedy(tiny, prompt, how)
        assert answer.output_tokens == len(answer.tokens)
        assert answer.prompt_tokens == len(prompt)
        assert answer.finish == ("eos" if answer.tokens[-1] in ends else "length")
        assert answer.text == decode([token for token in answer.tokens if token not in ends])


def test_a_row_that_runs_on_does_not_hold_up_the_rest(tiny: LocalModel) -> None:
    how = Decoding(max_tokens=40, ends=frozenset())
    alone = [generate(decoder_of(tiny, [p], 1), [p], how, decode)[0].tokens for p in PROMPTS]
    # Everything that the short rows say third, and the long one never, ends an answer.
    ends = frozenset(tokens[2] for tokens in alone[1:]) - frozenset(alone[0])
    assert ends
    how = Decoding(max_tokens=40, ends=ends)
    decoder = decoder_of(tiny, PROMPTS, 3)
    answers = generate(decoder, PROMPTS, how, decode)
    assert answers[0].output_tokens == 40
    assert min(answer.output_tokens for answer in answers) <= 3
    last_entry = max(i for i, n in enumerate(decoder.steps) if n == 0)
    assert all(n in (0, 3) for n in decoder.steps[:last_entry]), "no place stays empty while a row waits"
    read = [n for n in decoder.steps if n]
    assert sum(read) == sum(answer.output_tokens - 1 for answer in answers), "no row is computed after its end"
    assert read[last_entry:] == sorted(read[last_entry:], reverse=True)


def test_waiting_rows_enter_a_few_at_once(tiny: LocalModel) -> None:
    prompts = [(*BEGINNING, i % 250, i % 7) for i in range(100)]
    ends = frozenset(range(0, 258, 5))
    decoder = decoder_of(tiny, prompts, 64)
    answers = generate(decoder, prompts, Decoding(max_tokens=20, ends=ends, temperature=1.0), decode)
    assert sum(n for n in decoder.steps) == sum(answer.output_tokens - 1 for answer in answers)
    last_entry = max(i for i, n in enumerate(decoder.steps) if n == 0)
    waiting = [n for n in decoder.steps[:last_entry] if n]
    assert min(waiting) > 64 - 4, "four free places are filled"
    assert decoder.steps.count(0) <= 1 + 36 // 4 + 1


@pytest.mark.parametrize("max_rows", [1, 2, 64])
def test_a_sample_does_not_depend_on_its_batch(tiny: LocalModel, max_rows: int) -> None:
    how = Decoding(max_tokens=12, ends=frozenset(range(40)), temperature=1.3, seed=4)
    expected = generate(decoder_of(tiny, PROMPTS, 5), PROMPTS, how, decode)
    assert generate(decoder_of(tiny, PROMPTS, max_rows), PROMPTS, how, decode) == expected
    few = [PROMPTS[0], PROMPTS[3], PROMPTS[2]]
    assert generate(decoder_of(tiny, few, max_rows), few, how, decode)[0::2] == expected[0:3:2]


def test_the_seed_and_the_index_make_the_sample() -> None:
    model = tiny_model()
    same = [PROMPTS[0]] * 4
    first, second, again = (model.generate(same, max_tokens=12, temperature=1.0, seed=seed) for seed in (1, 2, 1))
    assert first == again
    assert len({answer.tokens for answer in [*first, *second]}) == 8


def test_a_prompts_own_seed_makes_its_sample_wherever_it_stands() -> None:
    model = tiny_model()
    seeds = [5, 6, 7, 5]
    first = model.generate([*PROMPTS[:3], PROMPTS[0]], max_tokens=12, temperature=1.0, seed=seeds)
    assert first[0] == first[3]
    assert model.generate(PROMPTS[2::-1], max_tokens=12, temperature=1.0, seed=seeds[2::-1]) == first[2::-1]
    assert model.generate(PROMPTS[:1], max_tokens=12, temperature=1.0, seed=[6]) != first[:1]


def test_the_tokens_computed_are_counted() -> None:
    model = tiny_model()
    answers = model.generate(PROMPTS, max_tokens=10)
    suffixes = {
        (*prompt[len(BEGINNING) :][: n + 1],) for prompt in PROMPTS for n in range(len(prompt) - len(BEGINNING))
    }
    read = sum(answer.output_tokens - 1 for answer in answers)
    assert model.token_passes == len(BEGINNING) + len(suffixes) + read
    before = model.token_passes
    (answer,) = model.generate(PROMPTS[:1], max_tokens=10)
    assert model.token_passes - before == len(PROMPTS[0]) - len(BEGINNING) + answer.output_tokens - 1
