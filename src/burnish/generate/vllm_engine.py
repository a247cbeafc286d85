"""Let vLLM write completions for tasks, where the package is installed.

The prompt is rendered and encoded here, as for the engine in this process, and vLLM gets token ids, a seed per sample
and the same options. It batches by itself and manages its own memory. Its completions differ from those of
`transformers_engine`, since kernels and random numbers differ. Not covered: models on several cards, quantised loading.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Unpack

from burnish.generate.sampling import LocalGenerator, OfTheRun, sample_seed
from burnish.records import Completion, Task

TASKS_AT_ONCE = 256
"""Tasks per call; finished ones are yielded between calls."""


class VllmGenerator(LocalGenerator):
    """A `Generator` over vLLM's offline engine.

    Args:
        engine: an ``LLM`` of vLLM.
        tokenizer: of the model, with a chat template.
        lora: vLLM's request for the adapter; None without one.
        stop_ids: tokens that end an answer.
        run: options and what is recorded.
    """

    def __init__(
        self, engine: Any, tokenizer: Any, *, lora: Any, stop_ids: Collection[int], **run: Unpack[OfTheRun]
    ) -> None:
        super().__init__(**run)
        self._engine, self._tokenizer, self._lora = engine, tokenizer, lora
        self._stop_ids = sorted(stop_ids)

    def generate(self, tasks: Sequence[Task], finished: Collection[str] = ()) -> Iterator[list[Completion]]:
        """Yield completions of some hundred tasks at a time; see `protocols.Generator`."""
        left = [task for task in tasks if task.id not in frozenset(finished)]
        yield []
        for start in range(0, len(left), TASKS_AT_ONCE):
            yield self._write(left[start : start + TASKS_AT_ONCE])

    def _write(self, tasks: Sequence[Task]) -> list[Completion]:
        from vllm import SamplingParams, TokensPrompt

        pairs = [(task, sample) for task in tasks for sample in range(self._sampling.samples)]
        encoded = {task.id: self._encode(task) for task in tasks}
        options = [
            SamplingParams(
                max_tokens=self._sampling.max_new_tokens,
                temperature=self._sampling.temperature,
                top_p=self._sampling.top_p,
                top_k=self._sampling.top_k or -1,
                stop=list(self._sampling.stop) or None,
                stop_token_ids=self._stop_ids,
                seed=sample_seed(self._seed, task.id, sample) >> 32,
            )
            for task, sample in pairs
        ]
        prompts = [TokensPrompt(prompt_token_ids=encoded[task.id]) for task, _ in pairs]
        started = time.perf_counter()
        outputs = self._engine.generate(prompts, options, lora_request=self._lora, use_tqdm=False)
        seconds = time.perf_counter() - started
        return [
            Completion(
                task_id=task.id,
                sample_index=sample,
                text=output.outputs[0].text,
                prompt_tokens=len(encoded[task.id]),
                completion_tokens=len(output.outputs[0].token_ids),
                finish_reason="length" if output.outputs[0].finish_reason == "length" else "stop",
                sampling=self._sampling.deciding() | {"seed": self._seed},
                model_digest=self._model_digest,
                seconds=seconds,
            )
            for (task, sample), output in zip(pairs, outputs, strict=True)
        ]

    def _encode(self, task: Task) -> list[int]:
        ids: list[int] = self._tokenizer(self.prompt_text(task), add_special_tokens=False)["input_ids"]
        return ids


def open_engine(base: Path, adapter: Path | None, *, dtype: str, rank: int, seed: int) -> tuple[Any, Any]:
    """Open vLLM's engine for a model folder, with its request for the adapter (None without one)."""
    from vllm import LLM
    from vllm.lora.request import LoRARequest

    more = {} if adapter is None else {"enable_lora": True, "max_lora_rank": rank}
    engine = LLM(model=str(base), tokenizer=str(base), dtype=dtype, seed=seed, **more)
    return engine, None if adapter is None else LoRARequest("adapter", 1, str(adapter))
