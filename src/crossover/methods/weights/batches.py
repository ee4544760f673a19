"""In which order a fit's rows are learned."""

from __future__ import annotations

__all__ = ["batches"]

import random
from collections.abc import Iterator, Sequence


def batches(indices: Sequence[int], seed: int | str, size: int, first: Sequence[int] = ()) -> Iterator[list[int]]:
    """Yield batches that go through the rows in shuffled rounds; the first round begins with `first`."""
    generator = random.Random(f"crossover.batches/{seed}")
    queue: list[int] = list(first)
    size = min(size, len(indices))
    while True:
        while len(queue) < size:
            rest = [i for i in indices if i not in queue]
            queue += generator.sample(rest, len(rest))
        yield queue[:size]
        queue = queue[size:]
