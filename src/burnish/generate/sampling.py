"""Define requests, and choose the next token from logits and a sample's own random numbers.

Every sample draws its numbers from a seed of its own, one per token, and a token is the inverse of the cumulative
distribution at that number. So a sample does not depend on the other rows of its batch, except by rounding of its
logits: a number on the border of two tokens may give either one in another batch.

Not covered: beam search, repetition penalties.

Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypedDict, Unpack

import torch

from burnish.config.generate import SamplingConfig
from burnish.fsio import digest_json
from burnish.records import Message, Task


@dataclass(frozen=True)
class Decoding:
    """How to choose tokens and when to stop."""

    temperature: float
    top_p: float
    stop_ids: frozenset[int]
    pad_id: int
    logprobs: bool = False
    """Keep the log-probability of every token, at this temperature and over the whole vocabulary."""
    top_k: int = 0
    """Number of most likely tokens to choose among; 0 for all."""
    ends: Callable[[Sequence[int]], bool] | None = None
    """Whether the tokens written so far end the row, beside ``stop_ids``; asked after each token."""

    @property
    def greedy(self) -> bool:
        """Return whether the most likely token is always taken, so that no random numbers are needed."""
        return self.temperature == 0


@dataclass(frozen=True)
class Request:
    """One row to decode."""

    prompt: Sequence[int]
    """Token ids, one or more."""
    limit: int
    """Most new tokens, the stop token included; 0 writes nothing."""
    seed: int = 0
    """Seed of its random numbers; unused when greedy."""


@dataclass(frozen=True)
class Decoded:
    """Tokens written after one prompt; ``ids`` are without the stop token."""

    ids: list[int]
    finish_reason: Literal["stop", "length"]
    stop_id: int | None = None
    """The token that ended the row."""
    logprobs: list[float] | None = None
    """Log-probabilities of ``ids`` and of the stop token, if any; None if not requested, or from transformers' loop."""


class OfTheRun(TypedDict):
    """Arguments of a `LocalGenerator`."""

    sampling: SamplingConfig
    seed: int
    model_digest: str
    """Recorded with every completion."""
    render: Callable[[Sequence[Message]], str]
    """Makes the prompt text of a task's messages."""


class LocalGenerator:
    """Base of generators that hold a model."""

    def __init__(self, **run: Unpack[OfTheRun]) -> None:
        self._sampling, self._seed = run["sampling"], run["seed"]
        self._model_digest, self._render = run["model_digest"], run["render"]

    @property
    def model_digest(self) -> str:
        """Return the digest of the model's files, as given."""
        return self._model_digest

    def with_samples(self, samples: int) -> Self:
        """Return a generator over the same model that writes this many samples per task."""
        other = copy.copy(self)
        other._sampling = self._sampling.model_copy(update={"samples": samples})
        return other

    def prompt_text(self, task: Task) -> str:
        """Render the prompt that the model gets."""
        return self._render(task.prompt)


def sample_seed(seed: int, task_id: str, sample_index: int) -> int:
    """Derive the seed of one sample: 63 bits of a digest, so that neighbouring seeds are unrelated."""
    return int(digest_json(["generate", seed, task_id, sample_index])[:16], 16) >> 1


def uniform_numbers(request: Request) -> torch.Tensor:
    """Return the request's random numbers in [0, 1), one per token, the same on every device."""
    return torch.rand(request.limit, generator=torch.Generator().manual_seed(request.seed))


def choose_tokens(logits_BV: torch.Tensor, options: Decoding, uniform_B: torch.Tensor | None) -> torch.Tensor:
    """Choose one token per row: the most likely one at temperature 0, otherwise by ``uniform_B``.

    The distribution is the softmax at ``temperature``, cut to the ``top_k`` most likely tokens, then to the smallest
    set of tokens whose probabilities reach ``top_p`` (nucleus sampling, Holtzman et al. 2020); the most likely token
    always stays. Tokens lie in the cumulative distribution by falling probability where one of them is cut.

    Args:
        uniform_B: numbers in [0, 1); None when greedy.
    """
    if options.greedy:
        return logits_BV.argmax(-1)
    if uniform_B is None:
        raise ValueError("sampling needs random numbers")
    # float32: in bfloat16 the cumulative sum of a large vocabulary would not reach 1.
    probabilities_BV = torch.softmax(logits_BV.float() / options.temperature, -1)
    cut = options.top_k > 0 or options.top_p < 1
    order_BK: torch.Tensor | None = None
    if cut:
        kept = min(options.top_k or probabilities_BV.shape[-1], probabilities_BV.shape[-1])
        probabilities_BV, order_BK = probabilities_BV.topk(kept, -1)
    mass_BK = probabilities_BV.cumsum(-1)
    if options.top_p < 1:
        # A token is kept while the mass before it is below top_p, so the most likely one (mass 0 before it) always
        # stays.
        before_BK = mass_BK - probabilities_BV
        outside_BK = before_BK >= options.top_p * mass_BK[:, -1:]
        mass_BK = probabilities_BV.masked_fill(outside_BK, 0.0).cumsum(-1)
    # Inverse of the cumulative distribution. Scaling by the total mass renormalises after top_k and top_p;
    # the clamp covers rounding at the upper end.
    place_B = (mass_BK <= uniform_B.to(mass_BK)[:, None] * mass_BK[:, -1:]).sum(-1)
    place_B = place_B.clamp(max=mass_BK.shape[-1] - 1)
    return place_B if order_BK is None else order_BK.gather(-1, place_B[:, None])[:, 0]


def token_logprobs(logits_BV: torch.Tensor, tokens_B: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return log-probabilities (B) of the tokens under the softmax at a temperature; greedy tokens use 1."""
    scaled_BV = logits_BV.float() / (temperature or 1.0)
    return scaled_BV.log_softmax(-1).gather(1, tokens_B[:, None])[:, 0]


def is_over(ids: Sequence[int], request: Request, options: Decoding) -> bool:
    """Return whether the last of a row's tokens ended it."""
    return ids[-1] in options.stop_ids or len(ids) >= request.limit or (options.ends is not None and options.ends(ids))


def cut(ids: list[int], options: Decoding, logprobs: list[float] | None = None) -> Decoded:
    """Cut a row's tokens at the first stop token, or where ``ends`` says so."""
    for position, token in enumerate(ids):
        if token in options.stop_ids:
            return Decoded(ids[:position], "stop", token, logprobs)
    return Decoded(ids, "stop" if options.ends is not None and options.ends(ids) else "length", None, logprobs)
