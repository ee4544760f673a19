"""How often a study's design would be wrong, before the study is run."""

from __future__ import annotations

__all__ = ["simulate"]

from collections.abc import Sequence

from crossover.api.words import check_margin
from crossover.errors import OptionError
from crossover.records import DEFAULT_MARGIN
from crossover.verdict import DEFAULT_GAINS, Simulation, simulate_studies


def simulate(
    *,
    test_size: int = 500,
    seeds: int = 3,
    budgets: Sequence[int] = (64,),
    gains: Sequence[float] = DEFAULT_GAINS,
    seed_sd: float = 0.02,
    margin: float = DEFAULT_MARGIN,
    studies: int = 500,
) -> Simulation:
    """Put the whole decision procedure to many studies of known truth: no model, no data, the same at every call.

    Args:
        test_size: test rows; 500 is what `compare` takes at most where nobody says otherwise.
        seeds: on all sides.
        budgets: label budgets. The decision is made at the largest; others take time and change little.
        gains: by which weights are better than prompts there, fractions of 1.
        seed_sd: standard deviation of an arm's score between seeds, a fraction of 1.
        margin: differences up to it count as none.
        studies: to simulate for each gain.

    Raises:
        OptionError: a value is not allowed.
    """
    _within("--test-size", test_size, 5, 100_000)
    _within("--seeds", seeds, 1, 100)
    _within("--studies", studies, 10, 100_000)
    _within("--seed-sd", 100 * seed_sd, 0, 20, "points")
    check_margin(margin)
    if not budgets or max(budgets) < 1 or min(budgets) < 0:
        raise OptionError(
            f"--budgets {','.join(map(str, budgets))} has no budget at which there is something to compare.",
            "allowed: 0 and more, one of them at least 1",
        )
    for gain in gains:
        _within("--gain", 100 * gain, 0, 60, "points")
    if not gains:
        raise OptionError("--gain names none.", "write points with commas between: --gain 0,5,10")
    return simulate_studies(
        test_size=test_size,
        seeds=seeds,
        budgets=budgets,
        gains=gains,
        seed_sd=seed_sd,
        margin=margin,
        studies=studies,
    )


def _within(option: str, value: float, least: float, most: float, unit: str = "") -> None:
    if not least <= value <= most:
        raise OptionError(f"{option} {value:g} is not possible.", f"allowed: {least:,g} to {most:,g} {unit}".rstrip())
