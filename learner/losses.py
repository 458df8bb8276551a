"""The losses: cross-entropy of a completion given its prompt, and DPO for two completions of one prompt.

Paper, section 3.4: L1 (a right solution) and L2 (a right one after a wrong one) are the first, and differ in the
prompt only. DPO (arXiv 2305.18290, equation 7) is for the strategies that the paper compares itself with.
Dimensions: B rows, T positions, N positions where the loss looks, V entries of the vocabulary, P pairs.
"""
# ruff: noqa: N815 (dimension suffixes)

from typing import TYPE_CHECKING, Any, NamedTuple

from learner.batches import Encoded, MicroBatch

if TYPE_CHECKING:
    import torch

LOGITS = 256  # N is a multiple of this wherever the rows have room


def packed_mask(segments_BT: "torch.Tensor") -> "torch.Tensor":
    """Who may look at whom, (B, 1, T, T), True = yes: earlier positions of one's own segment."""
    same_BTT = segments_BT[:, :, None] == segments_BT[:, None, :]
    return same_BTT.tril()[:, None]


def token_logprobs(logits_NV: "torch.Tensor", targets_N: "torch.Tensor") -> "torch.Tensor":
    """log p of each target, (N,), in float32 whatever the precision of the logits."""
    from torch.nn.functional import cross_entropy

    return -cross_entropy(logits_NV.float(), targets_N, reduction="none")


def completion_loss(logits_NV: "torch.Tensor", targets_N: "torch.Tensor", weights_N: "torch.Tensor") -> "torch.Tensor":
    """The weighted sum of -log p: added up over all micro-batches and ranks it is the loss of the step."""
    return -(weights_N * token_logprobs(logits_NV, targets_N)).sum()


def preference_loss(margins_P: "torch.Tensor", reference_P: "torch.Tensor", beta: float) -> "torch.Tensor":
    """DPO's loss, summed over pairs: how far the margin of each has not yet grown beyond the reference model's.

    A margin is log p(chosen | prompt) - log p(rejected | prompt), each summed over its tokens (no length enters).
    """
    from torch.nn.functional import logsigmoid

    return -logsigmoid(beta * (margins_P - reference_P)).sum()


def rounded_up(keep_BT: "torch.Tensor") -> "torch.Tensor":
    """The same positions and some of weight 0, so that N takes few values and is never 0.

    A CPU compiles and keeps a kernel for every shape it meets; an empty micro-batch needs a graph to go back through.
    """
    spare = (~keep_BT).flatten().nonzero()[: -max(1, int(keep_BT.sum())) % LOGITS]
    keep_BT = keep_BT.clone()
    keep_BT.view(-1)[spare] = True
    return keep_BT


class Looked(NamedTuple):
    """What the loss needs of a micro-batch, at the positions where it looks."""

    logits_NV: "torch.Tensor"
    targets_N: "torch.Tensor"
    weights_N: "torch.Tensor"
    owners_N: "torch.Tensor"


class CompletionLogits:
    """Makes a causal LM compute logits only where the loss looks; a prompt's logits cost as much and teach nothing.

    Works on any Hugging Face causal LM: it stands before the output embedding and passes on the chosen positions.
    """

    def __init__(self, model: Any) -> None:
        self._keep_BT: torch.Tensor | None = None
        self._hook = model.get_output_embeddings().register_forward_pre_hook(self._choose)

    def close(self) -> None:
        """Takes itself out of the model again."""
        self._hook.remove()

    def _choose(self, module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden_BTD = inputs[0]
        return (hidden_BTD if self._keep_BT is None else hidden_BTD[self._keep_BT][None],)

    def __call__(self, model: Any, batch: MicroBatch, device: Any) -> "torch.Tensor":
        """The cross-entropy of a micro-batch, a scalar; `model` is the model or what wraps it."""
        looked = self.look(model, batch, device)
        return completion_loss(looked.logits_NV, looked.targets_N, looked.weights_N)

    def margins(self, model: Any, batch: MicroBatch, device: Any) -> "torch.Tensor":
        """log p(chosen) - log p(rejected) of each pair in a micro-batch, (P,), in the order of their places."""
        import torch

        looked = self.look(model, batch, device)
        learnt_N = looked.weights_N != 0
        places_P, place_of = looked.owners_N[learnt_N].unique(return_inverse=True)
        weighted_N = looked.weights_N * token_logprobs(looked.logits_NV, looked.targets_N)
        zeros_P = torch.zeros(len(places_P), device=weighted_N.device)
        return zeros_P.index_add(0, place_of, weighted_N[learnt_N])

    def look(self, model: Any, batch: MicroBatch, device: Any) -> Looked:
        """One forward pass."""
        import torch

        tokens_BT, positions_BT, segments_BT, targets_BT, weights_BT, owners_BT = (
            torch.from_numpy(array).to(device)
            for array in (
                batch.tokens_BT,
                batch.positions_BT,
                batch.segments_BT,
                batch.targets_BT,
                batch.weights_BT,
                batch.owners_BT,
            )
        )
        keep_BT = rounded_up(weights_BT != 0)
        self._keep_BT = keep_BT
        try:
            output = model(
                input_ids=tokens_BT,
                position_ids=positions_BT,
                attention_mask=packed_mask(segments_BT),
                use_cache=False,
            )
        finally:
            self._keep_BT = None
        return Looked(output.logits[0], targets_BT[keep_BT], weights_BT[keep_BT], owners_BT[keep_BT])


def completion_logprobs(model: Any, example: Encoded) -> list[float]:
    """log p of each completion token under a plain model, unpacked; their sum is the sequence log-probability."""
    import torch

    tokens_1T = torch.tensor([example.prompt + example.completion], device=model.device)
    with torch.no_grad():
        logits_TV = model(input_ids=tokens_1T, use_cache=False).logits[0]
    first = len(example.prompt)
    logprobs_N: list[float] = token_logprobs(logits_TV[first - 1 : -1], tokens_1T[0, first:]).tolist()
    return logprobs_N
