"""How much memory a model takes: its weights, one pass of reading, one step of training.

Estimated from the network's layers before a weight is loaded. With c bytes a number in the computing type, i and o the
inputs and outputs of a linear layer, T the tokens of a pass, V the vocabulary, and sums over all linear layers but the
head:

    weights     as they are kept: nf4 takes 0.516 bytes a weight (with its scales), int8 1 and 4 a row; embeddings, head
                and the rest 2 bytes beside int8 and nf4, c else
    layer       the largest layer turned into the computing type, and a slice of the head: int8 and nf4 only
    reading     T · c · Σ (2i + 3o) / layers, attention's mask T · (T + prefix) · (c + 1), the cached prefixes' and the
                pass's keys and values, and logits: rows · V · (c + 8)
    training    T · c · Σ (2i + 3o), the mask T · T · (c + 1), logits of the answers' tokens: T/5 · V · (2c + 12)
    adapter     for each of Σ rank · (i + o) numbers 12 bytes of fp32 master and AdamW, 4 of summed gradient, 2c of
                weight and gradient

It is rough, and rather too much than too little: `benchmarks/precision_memory.py` holds it against what is measured.
"""

from __future__ import annotations

__all__ = ["LEAST_HEAD_ROWS", "Footprint"]

from dataclasses import dataclass

import torch
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from crossover.model.base import TrainSettings
from crossover.model.precision import QUANTIZED
from crossover.model.quantized import SLICE_WEIGHTS
from crossover.model.sizes import Sizes

_KEPT_BYTES = 2
_NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
_KEPT_PREFIXES = 4
_RANK = TrainSettings().rank
_TOKENS_AN_ANSWER_TOKEN = 5
"""At most a fifth of a micro-batch's tokens are taken to be answers."""

LEAST_HEAD_ROWS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """A model's memory in one precision, in bytes.

    Attributes:
        weights: parameters as they are kept.
        layer: what is turned into the computing type while a layer runs.
        adapter: adapters of rank 16 on all linear layers, with their optimizer.
        a_number: bytes of a number in the computing type.
        a_token: activations that training keeps for a token.
        a_token_read: activations of a token while one layer reads.
        keys_and_values: of a token, all layers.
        vocabulary: rows of the output head.
    """

    weights: int
    layer: int
    adapter: int
    a_number: int
    a_token: int
    a_token_read: int
    keys_and_values: int
    vocabulary: int

    @property
    def all_trained(self) -> int:
        """What training all weights takes beside them: fp32 masters, AdamW and summed gradients, 16 bytes a number, a
        gradient, and the copy that is put back.
        """
        return self.weights // self.a_number * (16 + 2 * self.a_number)

    @classmethod
    def of(cls, network: PreTrainedModel, precision: str, computing: torch.dtype) -> Footprint:
        """Return the footprint of a network that may be on the meta device: only shapes are looked at."""
        config = network.config
        head = network.get_output_embeddings()
        layers = [m for m in network.modules() if isinstance(m, torch.nn.Linear | Conv1D) and m is not head]
        shapes = [_shape(layer) for layer in layers]
        quantized = {id(layer.weight) for layer in layers} if precision in QUANTIZED else set()
        number = computing.itemsize
        kept = _KEPT_BYTES if precision in QUANTIZED else number
        rest = sum(p.numel() for p in network.parameters() if id(p) not in quantized)
        a_token = number * sum(2 * i + 3 * o for i, o in shapes)
        n_layers = max(int(getattr(config, "num_hidden_layers", 1)), 1)
        heads = int(getattr(config, "num_attention_heads", 1))
        groups = int(getattr(config, "num_key_value_heads", None) or heads)
        head_size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
        largest = max((i * o for i, o in shapes), default=0)
        return cls(
            weights=round(rest * kept + (sum(_layer_bytes(i, o, precision) for i, o in shapes) if quantized else 0)),
            layer=number * (largest + SLICE_WEIGHTS) if quantized else 0,
            adapter=sum(_RANK * (i + o) for i, o in shapes) * (16 + 2 * number),
            a_number=number,
            a_token=a_token,
            a_token_read=a_token // n_layers,
            keys_and_values=2 * n_layers * groups * head_size * number,
            vocabulary=int(config.vocab_size),
        )

    def reading(self, tokens: int, prefix: int, head_rows: int) -> int:
        """Return the bytes of scoring or embedding passes of so many tokens beside weights."""
        states = tokens * self.a_token_read + tokens * (tokens + prefix) * (self.a_number + 1)
        cached = ((_KEPT_PREFIXES + 1) * prefix + tokens) * self.keys_and_values
        return self.layer + states + cached + head_rows * self.vocabulary * (self.a_number + 8)

    def training(self, tokens: int) -> int:
        """Return the bytes of micro-batches of so many tokens beside weights, the adapter and its optimizer inside."""
        states = tokens * self.a_token + tokens * tokens * (self.a_number + 1)
        answers = tokens // _TOKENS_AN_ANSWER_TOKEN + 1
        return self.layer + self.adapter + states + answers * self.vocabulary * (2 * self.a_number + 12)

    def sizes(self, room: int, *, prefix: int, read: int, trained: int, largest: Sizes | None = None) -> Sizes:
        """Return the largest passes that fit into `room` bytes beside the weights; a half at a time.

        Args:
            room: bytes.
            largest: where to begin; `Sizes()` where nothing is said.
            prefix: tokens that prompts share.
            read: tokens of the longest sequence that is read, and
            trained: that is trained on: no pass can be shorter.
        """
        sizes = largest or Sizes()
        rows = sizes.head_rows
        while rows > LEAST_HEAD_ROWS and self.reading(read, prefix, rows) > room:
            rows //= 2
        pack, train = sizes.pack_tokens, sizes.train_tokens
        while pack > read and self.reading(pack, prefix, rows) > room:
            pack //= 2
        while train > trained and self.training(train) > room:
            train //= 2
        return Sizes(pack_tokens=pack, train_tokens=train, head_rows=rows)


def _shape(layer: torch.nn.Linear | Conv1D) -> tuple[int, int]:
    """Return inputs and outputs."""
    if isinstance(layer, torch.nn.Linear):
        return layer.in_features, layer.out_features
    return int(layer.weight.shape[0]), int(layer.weight.shape[1])


def _layer_bytes(inputs: int, outputs: int, precision: str) -> float:
    return inputs * outputs + 4 * outputs if precision == "int8" else inputs * outputs * _NF4_BYTES
