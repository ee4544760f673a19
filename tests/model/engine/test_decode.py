"""Rows that enter, grow by one token or several, and leave: logits are those of a plain pass, whatever the batch."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.model.engine import row_cache
from crossover.model.engine.cache_shape import cache_shape
from crossover.model.engine.decode import Decoder, SharedDecoder, SingleDecoder
from crossover.model.engine.forward import compute_prefix
from crossover.model.local import LocalModel
from tests.model.networks import model_of

Ids = Sequence[int]


def shared(model: LocalModel, beginning: Ids, n_prompts: int, longest: int = 200, max_rows: int = 64) -> SharedDecoder:
    shape = cache_shape(model._network)
    assert shape is not None
    prefix = compute_prefix(model._network, beginning) if beginning else None
    return SharedDecoder(model._network, shape, n_prompts=n_prompts, longest=longest, prefix=prefix, max_rows=max_rows)


def check(model: LocalModel, rows: Sequence[Ids], logits: torch.Tensor) -> None:
    with torch.no_grad():
        expected = torch.stack([model._network(input_ids=torch.tensor([list(row)])).logits[0, -1] for row in rows])
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


ids = st.integers(0, 257)


@settings(max_examples=40)
@given(data=st.data(), beginning=st.lists(ids, max_size=12))
def test_logits_are_those_of_each_row_alone(tiny: LocalModel, data: st.DataObject, beginning: list[int]) -> None:
    decoder = shared(tiny, beginning, n_prompts=data.draw(st.integers(1, 9)))
    rows: list[list[int]] = []
    computed = 0
    with torch.inference_mode():
        for _ in range(data.draw(st.integers(1, 8))):
            room = decoder.rows - len(rows)
            does = data.draw(st.sampled_from((["enter"] if room else []) + (["step", "step", "leave"] if rows else [])))
            if does == "enter":
                new = data.draw(st.lists(st.lists(ids, min_size=1, max_size=9), min_size=1, max_size=room))
                entered = [[*beginning, *suffix] for suffix in new]
                check(tiny, entered, decoder.enter(entered))
                rows += entered
            elif does == "step":
                n = len(rows)
                added = data.draw(st.lists(st.lists(ids, min_size=1, max_size=3), min_size=n, max_size=n))
                logits = decoder.step(added)
                rows = [[*row, *more] for row, more in zip(rows, added, strict=True)]
                check(tiny, rows, logits)
                computed += sum(map(len, added))
            else:
                place = data.draw(st.integers(0, len(rows) - 1))
                decoder.leave(place)
                rows[place] = rows[-1]
                rows.pop()
    assert decoder.tokens >= computed


def test_buffers_grow_with_their_rows(tiny: LocalModel) -> None:
    decoder = shared(tiny, range(20), n_prompts=3, longest=600)
    rows = [[*range(20), i, *range(i)] for i in (1, 30, 60)]
    with torch.inference_mode():
        decoder.enter(rows)
        for token in range(200):
            logits = decoder.step([[token % 256]] * 3)
            rows = [[*row, token % 256] for row in rows]
    check(tiny, rows, logits)


def test_the_shared_beginning_is_kept_once(tiny: LocalModel) -> None:
    decoder = shared(tiny, range(100), n_prompts=8)
    with torch.inference_mode():
        decoder.enter([[*range(100), i] for i in range(8)])
    assert all(layer.keys.shape[0] < 8 * 100 for layer in decoder._cache._layers)
    alone = shared(tiny, range(100), n_prompts=1)
    with torch.inference_mode():
        check(tiny, [[*range(100), 5]], alone.enter([[*range(100), 5]]))
        check(tiny, [[*range(100), 5, 6]], alone.step([[6]]))


def test_rows_are_bounded_by_number_and_by_memory(tiny: LocalModel) -> None:
    assert shared(tiny, (), n_prompts=3).rows == 3
    assert shared(tiny, (), n_prompts=300).rows == 64
    assert shared(tiny, (), n_prompts=300, max_rows=5).rows == 5
    assert shared(tiny, (), n_prompts=300, longest=2**20).rows == 2**31 // (2**20 * 2 * 2 * 2 * 8 * 4)
    assert shared(tiny, (), n_prompts=300, longest=2**40).rows == 1


def test_the_part_without_torchs_own_operator_is_the_same() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, n, 8, generator=generator) for n in (4, 9, 9))
    bias = torch.zeros(2, 1, 4, 9)
    bias[0, :, :, 5:] = -torch.inf
    for mask in (None, bias):
        quick = row_cache._part(query, key, value, mask, 0.3)
        plain = row_cache._plain_part(query, key, value, mask, 0.3)
        torch.testing.assert_close(quick, plain)


@pytest.mark.parametrize("name", ["llama", "a sliding window", "positions by bias"])
def test_one_row_after_another(name: str) -> None:
    model = model_of(name)
    decoder: Decoder = SingleDecoder(model._network)
    assert decoder.rows == 1
    for prompt in ([1, 2, 3], [4]):
        with torch.inference_mode():
            check(model, [prompt], decoder.enter([prompt]))
            check(model, [[*prompt, 5]], decoder.step([[5]]))
            check(model, [[*prompt, 5, 6, 7]], decoder.step([[6, 7]]))
        decoder.leave(0)
    assert decoder.tokens == 3 + 3 + 1 + 3
