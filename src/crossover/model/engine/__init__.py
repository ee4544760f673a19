"""Passes over forests of tokens: score, embed, train; and answers, token by token."""

from crossover.model.engine.embed import embed
from crossover.model.engine.generate import Decoding
from crossover.model.engine.generator import Generator
from crossover.model.engine.memo import Memo
from crossover.model.engine.prefixes import Prefixes
from crossover.model.engine.score import ScoreResult, score
from crossover.model.engine.train import LoraFit

__all__ = ["Decoding", "Generator", "LoraFit", "Memo", "Prefixes", "ScoreResult", "embed", "score"]
