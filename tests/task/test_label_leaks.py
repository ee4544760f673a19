"""Labels that stand in their own inputs."""

from __future__ import annotations

from collections.abc import Sequence

from crossover.task.clean import Row
from crossover.task.label_leaks import rows_with_their_label
from crossover.task.text import same_key


def _rows(cells: Sequence[tuple[str, str]]) -> list[Row]:
    return [
        Row(number=i, inputs={"text": text}, target=label, key=same_key({"text": text}), stratum=label)
        for i, (text, label) in enumerate(cells, start=2)
    ]


PLAIN = [("my card was charged", "billing"), ("the door is late", "shipping fee")] * 5


def test_they_are_named_in_any_writing() -> None:
    told = [
        ("charged again (Billing)", "billing"),
        ("late: SHIPPING-FEE", "shipping fee"),
        ("label=billing", "billing"),
    ]
    assert rows_with_their_label(_rows([*PLAIN, *told])) == (12, 13, 14)


def test_what_chance_puts_there_is_not() -> None:
    mixed = [("about billing", "billing"), ("about billing", "shipping fee")] * 4
    assert rows_with_their_label(_rows([*PLAIN, *mixed])) == ()


def test_two_are_too_few_and_parts_of_words_are_none() -> None:
    assert rows_with_their_label(_rows([*PLAIN, *[("billing", "billing")] * 2])) == ()
    assert rows_with_their_label(_rows([*PLAIN, *[("rebillings", "billing")] * 5])) == ()


def test_codes_are_not_looked_for() -> None:
    assert rows_with_their_label(_rows([("room 100 is a", "100"), ("a day", "a"), ("room 100", "100")] * 5)) == ()
