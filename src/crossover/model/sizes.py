"""How much is computed at once."""

from __future__ import annotations

__all__ = ["ON_GPU", "Sizes"]

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Bounds of one pass; a sequence that is longer alone is a pass of its own.

    Memory depends on them, results do not (in bf16 and fp16 a near-tie may turn).

    Attributes:
        pack_tokens: nodes of a scoring or embedding pass: enough to fill the matrix products, few enough that attention
            among them stays a small share.
        train_tokens: nodes of one micro-batch; a batch that needs more is split and its gradients are added up.
        head_rows: hidden states to which the output head is applied at once.
    """

    pack_tokens: int = 512
    train_tokens: int = 1024
    head_rows: int = 256


ON_GPU = Sizes(pack_tokens=8192, train_tokens=16_384, head_rows=2048)
"""Where to begin on a GPU, whose products are full much later."""
