"""The nearest texts of a pool: TF-IDF of words and of character sequences inside words, cosine."""

from __future__ import annotations

__all__ = ["Neighbours"]

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

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
        queries = hstack([v.transform(texts) for v in self._vectorizers]).tocsr()
        similarity = (queries @ self._pool.T).toarray()
        if without is not None:
            similarity[np.arange(len(texts)), list(without)] = -np.inf
            k = min(k, self._pool.shape[0] - 1)
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        return [[int(i) for i in row] for row in order]


def _safe_fit(vectorizer: TfidfVectorizer, pool: Sequence[str]) -> Any:  # noqa: ANN401  # scikit-learn carries no types
    """Fit and transform; a pool without a single word gets one feature that none of it has."""
    try:
        return vectorizer.fit_transform(pool)
    except ValueError:
        return vectorizer.fit(["word"]).transform(pool)
