"""Results of whole calls on the frozen model: every seed of a frozen arm asks the same test rows the same."""

from __future__ import annotations

__all__ = ["Memo"]

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from crossover.model.engine.score import ScoreResult

_KEPT = 8


class Memo:
    """The last few results. A call is taken whole or not at all, so that no result depends on what was kept.

    Half a call from memory would batch the other half otherwise than a fresh process does, and at low precision that
    may turn a near-tie.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._known: dict[bytes, ScoreResult] = {}

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()

    def result(
        self, *asked: Sequence[Sequence[int]], compute: Callable[[], ScoreResult], offsets: Sequence[float] = ()
    ) -> ScoreResult:
        """Return what was computed for exactly these token ids (and offsets) before, or compute it now."""
        key = _digest(asked, offsets)
        known = self._known.pop(key, None) or compute()
        self._known[key] = known  # the last used is the last to be forgotten
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        return ScoreResult(values=known.values.copy(), tokens=known.tokens)


def _digest(asked: Sequence[Sequence[Sequence[int]]], offsets: Sequence[float]) -> bytes:
    total = hashlib.blake2b(np.array(offsets, dtype=np.float64).tobytes(), digest_size=16)
    for sequences in asked:
        lengths: npt.NDArray[np.int64] = np.array([len(s) for s in sequences], dtype=np.int64)
        tokens: npt.NDArray[np.int64] = np.array([t for s in sequences for t in s], dtype=np.int64)
        total.update(len(sequences).to_bytes(8, "little") + lengths.tobytes() + tokens.tobytes())
    return total.digest()
