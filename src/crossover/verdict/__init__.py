"""Records -> decision, crossover, break-even, recommendation, with reasons; and the same in words and as JSON."""

from crossover.verdict.aspects import COLUMNS, Aspect, Aspects, aspects, aspects_to_json
from crossover.verdict.decide import decide
from crossover.verdict.design import DEFAULT_GAINS, Outcome, Simulation, advice, simulate
from crossover.verdict.diff import Diff, diff_to_json
from crossover.verdict.differ import Differing
from crossover.verdict.economics import break_even, with_economics
from crossover.verdict.questions import explanation
from crossover.verdict.schema import SCHEMA, from_json, to_json
from crossover.verdict.sides import prompt_at_start, trials_of
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
    "aspects_to_json",
    "break_even",
    "decide",
    "diff_to_json",
    "explanation",
    "from_json",
    "headline",
    "prompt_at_start",
    "simulate",
    "to_json",
    "trials_of",
    "with_economics",
]
