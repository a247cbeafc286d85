"""Decode many prompts in a fixed number of slots; a finished row frees its slot for the next prompt at once.

The key-value cache is one block of memory, written in place. The prompts of new rows go through a forward pass of their
own and are copied into free slots. All rows write to the same column: a new prompt ends at the current column, the
columns before it are masked, and columns that no row uses are trimmed on the left. So every step serves as many rows as
there are slots, until prompts run out; equal prompts (samples of one task) admitted together are computed once.

Only for models whose every layer keeps a plain cache over the whole sequence (`fits`): a sliding window counts columns,
and rows here have masked gaps. Not covered: sliding windows (`decoding`), choosing tokens (`sampling`).

Shapes: S slots, B rows in use (B <= S), H heads, C columns allocated, T columns in use, D head dimension.
"""

from __future__ import annotations

import inspect
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from burnish.generate.sampling import (
    Decoded,
    Decoding,
    Request,
    choose_tokens,
    cut,
    is_over,
    token_logprobs,
    uniform_numbers,
)

COLUMNS_AT_ONCE = 128
"""Columns by which the cache grows; growing copies it."""
REFILL_SHARE = 1 / 16
"""Prompts are admitted once at least this share of the slots is free: several in one pass cost little more than one."""
TRIM_SHARE = 1 / 4
"""Unused columns on the left are trimmed once they are this share of all in use, since trimming copies the cache."""


@dataclass
class _Row:
    """A row being decoded."""

    index: int
    """Index of its request."""
    request: Request
    started: float
    start: int
    """Column of its prompt's first token."""
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class _SlotLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values, (S, H, C, D) each; the first ``rows`` rows and ``length`` columns are in use."""

    keys: Any
    values: Any
    rows = 0
    length = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys = key_states.new_zeros(0, key_states.shape[1], 0, key_states.shape[3])
        self.values = value_states.new_zeros(0, value_states.shape[1], 0, value_states.shape[3])
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write one step's keys and values, (B, H, 1, D) each; return all that are in use, (B, H, T, D)."""
        begin, self.length = self.length, self.length + key_states.shape[-2]
        self.keys[: self.rows, :, begin : self.length] = key_states
        self.values[: self.rows, :, begin : self.length] = value_states
        return self.keys[: self.rows, :, : self.length], self.values[: self.rows, :, : self.length]

    def get_seq_length(self) -> int:
        return self.length

    def grow(self, slots: int, columns: int) -> None:
        """Allocate at least this many slots and columns."""
        self.keys, self.values = (
            _grown(block, slots, columns, self.rows, self.length) for block in (self.keys, self.values)
        )

    def put(self, slots: torch.Tensor, read: Any, sources: torch.Tensor, end: int) -> None:
        """Copy rows ``sources`` of a prompt cache, (N, H, P, D), into ``slots``, ending at column ``end``."""
        for block, prompt in ((self.keys, read.keys), (self.values, read.values)):
            block[slots, :, end - prompt.shape[2] : end] = prompt[sources]

    def move(self, target: torch.Tensor, source: torch.Tensor) -> None:
        """Copy whole rows to other slots."""
        for block in (self.keys, self.values):
            block[target, :, : self.length] = block[source, :, : self.length]

    def trim(self, columns: int) -> None:
        """Remove columns on the left."""
        for block in (self.keys, self.values):
            block[: self.rows, :, : self.length - columns] = block[: self.rows, :, columns : self.length].clone()
        self.length -= columns


def _grown(block: torch.Tensor, slots: int, columns: int, rows: int, length: int) -> torch.Tensor:
    grown = block.new_zeros(slots, block.shape[1], columns, block.shape[3])
    grown[:rows, :, :length] = block[:rows, :, :length]
    return grown


