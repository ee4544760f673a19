"""Decoder layers of the Llama kind in fewer operators: what transformers computes, where operators are dear.

A token read alone, or a short row in training, costs more in small operators (norms, rotations, additions, each with
its own pass over memory and its own call) than in matrix products. Here a layer is: norm, products of query, key and
value, one rotation, attention, a product added onto the residual; norm, two products, their gate, a product added onto
the residual. Gradients are written by hand for the same reason. On a processor only.

Layers of Llama, Mistral, Qwen2 and Qwen3; others stay as they are. Which, is found out by their class, and by whether a
layer gives what transformers' own forward pass gives. Linear layers that are trained themselves, or are wrapped by more
than one plain adapter, are called one by one, as transformers does.
"""

from __future__ import annotations

__all__ = ["quicken"]

import sys
from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from crossover.model.engine.forward import computing_type
from crossover.model.engine.products import of_module, products

_KNOWN = frozenset(
    f"transformers.models.{name.lower()}.modeling_{name.lower()}.{name}DecoderLayer"
    for name in ("Llama", "Mistral", "Qwen2", "Qwen3")
)
_ROUNDING = 1e-4
_LOW_PRECISION = 0.05
"""How far a layer's outputs may lie off, as a share of how much they vary."""


def quicken(network: PreTrainedModel) -> bool:
    """Let a network's decoder layers compute in fewer operators, where they are of a kind that is known here.

    Returns:
        Whether they do now.
    """
    layers = getattr(network.base_model, "layers", None)
    if network.device.type != "cpu" or not isinstance(layers, torch.nn.ModuleList) or not len(layers):
        return False
    if not all(_is_known(layer) for layer in layers):
        return False
    rotation = _Rotation()
    try:
        quick = [_Quick(layer, rotation) for layer in layers]
        if not _agrees(network, layers[0], quick[0]):
            return False
    except (AttributeError, TypeError):  # a later transformers names or calls its parts in another way
        return False
    for layer, forward in zip(layers, quick, strict=True):
        layer.forward = forward
    return True


def _is_known(layer: torch.nn.Module) -> bool:
    kind = type(layer)
    if f"{kind.__module__}.{kind.__qualname__}" not in _KNOWN:
        return False
    # Linear layers are called where they are more than that; all else is passed by, and must be transformers' own.
    if any("forward" in module.__dict__ for module in layer.modules() if not hasattr(module, "in_features")):
        return False
    activation = layer.get_submodule("mlp").act_fn
    return isinstance(activation, torch.nn.SiLU) or type(activation).__name__ == "SiLUActivation"


def _agrees(network: PreTrainedModel, layer: torch.nn.Module, quick: _Quick) -> bool:
    """Return whether three tokens come out of a layer as they do by its own forward pass."""
    config = network.config.get_text_config(decoder=True)
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(1, 3, config.hidden_size, generator=generator).to(computing_type(network))
    places = torch.arange(3)[None]
    with torch.no_grad():
        rotary: Any = network.base_model.get_submodule("rotary_emb")
        given = {"position_embeddings": rotary(states, places), "position_ids": places}
        expected = layer(states, **given)
        found = quick(states, **given)
    if not isinstance(expected, torch.Tensor) or found.shape != expected.shape:
        return False
    off = (found.float() - expected.float()).square().mean().sqrt() / (expected - states).float().std()
    return bool(off < (_ROUNDING if states.dtype == torch.float32 else _LOW_PRECISION))


