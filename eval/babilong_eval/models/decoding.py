"""Answers of language models: the likeliest of given choices, or greedily generated text.

Legend: B batch, L tokens, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from babilong_eval.models.protocol import NOT_FINITE, Answer
from babilong_eval.models.reasoning import split_reasoning
from babilong_eval.models.stop_strings import before_stop, holds_stop

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tokenizers import Tokenizer

    # Reads tokens [B, L] after what a carry has read: logits [B, L, V] and a carry. Carries are values.
    Forward = Callable[[Tensor, Any], tuple[Tensor, Any]]


def respond(
    first: Tensor,
    carry: Any,
    forward: Forward,
    choices: Sequence[Sequence[str] | None],
    *,
    tokenizer: Tokenizer,
    answer_prefix: str,
    max_new_tokens: int,
    stop_ids: Collection[int],
    stop: Sequence[str] = (),
) -> list[Answer]:
    """Answer each row: of its choices the likeliest, or where it has none the greedy continuation.

    Args:
        first: logits [B, V] of the first token of the answer.
        answer_prefix: what stands between the text read so far and a choice, a space usually.
        max_new_tokens: where generation ends at the latest.
        stop_ids: tokens that end it earlier.
        stop: strings that end it earlier and are cut off, wherever in the text they are written.
    """
    answers: list[Answer | None] = [None] * len(choices)
    if any(row is not None for row in choices):
        ids = [
            [continuation_ids(tokenizer, answer_prefix + choice) for choice in row or ()] for row in choices
        ]
        scores = score_choices(first, carry, forward, ids)
        for row, (labels, likelihoods) in enumerate(zip(choices, scores, strict=True)):
            if labels is not None:
                best = max(range(len(labels)), key=likelihoods.__getitem__)
                answers[row] = Answer(text=labels[best], scores=tuple(likelihoods))
    if any(row is None for row in choices):
        written = generate(
            first,
            carry,
            forward,
            max_new_tokens=max_new_tokens,
            stop_ids=stop_ids,
            is_ended=lambda ids: bool(stop) and holds_stop(tokenizer.decode(ids), stop),
        )
        for row, ids in enumerate(written):
            if choices[row] is not None:
                continue
            if ids is None:
                answers[row] = Answer(text="", error=NOT_FINITE)
            else:
                reasoning, text = split_reasoning(before_stop(tokenizer.decode(ids), stop))
                answers[row] = Answer(text=text, reasoning=reasoning)
    return [answer for answer in answers if answer is not None]


def continuation_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the tokens of a text that continues another one, not at a text's beginning."""
    anchor = tokenizer.encode("?", add_special_tokens=False).ids
    both = tokenizer.encode("?" + text, add_special_tokens=False).ids
    if both[: len(anchor)] == anchor:
        return both[len(anchor) :]
    return tokenizer.encode(text, add_special_tokens=False).ids


def score_choices(
    first: Tensor, carry: Any, forward: Forward, choices: Sequence[Sequence[Sequence[int]]]
) -> list[list[float]]:
    """Return log-likelihoods of each row's choices, given as tokens: sums over a choice's tokens, not means.

    NaN where logits are not finite.
    """
    log_probs = _log_probabilities(first)
    scores: list[list[float]] = [[] for _ in choices]
    for number in range(max(map(len, choices))):
        ids = [row[number] if number < len(row) else () for row in choices]
        totals = _log_likelihood(log_probs, carry, forward, ids).tolist()
        for row, total in enumerate(totals):
            if number < len(choices[row]):
                scores[row].append(total)
    return scores


def _log_likelihood(log_probs: Tensor, carry: Any, forward: Forward, ids: Sequence[Sequence[int]]) -> Tensor:
    """Return that of one continuation per row, [B]; they are padded on the right, where it does no harm."""
    longest = max(map(len, ids))
    padded = torch.zeros(len(ids), longest, dtype=torch.long)
    real = torch.zeros(len(ids), longest, dtype=torch.bool)
    for row, tokens in enumerate(ids):
        padded[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
        real[row, : len(tokens)] = True
    padded, real = padded.to(log_probs.device), real.to(log_probs.device)
    per_token = log_probs.gather(1, padded[:, :1])
    if longest > 1:
        logits, _ = forward(padded[:, :-1], carry)
        rest = _log_probabilities(logits).gather(2, padded[:, 1:, None]).squeeze(2)
        per_token = torch.cat([per_token, rest], dim=1)
    return per_token.where(real, 0).sum(dim=1)


def _log_probabilities(logits: Tensor) -> Tensor:
    """Log-softmax over the vocabulary; NaN for every token where logits are not finite."""
    log_probs = logits.float().log_softmax(dim=-1)
    return log_probs.where(_are_finite(logits)[..., None], torch.nan)


def _are_finite(logits: Tensor) -> Tensor:
    """Return whether logits [..., V] can be compared; single ones may be -inf: they are never written."""
    return logits.amax(dim=-1).isfinite()  # a NaN anywhere is the largest


def generate(
    first: Tensor,
    carry: Any,
    forward: Forward,
    *,
    max_new_tokens: int,
    stop_ids: Collection[int],
    is_ended: Callable[[list[int]], bool] = lambda _: False,
) -> list[list[int] | None]:
    """Write the likeliest token again and again; return each row's tokens up to its first stop token.

    None for a row whose logits were not finite before it had finished.

    Args:
        is_ended: tells after each token whether the row's text ends with it.
    """
    written: list[list[int] | None] = [[] for _ in first]
    going = set(range(len(written)))
    logits = first
    for remaining in range(max_new_tokens, 0, -1):
        tokens = logits.argmax(dim=-1)
        chosen, finite = tokens.tolist(), _are_finite(logits).tolist()
        for row in sorted(going):
            so_far = written[row]
            if not finite[row] or so_far is None:
                written[row] = None
            elif chosen[row] not in stop_ids:
                so_far.append(chosen[row])
                if not is_ended(so_far):
                    continue
            going.remove(row)
        if not going or remaining == 1:
            break
        logits, carry = forward(tokens[:, None], carry)
        logits = logits[:, -1]
    return written
