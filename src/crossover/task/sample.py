"""Which training rows a label budget buys: seeded, stratified, and nested, so that 32 are among 128."""

from __future__ import annotations

__all__ = ["sample", "unlabelled", "validation"]

from collections import defaultdict
from collections.abc import Container, Sequence

from crossover.errors import OptionError
from crossover.records import Example, Inputs
from crossover.task.split import shuffled


def sample(train: Sequence[Example], budget: int, seed: int, labels: Sequence[str]) -> tuple[Example, ...]:
    """Return `budget` training examples: the beginning of one order per seed, so small budgets are inside larger ones.

    Without labels the order is random; examples without a target, which count in no budget, come last. With labels it
    takes one example of each first, large labels before small ones, then always one of the label that is furthest
    behind its share of the training rows. It depends on the seed and the examples' ids, not on their order.

    Args:
        train: the training split.
        budget: number of examples; 0 gives none.
        seed: another seed draws others.
        labels: the task's labels; none for tasks whose answers are free.

    Raises:
        OptionError: the budget is negative, or larger than the training split.
    """
    if not 0 <= budget <= len(train):
        raise OptionError(
            f"budget {budget:,} is not possible: there are {len(train):,} training rows.",
            f"allowed: 0 to {len(train):,}",
        )
    if not labels:
        by_id = {example.id: example for example in train}
        order = sorted(shuffled(by_id, f"crossover.sample/{seed}"), key=lambda name: by_id[name].target is None)
        return tuple(by_id[name] for name in order[:budget])
    by_label: dict[str, dict[str, Example]] = defaultdict(dict)
    for example in train:
        if example.target is None or example.target not in labels:
            raise ValueError(
                f"training example {example.id} has the target {example.target!r}, which is no label of the task"
            )
        by_label[example.target][example.id] = example
    queues = {label: shuffled(members, f"crossover.sample/{seed}") for label, members in by_label.items()}
    ties = {label: place for place, label in enumerate(shuffled(queues, f"crossover.sample/{seed}/labels"))}
    size = {label: len(queue) for label, queue in queues.items()}
    order = sorted(queues, key=lambda label: (-size[label], ties[label]))
    taken = dict.fromkeys(order, 0)
    drawn: list[Example] = []
    for place in range(budget):
        if place < len(order):
            label = order[place]
        else:
            # A label with no rows left is never behind its share, so it is never the one.
            label = max(order, key=lambda label: ((place + 1) * size[label] / len(train) - taken[label], size[label]))
        drawn.append(by_label[label][queues[label][taken[label]]])
        taken[label] += 1
    return tuple(drawn)


def unlabelled(train: Sequence[Example], seed: int, n: int, *, but: Container[str] = ()) -> tuple[Inputs, ...]:
    """Return the inputs of up to n training examples, without their targets, in a seeded order.

    `but`: ids of examples that are left out.
    """
    by_id = {example.id: example for example in train if example.id not in but}
    return tuple(by_id[name].inputs for name in shuffled(by_id, f"crossover.unlabelled/{seed}")[: max(0, n)])


FEWEST_VALIDATION = 16
"""Fewer validation rows would say less than a method's own dev score."""


def validation(
    train: Sequence[Example], budget: int, seed: int, labels: Sequence[str], *, n: int
) -> tuple[Example, ...]:
    """Return up to n labelled training examples outside a seed's draw: what methods, once fitted, are compared on.

    They are drawn at random, and no more than half of what the budget leaves; those that belong together with a row of
    the draw are not taken. There are none where fewer than `FEWEST_VALIDATION` would be left. Another budget draws
    nearly the same ones.

    Args:
        train: the training split.
        budget: of the draw, as for `sample`.
        seed: of the draw.
        labels: as for `sample`.
        n: how many are wanted.

    Raises:
        OptionError: as for `sample`.
    """
    drawn = sample(train, budget, seed, labels)
    taken = {example.id for example in drawn}
    together = {example.group for example in drawn if example.group is not None}
    free = {e.id: e for e in train if e.target is not None and e.id not in taken and e.group not in together}
    size = min(n, len(free) // 2)
    if size < FEWEST_VALIDATION:
        return ()
    return tuple(free[name] for name in shuffled(free, f"crossover.validation/{seed}")[:size])