class _Rotation:
    """The pass's cosines and sines, [batch, tokens, 1, head size], the first half of the sines negated."""

    def __init__(self) -> None:
        self._last: tuple[object, torch.Tensor, torch.Tensor] | None = None

    def of(self, given: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return them for what the network gives to every layer of a pass; the first one works them out."""
        last = self._last
        if last is None or last[0] is not given:
            cos, sin = given
            first, second = sin.chunk(2, dim=-1)
            last = self._last = (given, cos.unsqueeze(-2), torch.cat((-first, second), dim=-1).unsqueeze(-2))
        return last[1], last[2]


class _Quick:
    """A decoder layer's forward pass."""

    def __init__(self, layer: Any, rotation: _Rotation) -> None:  # noqa: ANN401  # of four classes of transformers
        self._layer = layer
        self._attention = layer.self_attn
        self._rotation = rotation
        self._eager = sys.modules[type(layer.self_attn).__module__].eager_attention_forward
        self._norms = (layer.input_layernorm, layer.post_attention_layernorm)
        self._head_norms = (getattr(self._attention, "q_norm", None), getattr(self._attention, "k_norm", None))

    def __call__(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Any = None,  # noqa: ANN401  # transformers' caches
        use_cache: bool | None = False,  # noqa: FBT001, FBT002  # transformers' own
        position_embeddings: tuple[torch.Tensor, torch.Tensor] | None = None,
        **kwargs: Any,  # noqa: ANN401  # what transformers passes on to attention
    ) -> torch.Tensor:
        assert position_embeddings is not None
        attention, mlp = self._attention, self._layer.mlp
        first, second = self._norms
        x = _norm(hidden_states, first)
        turned, values = _side_by_side(x, ((attention.q_proj, attention.k_proj), (attention.v_proj,)))
        turned = turned.unflatten(-1, (-1, attention.head_dim))
        values = values.unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)
        n_queries = turned.shape[2] - values.shape[1]
        queries, keys = _rotate(turned, n_queries, *self._rotation.of(position_embeddings), self._head_norms)
        if past_key_values is not None:
            keys, values = past_key_values.update(keys, values, attention.layer_idx)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(attention.config._attn_implementation, self._eager)
        if (window := self._window()) is not None:
            kwargs["sliding_window"] = window
        mixed, _ = attend(
            attention,
            queries,
            keys,
            values,
            attention_mask,
            dropout=attention.attention_dropout if attention.training else 0.0,
            scaling=attention.scaling,
            position_ids=position_ids,
            use_cache=use_cache,
            **kwargs,
        )
        mixed = mixed.reshape(*hidden_states.shape[:-1], -1)
        states = _onto(hidden_states, mixed, attention.o_proj)
        x = _norm(states, second)
        gate, up = _side_by_side(x, ((mlp.gate_proj,), (mlp.up_proj,)))
        return _onto(states, _gated(gate, up), mlp.down_proj)

    def _window(self) -> int | None:
        attention = self._attention
        own: int | None = getattr(attention, "sliding_window", None)
        if own is None and not hasattr(attention, "layer_type"):  # Mistral's has neither
            own = getattr(attention.config, "sliding_window", None)
        return own


def _side_by_side(x: torch.Tensor, groups: Sequence[tuple[torch.nn.Module, ...]]) -> tuple[torch.Tensor, ...]:
    """Return, of each group of layers, their outputs side by side."""
    if torch.is_grad_enabled():
        parts = [tuple(part for module in group if (part := of_module(module)) is not None) for group in groups]
        alike = all(part.fits(x) for own in parts for part in own)
        if alike and all(len(own) == len(group) for own, group in zip(parts, groups, strict=True)):
            return products(x, parts)
    outputs = [[module(x) for module in group] for group in groups]
    return tuple(own[0] if len(own) == 1 else torch.cat(own, dim=-1) for own in outputs)


def _onto(residual: torch.Tensor, x: torch.Tensor, module: torch.nn.Module) -> torch.Tensor:
    """Return the residual and a layer's output, added up."""
    if torch.is_grad_enabled():
        part = of_module(module)
        if part is not None and part.fits(x) and residual.dtype == x.dtype:
            return products(x, [(part,)], residual)[0]
    elif type(module) is torch.nn.Linear and module.bias is None and residual.dtype == x.dtype:
        rows = residual.reshape(-1, residual.shape[-1])
        return torch.addmm(rows, x.reshape(len(rows), -1), module.weight.t()).view(residual.shape)
    result: torch.Tensor = residual + module(x)
    return result


