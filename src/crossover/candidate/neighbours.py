"""The nearest examples of a pool: by TF-IDF of their words, or by the model's own hidden states; cosine."""

from __future__ import annotations

__all__ = ["Neighbours", "nearest_states", "state_similarity"]

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

FloatArray = npt.NDArray[np.float64]

_WORDS = r"(?u)\b\w+\b"


class Neighbours:
    """An index of a pool of texts. Character sequences forgive typos and inflection; words keep the topic."""

    def __init__(self, pool: Sequence[str]) -> None:
        """Index `pool`."""
        self._vectorizers = [
            TfidfVectorizer(sublinear_tf=True, token_pattern=_WORDS),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
        ]
        self._pool: csr_matrix = hstack([_safe_fit(v, pool) for v in self._vectorizers]).tocsr()

    def nearest(self, texts: Sequence[str], k: int, *, without: Sequence[int] | None = None) -> list[list[int]]:
        """Return for each text the indices of its k nearest, nearest first; ties by index.

        Args:
            texts: the queries.
            k: how many.
            without: one pool index for each query that must not be returned (the query itself, for leave-one-out).
        """
        return _best(self.similarity(texts), k, without)

    def similarity(self, texts: Sequence[str]) -> FloatArray:
        """Return how near each text is to each of the pool, [texts, pool]; the sum of two cosines, 0..2."""
        queries = hstack([v.transform(texts) for v in self._vectorizers]).tocsr()
        near: FloatArray = (queries @ self._pool.T).toarray()
        return near


def nearest_states(
    pool: FloatArray, queries: FloatArray, k: int, *, without: Sequence[int] | None = None
) -> list[list[int]]:
    """Return for each query the indices of its k nearest in the pool, as `Neighbours.nearest` does.

    Args:
        pool: hidden states, [pool, features]; they are standardised by the pool's own mean and spread, because a few
            features of a language model's states are large for every text.
        queries: hidden states, [queries, features].
        k: how many.
        without: one pool index for each query that must not be returned.
    """
    return _best(state_similarity(pool, queries), k, without)


def state_similarity(pool: FloatArray, queries: FloatArray) -> FloatArray:
    """Return the cosine of each query to each of the pool, [queries, pool], standardised as in `nearest_states`."""
    mean, spread = pool.mean(axis=0), pool.std(axis=0) + 1e-6
    a, b = ((x - mean) / spread for x in (queries, pool))
    a, b = (x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-12) for x in (a, b))
    near: FloatArray = a @ b.T
    return near


def _best(similarity: FloatArray, k: int, without: Sequence[int] | None) -> list[list[int]]:
    if without is not None:
        similarity[np.arange(len(similarity)), list(without)] = -np.inf
        k = min(k, similarity.shape[1] - 1)
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    return [[int(i) for i in row] for row in order]


def _safe_fit(vectorizer: TfidfVectorizer, pool: Sequence[str]) -> Any:  # noqa: ANN401  # scikit-learn carries no types
    """Fit and transform; a pool without a single word gets one feature that none of it has."""
    try:
        return vectorizer.fit_transform(pool)
    except ValueError:
        return vectorizer.fit(["word"]).transform(pool)
