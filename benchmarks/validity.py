"""How often the verdict is wrong, on studies whose truth is known: what it promises, each with number, bound, outcome.

    python -m benchmarks.validity --studies 2000        the acceptance (most of an hour on one core)
    python -m benchmarks.validity --studies 200 --only null gains

Every study goes through `crossover.verdict.decide`, as those of `crossover simulate` do. A false win is a decision for
prompt, weights or both when all of these are equally good (a much weaker baseline takes part, so that only the choice
between the families can go wrong). With fewer than 2,000 studies a bound is allowed two standard errors of their
number. Promises about live edits of a served prompt belong to the server and are not here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.promises import data, deciding, scores
from benchmarks.promises.row import Row

PARTS: dict[str, Callable[[int], Iterator[Row]]] = {
    "null": deciding.null,
    "clusters": deciding.clusters,
    "intervals": scores.intervals,
    "gains": deciding.gains,
    "one-seed": deciding.one_seed,
    "selection": scores.selection,
    "peeking": deciding.peeking,
    "leaks": data.leaks,
    "curves": data.known_curves,
    "errors": data.errors,
    "best-of-many": deciding.best_of_many,
    "format": data.format_wins,
    "more-labels": scores.more_labels,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies a cell")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args()
    failed = 0
    for part in options.only:
        wall, used = time.monotonic(), time.process_time()
        for row in PARTS[part](options.studies):
            failed += row.passed is False
            print(row, flush=True)
        print(f"  {part}: {time.process_time() - used:.1f} s of one core, {time.monotonic() - wall:.0f} s in all\n")
    print(f"{options.studies} studies a cell; {'all bounds hold' if not failed else f'{failed} bounds do not hold'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
