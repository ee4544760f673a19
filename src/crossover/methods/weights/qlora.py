"""`qlora`: low-rank adapters on a model whose weights are held in four bits."""

from __future__ import annotations

__all__ = ["QLora"]

from typing import ClassVar

from crossover.methods.weights.lora import Lora


class QLora(Lora):
    """`lora` on NF4 weights (Dettmers et al. 2023, arXiv:2305.14314): a quarter of the memory, slower on processors.

    The model is loaded once more, in nf4, and what is served is measured there.
    """

    name: ClassVar[str] = "qlora"
    is_core: ClassVar[bool] = False
    is_default: ClassVar[bool] = False
    precision: ClassVar[str | None] = "nf4"
    summary: ClassVar[str] = "low-rank adapters on a model held in four bits"
