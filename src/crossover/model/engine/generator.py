"""Generation by one network: which way it is led, which tokens end an answer, and what is found out once and kept."""

from __future__ import annotations

__all__ = ["Generator"]

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from crossover.errors import OptionError
from crossover.model.base import Constraint, Generated
from crossover.model.engine.cache_shape import cache_shape
from crossover.model.engine.decode import Decoder, SharedDecoder, SingleDecoder
from crossover.model.engine.generate import Decoding, Guidance, generate
from crossover.model.engine.prefixes import Prefixes
from crossover.model.engine.row_cache import CacheShape

if TYPE_CHECKING:  # llguidance is an extra
    from crossover.model.engine.constrain import Guides


class Generator:
    """Answers prompts with one network and its tokenizer."""

    def __init__(
        self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prefixes: Prefixes, *, end: int
    ) -> None:
        """Find nothing out yet. `end` is the token with which the chat template ends an answer."""
        self._network = network
        self._tokenizer = tokenizer
        self._prefixes = prefixes
        self._end = end

    @cached_property
    def ends(self) -> frozenset[int]:
        """The tokens that end an answer: the template's, the tokenizer's, and those of the generation config."""
        stated = getattr(self._network.generation_config, "eos_token_id", None)
        listed = stated if isinstance(stated, list) else [stated]
        return frozenset(int(i) for i in (self._end, self._tokenizer.eos_token_id, *listed) if i is not None)

    def generate(
        self, prompts: Sequence[Sequence[int]], how: Decoding, constraint: Constraint | None
    ) -> tuple[list[Generated], int]:
        """Return one answer to every prompt, none of them empty, and how many tokens were computed.

        Raises:
            OptionError: the constraint cannot be read or fulfilled, or stands beside stop strings.
        """
        guidance = self._guidance(how, constraint) if constraint is not None else None
        if not prompts:
            return [], 0
        decoder, computed = self._decoder(prompts, how.max_tokens)
        answers = generate(decoder, prompts, how, self._decode, guidance)
        return answers, computed + decoder.tokens

    def _decoder(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> tuple[Decoder, int]:
        """Return a decoder for these prompts, and how many tokens were computed for it now."""
        if self._shape is None:
            return SingleDecoder(self._network), 0
        prefix, computed = self._prefixes.for_prompts(prompts)
        longest = max(map(len, prompts)) + max_tokens
        decoder = SharedDecoder(self._network, self._shape, n_prompts=len(prompts), longest=longest, prefix=prefix)
        return decoder, computed

    @cached_property
    def _shape(self) -> CacheShape | None:
        return cache_shape(self._network)

    def _decode(self, tokens: Sequence[int]) -> str:
        text = self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text

    def _guidance(self, how: Decoding, constraint: Constraint) -> Guidance:
        if how.stop:
            raise OptionError(
                "stop strings would cut an answer that a constraint shapes.",
                "leave out stop or the constraint: a constraint ends the answer itself",
            )
        return Guidance(grammar=self._guides.grammar(constraint), guides=self._guides)

    @cached_property
    def _guides(self) -> Guides:
        try:
            from crossover.model.engine.constrain import Guides  # noqa: PLC0415  # llguidance is an extra
        except ImportError as error:
            raise OptionError(
                "a constraint needs llguidance, which is not installed.", "pip install 'crossover-lm[constrained]'"
            ) from error
        vocabulary = int(self._network.get_output_embeddings().weight.shape[0])
        return Guides(self._tokenizer, vocabulary, self._grammar_end())

    def _grammar_end(self) -> int:
        """Return the template's end where it is a token of its own; an ordinary one might stand inside an answer."""
        added = self._tokenizer.added_tokens_decoder.get(self._end)
        eos = self._tokenizer.eos_token_id
        return self._end if eos is None or (added is not None and added.special) else int(eos)
