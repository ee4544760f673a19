"""A linear model on word counts: TF-IDF of words and word pairs, logistic regression. Needs no language model."""

from __future__ import annotations

__all__ = ["LinearCandidate", "vectorizer"]

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from crossover.candidate.base import Candidate, CandidateParts, Predictor
from crossover.candidate.fields import texts
from crossover.candidate.logistic import Logistic, array
from crossover.candidate.wording import joined
from crossover.model.base import LanguageModel
from crossover.records import Inputs, Prediction


def vectorizer(vocabulary: Sequence[str] | None = None) -> Any:  # noqa: ANN401  # scikit-learn carries no types
    """Return the TF-IDF of lower-cased words and word pairs, sublinear in counts; over a vocabulary when given."""
    index = None if vocabulary is None else {word: i for i, word in enumerate(vocabulary)}
    words = r"(?u)\b\w+\b"
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=words, vocabulary=index)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearCandidate(Candidate):
    """Word counts times weights."""

    type: ClassVar[str] = "linear"
    fields: tuple[str, ...]
    vocabulary: tuple[str, ...]
    idf: np.ndarray[Any, np.dtype[np.float64]]
    model: Logistic

    @property
    def needs_model(self) -> bool:
        """No language model is needed."""
        return False

    def predictor(self, model: LanguageModel | None) -> Predictor:
        """Return the function that counts words and answers."""
        counts = vectorizer(self.vocabulary)
        counts.idf_ = self.idf

        def answer(inputs: Sequence[Inputs]) -> list[Prediction]:
            return self.model.answers(counts.transform([joined(i, self.fields) for i in inputs])) if inputs else []

        return answer

    def parts(self) -> CandidateParts:
        """Return words and weights as plain data."""
        return CandidateParts(
            type=self.type,
            config={"fields": self.fields, "vocabulary": self.vocabulary, "labels": self.model.labels},
            tensors={
                "idf": torch.from_numpy(self.idf),
                "weights": torch.from_numpy(self.model.weights),
                "bias": torch.from_numpy(self.model.bias),
            },
        )

    @classmethod
    def from_parts(cls, parts: CandidateParts) -> Self:
        """Rebuild the candidate."""
        vocabulary = texts(parts.config, "vocabulary")
        n = len(vocabulary)
        if not n or len(set(vocabulary)) < n:
            raise ValueError("field 'vocabulary' must hold words, each once")
        return cls(
            fields=texts(parts.config, "fields"),
            vocabulary=vocabulary,
            idf=array(parts, "idf", (n,)),
            model=Logistic.of_parts(parts, n),
        )
