"""Passes over forests of tokens: score, embed, train; and answers, token by token."""

from crossover.model.engine.adapters import speed_up
from crossover.model.engine.best import BEST_FIRST_NODES, LabelTree, score_best
from crossover.model.engine.divergence import divergences, read_states
from crossover.model.engine.embed import embed
from crossover.model.engine.generate import Decoding
from crossover.model.engine.generator import Generator
from crossover.model.engine.layers import quicken
from crossover.model.engine.memo import Memo
from crossover.model.engine.objectives import Completions, Contrast, Objective
from crossover.model.engine.prefixes import Prefixes
from crossover.model.engine.score import ScoreResult, score, score_own
from crossover.model.engine.train import Fit, FitState

__all__ = [
    "BEST_FIRST_NODES",
    "Completions",
    "Contrast",
    "Decoding",
    "Fit",
    "FitState",
    "Generator",
    "LabelTree",
    "Memo",
    "Objective",
    "Prefixes",
    "ScoreResult",
    "divergences",
    "embed",
    "quicken",
    "read_states",
    "score",
    "score_best",
    "score_own",
    "speed_up",
]
