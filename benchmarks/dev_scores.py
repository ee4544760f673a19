"""What the score of a chosen configuration is worth, estimated in three ways: docs/log.md's figures on dev scores.

    python benchmarks/dev_scores.py

Six configurations answer the same rows, right with known probabilities and with correlated luck; the one that is right
most often is chosen. Printed are bias and root mean square error of its own score, of leave-one-out (each row by the
configuration that the other rows choose) and of `crossover.methods.choosing.out_of_bag_score`.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from crossover.methods.choosing import out_of_bag_score

STUDIES = 1500
SETTINGS: dict[str, tuple[list[float], float]] = {
    "equal": ([0.5] * 6, 0.6),
    "close": ([0.45, 0.48, 0.5, 0.5, 0.52, 0.55], 0.6),
    "one clearly better": ([0.4] * 5 + [0.6], 0.6),
    "equal, independent": ([0.5] * 6, 0.0),
    "twelve equal, independent": ([0.5] * 12, 0.0),
}


def errors(truth: list[float], correlation: float, rows: int, generator: np.random.Generator) -> list[float]:
    """Return how far each estimate is from the worth of the configuration that is chosen."""
    shared = np.sqrt(correlation) * generator.normal(size=rows)
    luck = shared + np.sqrt(1 - correlation) * generator.normal(size=(len(truth), rows))
    scores = (luck < np.asarray(norm.ppf(truth)).reshape(-1, 1)).astype(np.float64)
    chosen = scores.mean(axis=1).argmax()
    others = scores.sum(axis=1, keepdims=True) - scores
    left_out = scores[others.argmax(axis=0), np.arange(rows)].mean()
    out_of_bag = out_of_bag_score(scores)
    assert out_of_bag is not None
    return [float(found) - truth[chosen] for found in (scores[chosen].mean(), left_out, out_of_bag)]


def main() -> None:
    print(f"{'':28}rows   own score     leave-one-out   out of bag      (bias, root mean square error)")
    for name, (truth, correlation) in SETTINGS.items():
        for rows in (16, 24, 32):
            generator = np.random.default_rng(0)
            found = np.array([errors(truth, correlation, rows, generator) for _ in range(STUDIES)])
            cells = zip(found.mean(axis=0), np.sqrt((found**2).mean(axis=0)), strict=True)
            print(f"{name:28}{rows:4}   " + "   ".join(f"{bias:+.3f}, {rmse:.3f}" for bias, rmse in cells))


if __name__ == "__main__":
    main()
