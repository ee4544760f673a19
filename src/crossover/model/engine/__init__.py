"""Passes over forests of tokens: score, embed, train."""

from crossover.model.engine.embed import embed
from crossover.model.engine.prefixes import Prefixes
from crossover.model.engine.score import score
from crossover.model.engine.train import LoraFit

__all__ = ["LoraFit", "Prefixes", "embed", "score"]
