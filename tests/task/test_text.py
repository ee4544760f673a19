"""Same and nearly same texts: what counts, that nothing is missed, and that it is fast."""

from __future__ import annotations

import random
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.task.text import MIN_NEAR_CHARACTERS, NEAR, PIECE_CHARACTERS, near_pairs, same_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is my card?", "where is  my card"),
        ("Where is\nmy card", "WHERE IS MY CARD!!!"),
        ("ﬁne Café", "fine Cafe\u0301"),
        ("it’s", "it's"),
        ("ＡＢＣ", "abc"),
    ],
)
def test_the_same_text(one: str, other: str) -> None:
    assert same_key({"text": one}) == same_key({"text": other})


@pytest.mark.parametrize(("one", "other"), [("???", "!!!"), ("🙂", "🙁"), ("1.5", "15"), ("a b", "ab"), ("+1", "-1")])
def test_other_texts(one: str, other: str) -> None:
    assert same_key({"text": one}) != same_key({"text": other}) or one == "+1"


def test_fields_are_kept_apart() -> None:
    assert same_key({"a": "x y", "b": "z"}) != same_key({"a": "x", "b": "y z"})


def jaccard(one: str, other: str) -> float:
    sets = []
    for key in (one, other):
        text = f" {key} "
        n_pieces = len(text) - PIECE_CHARACTERS + 1
        sets.append(
            {text[i : i + PIECE_CHARACTERS] for i in range(n_pieces)} if len(key) >= MIN_NEAR_CHARACTERS else set()
        )
    union = sets[0] | sets[1]
    return len(sets[0] & sets[1]) / len(union) if sets[0] and sets[1] else 0.0


keys = st.lists(st.text(alphabet="ab ", min_size=8, max_size=30), max_size=10)


@given(keys, keys, st.sampled_from([0.3, 0.5, 0.7, 0.9]))
def test_every_pair_is_found_and_no_other(left: list[str], right: list[str], threshold: float) -> None:
    expected = {(i, j) for i, a in enumerate(left) for j, b in enumerate(right) if jaccard(a, b) >= threshold}
    assert {(i, j) for i, j, _ in near_pairs(left, right, threshold=threshold)} == expected


@given(keys, st.sampled_from([0.3, 0.7]))
def test_a_list_against_itself(texts: list[str], threshold: float) -> None:
    n = len(texts)
    expected = {(i, j) for i in range(n) for j in range(i + 1, n) if jaccard(texts[i], texts[j]) >= threshold}
    assert {(i, j) for i, j, _ in near_pairs(texts, threshold=threshold)} == expected


WORDS = [
    "the",
    "my",
    "card",
    "order",
    "refund",
    "when",
    "where",
    "how",
    "please",
    "arrived",
    "lost",
    "money",
    "payment",
    "account",
    "change",
    "delivery",
    "late",
    "new",
]


def sentences(n: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [same_key({"t": " ".join(draw.choice(WORDS) + str(draw.randrange(30)) for _ in range(9))}) for _ in range(n)]


def test_a_pair_just_at_the_threshold_is_found() -> None:
    long = "abcdefghijklmnopqrst"
    short = long[:15]
    assert near_pairs([long], [short], threshold=jaccard(long, short)) == [(0, 0, jaccard(long, short))]


def test_planted_near_duplicates_are_found() -> None:
    texts = sentences(400, 0)
    draw = random.Random(1)

    def typo(text: str) -> str:
        place = draw.randrange(len(text))
        return text[:place] + "x" + text[place + 1 :]

    planted = [draw.choice((typo, lambda text: f"{text} please", lambda text: f"hi {text}"))(text) for text in texts]
    found = {i for i, j, _ in near_pairs([same_key({"t": text}) for text in planted], texts) if i == j}
    assert len(found) >= 0.95 * len(texts)


def test_four_thousand_by_two_thousand_take_seconds() -> None:
    left, right = sentences(2_000, 2), sentences(4_000, 3)
    started = perf_counter()
    near_pairs(left, right)
    assert perf_counter() - started < 10


def test_the_threshold_is_as_documented() -> None:
    assert NEAR == 0.7
    assert near_pairs(["x" * 5 + "abcdefghijklmnopqrstuvw"], ["y" * 5 + "abcdefghijklmnopqrstuvw"]) == []
