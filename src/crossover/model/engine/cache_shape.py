"""Whether a network can be led through many rows at once, found out by trying it."""

from __future__ import annotations

__all__ = ["cache_shape"]

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from crossover.model.engine.decode import SharedDecoder
from crossover.model.engine.forward import compute_prefix
from crossover.model.engine.row_cache import CacheShape

_BEGINNING = (3, 1, 4)
_PROMPTS = ((*_BEGINNING, 1, 5), (*_BEGINNING, 9))
_ANSWERS = ((2, 6), (5,))

_ROUNDING = 1e-3
_LOW_PRECISION = 0.1
"""How far logits may lie off, as a share of how much they vary. A part left out changes them by about as much as they
vary; rounding to 16 bits by a few hundredths of it."""


def cache_shape(network: PreTrainedModel) -> CacheShape | None:
    """Return the shape of this network's keys and values, or None where `SharedDecoder` would not compute it rightly.

    It must keep all keys of every layer (no sliding window, no state), turn positions by angles that do not depend on
    the longest row, and give by `SharedDecoder` the logits of its own forward pass.
    """
    config = network.config.get_text_config(decoder=True)
    rope = repr(getattr(config, "rope_parameters", None))
    if "dynamic" in rope or "longrope" in rope:
        return None
    try:
        if not all(type(layer) is DynamicLayer for layer in DynamicCache(config=network.config).layers):
            return None
        with torch.inference_mode():
            shape = _shape(network)
            return shape if shape and _agrees(network, shape) else None
    except Exception:  # noqa: BLE001  # a network that is built otherwise may raise anything; it has the slow path
        return None


def _shape(network: PreTrainedModel) -> CacheShape | None:
    prefix = compute_prefix(network, _BEGINNING)
    sizes = {tensor.shape for pair in prefix.layers for tensor in pair}
    if len(sizes) != 1:
        return None
    (_, heads, _, head_size) = sizes.pop()
    keys = prefix.layers[0][0]
    return CacheShape(
        n_layers=len(prefix.layers), heads=heads, head_size=head_size, dtype=keys.dtype, device=keys.device
    )


def _agrees(network: PreTrainedModel, shape: CacheShape) -> bool:
    """Answer two prompts below a prefix, one of them with two tokens at once, and compare with plain passes."""
    prefix = compute_prefix(network, _BEGINNING)
    decoder = SharedDecoder(network, shape, n_prompts=2, longest=8, prefix=prefix)
    entered = decoder.enter(_PROMPTS)
    stepped = decoder.step(_ANSWERS)
    plain = [_logits(network, prompt) for prompt in _PROMPTS]
    plain += [_logits(network, (*prompt, *answer)) for prompt, answer in zip(_PROMPTS, _ANSWERS, strict=True)]
    expected = torch.stack(plain)
    off = (torch.cat([entered, stepped]) - expected).square().mean().sqrt() / expected.std()
    return bool(off < (_ROUNDING if shape.dtype == torch.float32 else _LOW_PRECISION))


def _logits(network: PreTrainedModel, tokens: tuple[int, ...]) -> torch.Tensor:
    logits: torch.Tensor = network(input_ids=torch.tensor([tokens], device=network.device), use_cache=False).logits
    return logits[0, -1].float()
