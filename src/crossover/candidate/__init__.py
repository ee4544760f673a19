"""What a method leaves and how it predicts: constant, copied, nearest, linear, head, prompted; save and load."""

from crossover.candidate.base import Candidate, CandidateParts, Predictor, predict
from crossover.candidate.constant import ConstantCandidate
from crossover.candidate.copied import CopiedCandidate
from crossover.candidate.files import candidate_from_parts, load_candidate, save_candidate
from crossover.candidate.head import HeadCandidate
from crossover.candidate.linear import LinearCandidate
from crossover.candidate.nearest import NearestCandidate
from crossover.candidate.program import Demonstration, PromptProgram, Retrieval
from crossover.candidate.prompted import PromptedCandidate
from crossover.candidate.reasoning import Reasoning

__all__ = [
    "Candidate",
    "CandidateParts",
    "ConstantCandidate",
    "CopiedCandidate",
    "Demonstration",
    "HeadCandidate",
    "LinearCandidate",
    "NearestCandidate",
    "Predictor",
    "PromptProgram",
    "PromptedCandidate",
    "Reasoning",
    "Retrieval",
    "candidate_from_parts",
    "load_candidate",
    "predict",
    "save_candidate",
]
