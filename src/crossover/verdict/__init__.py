"""Records -> decision, crossover, break-even, recommendation, with reasons; and the same in words and as JSON."""

from crossover.verdict.aspects import COLUMNS, Aspect, Aspects, aspects
from crossover.verdict.decide import decide
from crossover.verdict.diff import Diff, diff_to_json
from crossover.verdict.differ import Differing
from crossover.verdict.questions import explanation
from crossover.verdict.schema import SCHEMA, from_json, to_json
from crossover.verdict.sides import prompt_at_start, trials_of
from crossover.verdict.simulation import DEFAULT_GAINS, Outcome, Simulation, advice, simulate_studies
from crossover.verdict.words import headline

__all__ = [
    "COLUMNS",
    "DEFAULT_GAINS",
    "SCHEMA",
    "Aspect",
    "Aspects",
    "Diff",
    "Differing",
    "Outcome",
    "Simulation",
    "advice",
    "aspects",
    "decide",
    "diff_to_json",
    "explanation",
    "from_json",
    "headline",
    "prompt_at_start",
    "simulate_studies",
    "to_json",
    "trials_of",
]
