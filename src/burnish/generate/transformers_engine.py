"""Let a causal language model in this process write completions for tasks, in fixed batches.

Tasks are sorted by prompt length and cut into batches before anything is written; the cut depends on the task list,
the tokenizer and the sampling options alone, and each batch has its own random numbers, from the seed and its index.
So a run that stopped between batches goes on as if it had not.

Not covered: models on several devices, serving (requests that arrive one by one), prompts shared between samples.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import torch

from burnish.config.generate import SamplingConfig
from burnish.fsio import digest_json
from burnish.generate.decoding import Decoded, Decoding, decode_batch
from burnish.model.base import device_memory
from burnish.model.chat_template import end_of_turn_ids
from burnish.records import Completion, Message, Task

log = logging.getLogger(__name__)


class TransformersGenerator:
    """A `Generator` over a loaded model.

    Args:
        model: causal language model in evaluation mode, on its device.
        tokenizer: the model's, with a chat template.
        sampling: options; ``batch_size`` counts sequences decoded together.
        seed: of the run.
        model_digest: recorded with every completion.
        render: makes the prompt text of a task's messages.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        sampling: SamplingConfig,
        seed: int,
        model_digest: str,
        render: Callable[[Sequence[Message]], str],
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._sampling = sampling
        self._seed = seed
        self._model_digest = model_digest
        self._render = render
        self._device = next(model.parameters()).device
        self._options = Decoding(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop_ids=stop_ids(model, tokenizer),
            pad_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0,
        )

    @property
    def model_digest(self) -> str:
        """Digest of the model's files, as it was given."""
        return self._model_digest

    def generate(self, tasks: Sequence[Task], finished: Collection[str] = ()) -> Iterator[list[Completion]]:
        """Yield finished batches, short prompts first; see `protocols.Generator`.

        A prompt that fills the model's context gets an empty completion that ended by ``length``: the model cannot
        answer it, and it stays in the denominator.

        Raises:
            DeviceMemoryError: a batch does not fit on the accelerator.
        """
        done = frozenset(finished)
        for index, batch in enumerate(self._batches(tasks)):
            if all(task.id in done for task, _ in batch):
                continue
            with device_memory(
                f"decoding {self._sampling.batch_size} sequences",
                "Finished batches are kept: lower sampling.batch_size and run the same command again.",
            ):
                yield self._write(index, batch)

    def _batches(self, tasks: Sequence[Task]) -> list[list[tuple[Task, list[int]]]]:
        texts = [self._render(task.prompt) for task in tasks]
        if not texts:
            return []
        encoded = self._tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        order = sorted(range(len(tasks)), key=lambda index: (len(encoded[index]), index))
        size = max(1, self._sampling.batch_size // self._sampling.samples)
        prompts = [(tasks[index], list(encoded[index])) for index in order]
        return [prompts[start : start + size] for start in range(0, len(prompts), size)]

    def _write(self, index: int, batch: Sequence[tuple[Task, list[int]]]) -> list[Completion]:
        started = time.perf_counter()
        rows = [(task, prompt, sample) for task, prompt in batch for sample in range(self._sampling.samples)]
        random = torch.Generator(device=self._device)
        random.manual_seed(batch_seed(self._seed, index))
        decoded: list[Decoded] = []
        for start in range(0, len(rows), self._sampling.batch_size):
            prompts = [prompt for _, prompt, _ in rows[start : start + self._sampling.batch_size]]
            limits = [self._limit(prompt) for prompt in prompts]
            decoded += decode_batch(self._model, prompts, limits, self._options, random)
        seconds = (time.perf_counter() - started) / len(rows)
        options = self._sampling.model_dump(mode="json") | {"seed": self._seed}
        return [
            Completion(
                task_id=task.id,
                sample_index=sample,
                text=self._tokenizer.decode(written.ids, skip_special_tokens=True),
                prompt_tokens=len(prompt),
                completion_tokens=len(written.ids) + (written.finish_reason == "stop"),
                finish_reason=written.finish_reason,
                sampling=options,
                model_digest=self._model_digest,
                seconds=seconds,
            )
            for (task, prompt, sample), written in zip(rows, decoded, strict=True)
        ]

    def _limit(self, prompt: Sequence[int]) -> int:
        context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        room = self._sampling.max_new_tokens if context is None else context - len(prompt)
        if room <= 0:
            log.warning("a prompt of %d tokens fills the model's context of %d: no completion", len(prompt), context)
        return max(0, min(self._sampling.max_new_tokens, room))


def batch_seed(seed: int, index: int) -> int:
    """Seed of one batch: 63 bits of a digest, so that neighbouring seeds and batches share nothing."""
    return int(digest_json(["generate", seed, index])[:16], 16) >> 1


def stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Tokens that end a completion: the chat template's end of turn, and every end-of-sequence token declared."""
    found = set(end_of_turn_ids(tokenizer))
    for declared in (
        tokenizer.eos_token_id,
        model.config.get_text_config().eos_token_id,
        getattr(model.generation_config, "eos_token_id", None),
    ):
        if declared is not None:
            found.update(declared if isinstance(declared, list | tuple) else [declared])
    return frozenset(int(token) for token in found)
