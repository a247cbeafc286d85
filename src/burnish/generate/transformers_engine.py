"""Let a causal language model in this process write completions for tasks, in batches that fit the memory.

Long prompts come first, so that a lack of memory shows at once and the last rows are short. A sample's
random numbers depend on the seed, its task and its index alone: an interrupted run writes only what is missing,
in any batches. (Rounding depends on the batch, so either of two tokens that are equally likely to seven digits may
be chosen.)

Not covered: models on several devices, serving (requests that arrive one by one).
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import torch

from burnish.errors import DeviceMemoryError
from burnish.generate.decoding import decode
from burnish.generate.likelihood import log_likelihoods
from burnish.generate.sampling import Decoded, Decoding, LocalGenerator, OfTheRun, Request, sample_seed
from burnish.generate.stop_strings import StopStrings
from burnish.model.base import device_memory
from burnish.model.chat_template import control_tokens, end_of_turn_ids
from burnish.model.context import context_length
from burnish.records import Completion, Message, Task
from burnish.wording import counted

log = logging.getLogger(__name__)

WRITTEN_SHARE = 1 / 4
"""Finished tasks are yielded once they hold this share of a batch's sequences."""
WARM_UP_TOKENS = 2
NO_ROOM = "Finished answers are kept: lower sampling.max_new_tokens, or use a smaller or quantised model."


@dataclass(frozen=True)
class _Sample:
    """One completion to write."""

    task: Task
    index: int
    request: Request