def _norm(x: torch.Tensor, module: Any) -> torch.Tensor:  # noqa: ANN401  # an RMSNorm of four classes
    weight: torch.Tensor = module.weight
    if torch.is_grad_enabled() and weight.requires_grad:
        own: torch.Tensor = module(x)
        return own
    if torch.is_grad_enabled() and x.requires_grad:
        apply: Any = _Norm.apply  # torch gives it no type
        result: torch.Tensor = apply(x, weight, module.variance_epsilon)
        return result
    return torch.rms_norm(x, weight.shape, weight, module.variance_epsilon)


class _Norm(torch.autograd.Function):
    """RMSNorm with a frozen weight (Zhang & Sennrich 2019, arXiv:1910.07467)."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  # torch's own
        x: torch.Tensor,
        weight: torch.Tensor,
        epsilon: float,
    ) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.weight, ctx.epsilon = weight, epsilon
        return torch.rms_norm(x, weight.shape, weight, epsilon)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401  # torch's own
        x = ctx.saved_tensors[0].float()
        scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = scale.square_().mul_(1 / x.shape[-1]).add_(ctx.epsilon).rsqrt_()
        weighted = gradients[0].float() * ctx.weight
        along = (weighted * x).sum(dim=-1, keepdim=True)
        along.mul_(scale**3).mul_(1 / x.shape[-1])
        return weighted.mul_(scale).addcmul_(x, along, value=-1).to(gradients[0].dtype), None, None


def _rotate(
    turned: torch.Tensor,
    n_queries: int,
    cos: torch.Tensor,
    sin: torch.Tensor,
    norms: tuple[torch.nn.Module | None, torch.nn.Module | None],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn queries and keys, [batch, tokens, heads of both, size], by their positions; return each [., heads, ., .]."""
    if norms[0] is not None and norms[1] is not None:
        queries, keys = turned.split([n_queries, turned.shape[2] - n_queries], dim=2)
        turned = torch.cat((_norm(queries, norms[0]), _norm(keys, norms[1])), dim=2)
    if torch.is_grad_enabled() and turned.requires_grad:
        apply: Any = _Rotate.apply  # torch gives it no type
        turned = apply(turned, cos, sin)
    else:
        turned = _turn(turned, cos, sin)
    queries, keys = turned.split([n_queries, turned.shape[2] - n_queries], dim=2)
    return queries.transpose(1, 2), keys.transpose(1, 2)


def _turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)


class _Rotate(torch.autograd.Function):
    """Rotary position embedding (Su et al. 2021, arXiv:2104.09864); the gradient is turned back."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  # torch's own
        x: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
    ) -> torch.Tensor:
        ctx.angles = cos, sin
        return _turn(x, cos, sin)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401  # torch's own
        cos, sin = ctx.angles
        return _turn(gradients[0], cos, -sin), None, None


def _gated(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """Return silu(gate) · up."""
    if torch.is_grad_enabled() and (gate.requires_grad or up.requires_grad):
        apply: Any = _Gated.apply  # torch gives it no type
        result: torch.Tensor = apply(gate, up)
        return result
    return torch.nn.functional.silu(gate).mul_(up)


class _Gated(torch.autograd.Function):
    """SwiGLU's gate (Shazeer 2020, arXiv:2002.05202)."""

    @staticmethod
    def forward(ctx: Any, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:  # noqa: ANN401  # torch's own
        ctx.save_for_backward(gate, up)
        return torch.nn.functional.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401  # torch's own
        gate, up = ctx.saved_tensors
        (gradient,) = gradients
        of_up = torch.nn.functional.silu(gate).mul_(gradient)
        return torch.ops.aten.silu_backward(gradient * up, gate), of_up
