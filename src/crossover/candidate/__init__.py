"""What a method leaves and how it predicts: constant, linear, head, prompted; save and load."""

from crossover.candidate.base import Candidate, CandidateParts, Predictor, predict
from crossover.candidate.constant import ConstantCandidate
from crossover.candidate.files import candidate_from_parts, load_candidate, save_candidate
from crossover.candidate.head import HeadCandidate
from crossover.candidate.linear import LinearCandidate
from crossover.candidate.program import Demonstration, PromptProgram, Retrieval
from crossover.candidate.prompted import PromptedCandidate

__all__ = [
    "Candidate",
    "CandidateParts",
    "ConstantCandidate",
    "Demonstration",
    "HeadCandidate",
    "LinearCandidate",
    "Predictor",
    "PromptProgram",
    "PromptedCandidate",
    "Retrieval",
    "candidate_from_parts",
    "load_candidate",
    "predict",
    "save_candidate",
]
