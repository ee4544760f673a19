"""One model in several precisions, never two of them in memory."""

from __future__ import annotations

__all__ = ["OneModel"]

import gc

import torch

from crossover.model.allocation import release_memory
from crossover.model.load import ModelSource
from crossover.model.local import LocalModel


class OneModel:
    """Gives a model in the precision that is asked for; the one before is gone before the next is loaded.

    Whoever keeps what `at` returned keeps that memory.
    """

    def __init__(self, source: ModelSource) -> None:
        """Load nothing yet."""
        self._source = source
        self._model: LocalModel | None = None

    @property
    def loaded(self) -> LocalModel | None:
        """The model that is in memory, in whichever precision; None before the first."""
        return self._model

    def at(self, precision: str) -> LocalModel:
        """Return the model in fp32, fp16, bf16, int8 or nf4, loaded where it is not.

        Raises:
            ModelError: the files cannot be read.
        """
        if self._model is None or self._model.identity.precision != precision:
            if self._model is not None:
                self._model = None
                gc.collect()  # modules and hooks refer to one another
                release_memory()
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
            self._model = self._source.load(precision)
        return self._model