def fits(model: Any) -> bool:
    """Return whether every layer of the model keeps a plain cache over the whole sequence."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    layers = DynamicCache(config=inner.config.get_text_config(decoder=True)).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


class SlotDecoder:
    """Decode requests in slots.

    Args:
        model: causal language model in evaluation mode, one that `fits`.
        options: sampling options and stop tokens.
        slots: most rows at once.
        budget: most tokens of the rows in the cache, padding included; a single row always runs.
    """

    def __init__(self, model: Any, options: Decoding, *, slots: int, budget: int | None = None) -> None:
        self.model = model
        self.options = options
        self.most, self.budget = slots, budget
        self.device = next(model.parameters()).device
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.config = inner.config.get_text_config(decoder=True)
        parameters = inspect.signature(inner.forward).parameters
        self.last_logits: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        self.takes_positions = "position_ids" in parameters
        self.rows: list[_Row] = []
        self.waiting: deque[tuple[int, Request]] = deque()
        count = len(DynamicCache(config=self.config).layers)
        self.layers = [_SlotLayer() for _ in range(count)]  # type: ignore[no-untyped-call]
        self.cache = Cache(layers=list(self.layers))
        self.slots = self.columns = self.length = 0
        self.numbers = 0
        self.mask_SC = torch.zeros(0, 0, dtype=torch.long, device=self.device)
        self.uniform_SN = torch.zeros(0, 0, device=self.device)
        self.token_S, self.position_S, self.count_S = (self.mask_SC.new_zeros(0) for _ in range(3))

    def run(self, requests: Sequence[Request]) -> Iterator[tuple[int, Decoded, float]]:
        """Yield the index of each request, its tokens, and the seconds since its admission, as they finish."""
        self.waiting.extend(enumerate(requests))
        self.numbers = 0 if self.options.greedy else max((request.limit for request in requests), default=0)
        while self.rows or self.waiting:
            with torch.inference_mode():
                fresh = self._admissible()
                over = self._admit(fresh) if fresh else []
                if self.rows:
                    over += self._step()
            yield from over

    def _admissible(self) -> int:
        """Return how many of the waiting requests may be admitted now."""
        # Admit in batches: one forward pass over several prompts costs little more than one over a single prompt.
        free = self.most - len(self.rows)
        if not self.waiting or (self.rows and free < max(1, int(self.most * REFILL_SHARE))):
            return 0
        if self.budget is None:
            return min(free, len(self.waiting))
        # Worst case: every row in use becomes as long as the longest, since all rows share the same columns.
        longest = max((len(row.request.prompt) + row.request.limit for row in self.rows), default=0)
        for count, (_, request) in enumerate(self.waiting):
            longest = max(longest, len(request.prompt) + request.limit)
            rows = len(self.rows) + count + 1
            # A single row always runs, even over the budget; otherwise a long prompt would wait forever.
            if count >= free or (rows > 1 and rows * longest > self.budget):
                return count
        return len(self.waiting)

    def _admit(self, count: int) -> list[tuple[int, Decoded, float]]:
        """Compute the next prompts and put them into slots; return rows that end with their first token."""
        started = time.perf_counter()
        new = [self.waiting.popleft() for _ in range(count)]
        # Equal prompts (samples of one task) are computed once; `sources` maps each new row to its prompt in (N, P).
        unique: dict[tuple[int, ...], int] = {}
        sources = [unique.setdefault(tuple(request.prompt), len(unique)) for _, request in new]
        prompts_NP, mask_NP = left_padded(list(unique), self.options.pad_id, self.device)
        read: Any = DynamicCache(config=self.config)
        positions = {"position_ids": (mask_NP.cumsum(1) - 1).clamp(min=0)} if self.takes_positions else {}
        output = self.model(
            input_ids=prompts_NP,
            attention_mask=mask_NP,
            past_key_values=read,
            use_cache=True,
            **positions,
            **self.last_logits,
        )
        # Right-align: all rows write their next token to column `end`, so every prompt must end there.
        length, before = prompts_NP.shape[1], len(self.rows)
        end = max(self.length, length)
        # Heads, head dimension and dtype of the cache are only known from the first keys and values.
        if not self.layers[0].is_initialized:
            for layer, prompt in zip(self.layers, read.layers, strict=True):
                layer.lazy_initialization(prompt.keys, prompt.values)
        self._make_room(before + count, end + 1)
        self.rows += [_Row(index, request, started, end - len(request.prompt)) for index, request in new]
        slots = torch.arange(before, before + count, device=self.device)
        source = torch.tensor(sources, device=self.device)
        for layer, prompt in zip(self.layers, read.layers, strict=True):
            layer.rows, layer.length = len(self.rows), end
            layer.put(slots, prompt, source, end)
        self.length = end
        # Clear the mask of the slot's previous row, then unmask exactly the prompt's own columns.
        self.mask_SC[slots] = 0
        self.mask_SC[slots, end - length : end] = mask_NP[source]
        self.position_S[slots] = mask_NP.sum(1)[source]
        # `count_S` indexes into `uniform_SN`: a row draws its own numbers, whatever slot and batch it is in.
        self.count_S[slots] = 0
        if self.numbers:
            for slot, (_, request) in enumerate(new, before):
                self.uniform_SN[slot, : request.limit] = uniform_numbers(request).to(self.device)
        return self._write(before, output.logits[source, -1])

    def _step(self) -> list[tuple[int, Decoded, float]]:
        """Decode one token for every row; return the finished rows."""
        rows = len(self.rows)
        # All rows write to the same new column; rows admitted later have masked columns before their prompt.
        self._make_room(rows, self.length + 1)
        self.mask_SC[:rows, self.length] = 1
        positions = {"position_ids": self.position_S[:rows, None]} if self.takes_positions else {}
        output = self.model(
            input_ids=self.token_S[:rows, None],
            attention_mask=self.mask_SC[:rows, : self.length + 1],
            past_key_values=self.cache,
            use_cache=True,
            **positions,
            **self.last_logits,
        )
        self.length += 1
        self.position_S[:rows] += 1
        return self._write(0, output.logits[:, -1])

    def _write(self, first: int, logits_BV: torch.Tensor) -> list[tuple[int, Decoded, float]]:
        """Choose a token for every row from ``first`` on; remove and return the finished rows."""
        rows = slice(first, len(self.rows))
        uniform_B = None
        if self.numbers:
            uniform_B = self.uniform_SN[rows].gather(1, self.count_S[rows, None])[:, 0]
        chosen_B = choose_tokens(logits_BV, self.options, uniform_B)
        self.token_S[rows] = chosen_B
        self.count_S[rows] += 1
        if self.options.logprobs:
            logprobs_B = token_logprobs(logits_BV, chosen_B, self.options.temperature)
            for row, logprob in zip(self.rows[first:], logprobs_B.tolist(), strict=True):
                row.logprobs.append(logprob)
        over = []
        # One device-to-host copy per step, the tokens: stop conditions run on the CPU.
        for place, token in enumerate(chosen_B.tolist(), first):
            self.rows[place].ids.append(token)
            if is_over(self.rows[place].ids, self.rows[place].request, self.options):
                over.append(place)
        if not over:
            return []
        now = time.perf_counter()
        finished = [self.rows[place] for place in over]
        self._remove(over)
        kept = self.options.logprobs
        return [
            (row.index, cut(row.ids, self.options, row.logprobs if kept else None), now - row.started)
            for row in finished
        ]

    def _remove(self, over: Sequence[int]) -> None:
        """Fill the gaps with the last rows, and trim unused columns."""
        remaining = len(self.rows) - len(over)
        removed = set(over)
        # Rows in use stay contiguous, [0, remaining): move the last rows into the gaps. Their order does not matter.
        targets = [place for place in over if place < remaining]
        sources = [place for place in range(remaining, len(self.rows)) if place not in removed]
        if targets:
            target, source = (torch.tensor(places, device=self.device) for places in (targets, sources))
            for layer in self.layers:
                layer.move(target, source)
            for state in (self.mask_SC, self.uniform_SN, self.token_S, self.position_S, self.count_S):
                state[target] = state[source]
            for place, last in zip(targets, sources, strict=True):
                self.rows[place] = self.rows[last]
        del self.rows[remaining:]
        # Columns before the earliest prompt start are masked in every row. Trimming copies the cache, so only do it
        # when a large share is unused; row starts and mask shift by the same number of columns.
        unused = min((row.start for row in self.rows), default=self.length)
        trimmed = unused if unused >= self.length * TRIM_SHARE else 0
        for layer in self.layers:
            layer.rows = remaining
            if trimmed:
                layer.trim(trimmed)
        if trimmed:
            self.mask_SC[:remaining, : self.length - trimmed] = self.mask_SC[:remaining, trimmed : self.length].clone()
            self.mask_SC[:, self.length - trimmed :] = 0
            self.length -= trimmed
            for row in self.rows:
                row.start -= trimmed

    def _make_room(self, rows: int, columns: int) -> None:
        """Grow slots to a power of two (at most all), columns by `COLUMNS_AT_ONCE`."""
        if rows <= self.slots and columns <= self.columns:
            return
        # Doubling the slots bounds the number of copies to log2(most); columns grow linearly.
        slots = max(self.slots, min(self.most, 1 << (rows - 1).bit_length()))
        wide = max(self.columns, -(-columns // COLUMNS_AT_ONCE) * COLUMNS_AT_ONCE)
        for layer in self.layers:
            layer.grow(slots, wide)
        mask_SC = self.mask_SC.new_zeros(slots, wide)
        mask_SC[: self.slots, : self.columns] = self.mask_SC
        self.mask_SC = mask_SC
        if slots > self.slots:
            self.uniform_SN = _taller(self.uniform_SN, slots, self.numbers)
            self.token_S, self.position_S, self.count_S = (
                _taller(state[:, None], slots, 1)[:, 0] for state in (self.token_S, self.position_S, self.count_S)
            )
        self.slots, self.columns = slots, wide


def _taller(state: torch.Tensor, slots: int, columns: int) -> torch.Tensor:
    grown = state.new_zeros(slots, columns)
    if len(state):
        grown[: len(state)] = state
    return grown


def left_padded(prompts: Sequence[Sequence[int]], pad_id: int, device: torch.device) -> tuple[Any, Any]:
    """Return token ids and attention mask of prompts, (N, P) each, P the longest prompt."""
    longest = max(len(prompt) for prompt in prompts)
    ids_BT = torch.full((len(prompts), longest), pad_id, dtype=torch.long)
    mask_BT = torch.zeros((len(prompts), longest), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids_BT[row, longest - len(prompt) :] = torch.tensor(prompt, dtype=torch.long)
        mask_BT[row, longest - len(prompt) :] = 1
    return ids_BT.to(device), mask_BT.to(device)
