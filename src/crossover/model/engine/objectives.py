"""What a training step lowers: the loss on completions' tokens, or the contrastive loss of pooled states.

An objective is computed micro-batch by micro-batch: the losses of its parts add up to that of the whole batch, and so
do their gradients.
"""

from __future__ import annotations

__all__ = ["Completions", "Contrast", "Objective", "contrastive_loss"]

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from crossover.errors import TrialError
from crossover.model.base import TrainRow
from crossover.model.engine.embed import embed, pooled
from crossover.model.engine.forest import Forest
from crossover.model.engine.forward import hidden_states


class Objective(ABC):
    """The loss of one batch of token sequences."""

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        """Take what is read."""
        self.sequences = [tuple(sequence) for sequence in sequences]
        self.read = 0
        """Tokens that were read on top, without a gradient."""

    def forest(self, part: Sequence[int]) -> tuple[Forest, list[list[int]]]:
        """Return some of the sequences merged, and the nodes of each."""
        forest = Forest()
        return forest, [forest.add(self.sequences[i]) for i in part]

    @abstractmethod
    def loss(
        self, network: PreTrainedModel, part: Sequence[int], forest: Forest, paths: list[list[int]], max_tokens: int
    ) -> torch.Tensor:
        """Return the share that some of the sequences have in the batch's loss, differentiable.

        Args:
            network: what is trained.
            part: which of the sequences.
            forest: these, merged.
            paths: the nodes of each.
            max_tokens: nodes of one pass, where others than these are to be read.
        """


class Completions(Objective):
    """The mean cross-entropy of all completions' tokens, by weight; the output head is applied there alone."""

    def __init__(self, rows: Sequence[TrainRow]) -> None:
        """Take a step's rows. A completion's last token is only a target: it is not read."""
        super().__init__([(*row.prompt, *row.completion[:-1]) for row in rows])
        self._rows = rows
        self._n_targets = sum(row.weight * len(row.completion) for row in rows)

    def loss(
        self, network: PreTrainedModel, part: Sequence[int], forest: Forest, paths: list[list[int]], max_tokens: int
    ) -> torch.Tensor:
        """Return these rows' cross-entropy, divided by the weight of all tokens that the whole batch tells."""
        nodes: list[int] = []
        targets: list[int] = []
        weights: list[float] = []
        for i, path in zip(part, paths, strict=True):
            row = self._rows[i]
            nodes += path[len(row.prompt) - 1 :]
            targets += row.completion
            weights += [row.weight] * len(row.completion)
        states = hidden_states(network, forest)
        logits = network.get_output_embeddings()(states[nodes])
        target = torch.tensor(targets, device=logits.device)
        of_each = torch.nn.functional.cross_entropy(logits.float(), target, reduction="none")
        return (of_each * torch.tensor(weights, device=logits.device)).sum() / self._n_targets


class Contrast(Objective):
    """The contrastive loss of a batch's pooled states, which is no sum over its sequences: each is compared with all.

    A batch that is too large for one pass is read once more: first every sequence's pooled state without a gradient,
    and the loss's gradient by each of them; then each part passes that gradient on into the weights. The result is that
    of one pass (gradient caching, Gao et al. 2021, arXiv:2101.06983).
    """

    def __init__(self, sequences: Sequence[Sequence[int]], groups: Sequence[int], temperature: float) -> None:
        """Take a batch.

        Args:
            sequences: token ids.
            groups: of each sequence the number of its group.
            temperature: divides the cosines.

        Raises:
            TrialError: no two sequences are of the same group.
        """
        super().__init__(sequences)
        self._groups = torch.tensor([group for _, group in zip(sequences, groups, strict=True)])
        self._temperature = temperature
        self._cached: tuple[float, torch.Tensor] | None = None
        if len(set(groups)) == len(self.sequences):
            raise TrialError(
                f"a contrastive step needs two sequences of one group, got {len(self.sequences)} of as many groups"
            )

    def loss(
        self, network: PreTrainedModel, part: Sequence[int], forest: Forest, paths: list[list[int]], max_tokens: int
    ) -> torch.Tensor:
        """Return the loss, or of a part of the batch its share by number, with the gradient that the part has."""
        if len(part) == len(self.sequences):
            return self._of(pooled(hidden_states(network, forest), paths), part)
        if self._cached is None:
            states, self.read = embed(network, self.sequences, max_tokens=max_tokens)
            leaf = torch.from_numpy(states).float().to(network.device).requires_grad_()
            whole = self._of(leaf, range(len(self.sequences)))
            self._cached = whole.item(), torch.autograd.grad(whole, leaf)[0]
        value, gradients = self._cached
        along = (pooled(hidden_states(network, forest), paths) * gradients[list(part)]).sum()
        return along - along.detach() + value * len(part) / len(self.sequences)

    def _of(self, states: torch.Tensor, part: Sequence[int]) -> torch.Tensor:
        return contrastive_loss(states, self._groups[list(part)].to(states.device), self._temperature)


def contrastive_loss(states: torch.Tensor, groups: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the supervised contrastive loss (Khosla et al. 2020, arXiv:2004.11362, L_out), a scalar.

    Each state is to tell those of its own group from all others, by cosine divided by the temperature. A state that is
    alone in its group only stands among the others; the mean is over the rest.

    Args:
        states: [rows, features].
        groups: [rows], whole numbers; two rows at least have the same.
        temperature: above 0.
    """
    unit = torch.nn.functional.normalize(states.float(), dim=-1)
    itself = torch.eye(len(groups), dtype=torch.bool, device=states.device)
    alike = (groups[:, None] == groups[None]) & ~itself
    logprobs = torch.log_softmax((unit @ unit.T / temperature).masked_fill(itself, -torch.inf), dim=-1)
    n_alike = alike.sum(dim=-1)
    of_each = -logprobs.masked_fill(~alike, 0.0).sum(dim=-1)[n_alike > 0] / n_alike[n_alike > 0]
    return of_each.mean()