class TransformersGenerator(LocalGenerator):
    """A `Generator` over a loaded model.

    Args:
        model: causal language model in evaluation mode, on its device.
        tokenizer: the model's, with a chat template.
        run: options and what is recorded; ``sampling.batch_size`` counts sequences decoded together.
    """

    def __init__(self, model: Any, tokenizer: Any, **run: Unpack[OfTheRun]) -> None:
        super().__init__(**run)
        sampling = self._sampling
        self.model = model
        self.tokenizer = tokenizer
        self._stop = StopStrings(sampling.stop, tokenizer) if sampling.stop else None
        self._options = Decoding(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop_ids=stop_ids(model, tokenizer) | (self._stop.special_ids() if self._stop is not None else frozenset()),
            pad_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0,
            top_k=sampling.top_k,
            ends=None if self._stop is None else self._stop.ends,
        )

    def generate(self, tasks: Sequence[Task], finished: Collection[str] = ()) -> Iterator[list[Completion]]:
        """Yield completions of whole tasks as they finish, long prompts first; see `protocols.Generator`.

        A prompt that fills the model's context gets an empty completion with the finish reason ``length``: the model
        cannot answer it, and it stays in the denominator.

        Raises:
            DeviceMemoryError: not even one sequence fits on the accelerator.
        """
        done = frozenset(finished)
        missing = self._samples([task for task in tasks if task.id not in done])
        self._warm_up(missing)
        yield []
        several = self._sampling.samples
        enough = max(1, int(self._sampling.batch_size * WRITTEN_SHARE) // several)
        parts: defaultdict[str, list[Completion]] = defaultdict(list)
        complete: list[str] = []
        for sample, written, seconds in self._decode(missing):
            parts[sample.task.id].append(self._completion(sample, written, seconds))
            if len(parts[sample.task.id]) == several:
                complete.append(sample.task.id)
            if len(complete) >= enough:
                yield _in_order(parts, complete)
                complete = []
        if complete:
            yield _in_order(parts, complete)

    def choice_likelihoods(self, tasks: Sequence[Task]) -> dict[str, dict[str, float]]:
        """Return the log-likelihood of each choice's text after the prompt, by task and label; tasks are multiple
        choice.

        A task whose prompt and longest choice exceed the model's context has none, and the log names it.
        """
        texts = [[choice.text for choice in task.choices] for task in tasks]
        scores = log_likelihoods(self.model, self.tokenizer, [self.prompt_text(task) for task in tasks], texts)
        likely = {
            task.id: {
                choice.label: value for choice, value in zip(task.choices, values or (), strict=values is not None)
            }
            for task, values in zip(tasks, scores, strict=True)
        }
        without = [name for name, values in likely.items() if not values]
        if without:
            log.warning(
                "%d of %d tasks have no likelihoods, since they exceed the model's context of %d with their choices; "
                "the first is %s",
                len(without),
                len(tasks),
                context_length(self.model),
                without[0],
            )
        return likely

    def _samples(self, tasks: Sequence[Task]) -> list[_Sample]:
        if not tasks:
            return []
        texts = [self._render(task.prompt) for task in tasks]
        _say_control_tokens(tasks, self.tokenizer)
        encoded = self.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        order = sorted(range(len(tasks)), key=lambda place: (-len(encoded[place]), place))
        limits = [self._limit(task.id, prompt) for task, prompt in zip(tasks, encoded, strict=True)]
        return [
            _Sample(
                tasks[place],
                index,
                Request(encoded[place], limits[place], sample_seed(self._seed, tasks[place].id, index)),
            )
            for place in order
            for index in range(self._sampling.samples)
        ]

    def _warm_up(self, samples: Sequence[_Sample]) -> None:
        """Decode two tokens and drop them, so that the first answer is timed like the others."""
        longest = [sample.request for sample in samples if sample.request.limit > WARM_UP_TOKENS][-1:]
        short = [Request(request.prompt, WARM_UP_TOKENS, request.seed) for request in longest]
        with device_memory("decoding a single sequence", NO_ROOM):
            for _ in decode(self.model, short, self._options, slots=1):
                pass

    def _decode(self, samples: Sequence[_Sample]) -> Iterator[tuple[_Sample, Decoded, float]]:
        """Decode, halving the slots each time memory runs out; finished samples are kept."""
        pending, slots = list(samples), self._sampling.batch_size
        while pending:
            done = set()
            try:
                requests = [sample.request for sample in pending]
                for place, written, seconds in decode(
                    self.model, requests, self._options, slots=slots, budget=self._sampling.batch_tokens
                ):
                    done.add(place)
                    yield pending[place], written, seconds
            except torch.OutOfMemoryError as error:
                if slots == 1:
                    raise DeviceMemoryError(
                        "the accelerator ran out of memory while decoding a single sequence.", NO_ROOM
                    ) from error
                slots = max(1, min(slots, len(pending)) // 2)
                log.warning("out of memory: continuing with %d sequences at once", slots)
            pending = [sample for place, sample in enumerate(pending) if place not in done]
            if torch.cuda.is_available() and pending:
                torch.cuda.empty_cache()

    def _completion(self, sample: _Sample, written: Decoded, seconds: float) -> Completion:
        stopped = written.finish_reason == "stop"
        if self._stop is None:
            text = self.tokenizer.decode(written.ids, skip_special_tokens=True)
        else:
            text = self._stop.text(written.ids)
        return Completion(
            task_id=sample.task.id,
            sample_index=sample.index,
            text=text,
            prompt_tokens=len(sample.request.prompt),
            completion_tokens=min(len(written.ids) + stopped, max(sample.request.limit, 0)),
            finish_reason=written.finish_reason,
            sampling=self._sampling.deciding() | {"seed": self._seed},
            model_digest=self._model_digest,
            seconds=seconds,
        )

    def _limit(self, task_id: str, prompt: Sequence[int]) -> int:
        context = context_length(self.model)
        room = self._sampling.max_new_tokens if context is None else context - len(prompt)
        if room <= 0:
            log.warning(
                "the prompt of %s has %d tokens and fills the model's context of %d: no completion",
                task_id,
                len(prompt),
                context,
            )
        return max(0, min(self._sampling.max_new_tokens, room))


def _say_control_tokens(tasks: Sequence[Task], tokenizer: Any) -> None:
    """Warn of prompts whose text holds a control token: the model sees the token, not the text."""
    pattern = control_tokens(tokenizer)
    held = [(task, token) for task in tasks if (token := _first(pattern, task.prompt)) is not None]
    if held:
        task, token = held[0]
        log.warning(
            "%s control tokens, which the model sees as such; the first is %s with %s",
            counted(len(held), "prompt holds", "prompts hold"),
            task.id,
            token,
        )


def _first(pattern: re.Pattern[str] | None, messages: Sequence[Message]) -> str | None:
    matches = (pattern.search(message.content) for message in messages) if pattern is not None else ()
    return next((match.group() for match in matches if match is not None), None)


def _in_order(parts: dict[str, list[Completion]], tasks: Sequence[str]) -> list[Completion]:
    """Remove the completions of these tasks from ``parts``, in order."""
    return [part for task in tasks for part in sorted(parts.pop(task), key=lambda part: part.sample_index)]


def stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return tokens that end a completion: the chat template's end of turn, and every declared end-of-sequence
    token."""
    ends = set(end_of_turn_ids(tokenizer))
    for declared in (
        tokenizer.eos_token_id,
        model.config.get_text_config().eos_token_id,
        getattr(model.generation_config, "eos_token_id", None),
    ):
        if declared is not None:
            ends.update(declared if isinstance(declared, list | tuple) else [declared])
    return frozenset(int(token) for token in ends)
