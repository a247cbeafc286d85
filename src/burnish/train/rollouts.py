"""What a policy writes and how it was judged: groups are drawn, written chunk by chunk and verified meanwhile.

While a chunk is decoded, the one before it is verified in a thread of its own; the trainer waits only for what is left
when everything is written (the verifier stall). Groups whose rewards are all equal may be replaced by others.

The random numbers of a chunk follow from seed, step and place, so a run that was killed writes the same again.
Not covered: how tokens are chosen and what a verdict is worth (both are handed in), the loss (`train.grpo_trainer`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.fsio import append_lines, digest_json, read_lines, write_atomic
from burnish.records import Completion, Rollout, Score, Verdict
from burnish.train.prompt_pool import PromptPool

MOST_WAVES = 5
"""Draws that may replace groups without signal; together they write at most as much again as the batch."""


@dataclass(frozen=True)
class Answer:
    """What the sampler wrote after one prompt."""

    ids: list[int]
    """With the stop token, where there is one."""
    text: str
    finished: bool
    """Whether it ended by itself."""
    logprobs: list[float] | None
    """Of ``ids``, as the sampler had them; None where it does not say."""


Write = Callable[[Any, Sequence[Sequence[int]], int], list[Answer]]
"""``write(model, prompts, seed)``: one answer to each prompt (token ids), the same for the same arguments."""
Judge = Callable[[Sequence[tuple[int, Completion]]], list[tuple[Verdict, Score]]]
"""``judge(pairs)`` of task index and completion, in their order; called from another thread, one call at a time."""


@dataclass(frozen=True)
class Sample:
    """One completion with its place."""

    task: int
    answer: Answer
    completion: Completion


@dataclass(frozen=True)
class Group:
    """The judged completions of one prompt."""

    task: int
    samples: tuple[Sample, ...]
    verdicts: tuple[Verdict, ...]
    scores: tuple[Score, ...]

    @property
    def rewards(self) -> list[float | None]:
        """None is unscored, which is not zero."""
        return [score.value for score in self.scores]

    @property
    def has_signal(self) -> bool:
        """Whether any two rewards differ."""
        return len({reward for reward in self.rewards if reward is not None}) > 1

    @property
    def pass_rate(self) -> float | None:
        """Share of passes among what could be judged; None when nothing could."""
        judged = [verdict for verdict in self.verdicts if verdict.status != "infra"]
        return sum(verdict.status == "pass" for verdict in judged) / len(judged) if judged else None


class Rollouts:
    """Writes and judges batches of groups; use as a context manager, which ends the thread.

    Args:
        prompts: token ids by task.
        task_ids: names by task.
        pool: draws tasks; told how they went.
        write: the sampler.
        judge: verdict and score of completions.
        group: completions per prompt.
        decode_batch: completions handed to ``write`` at once.
        seed: of the samples.
        sampling: recorded with every completion.
        file: where rollouts are appended.
    """

    def __init__(
        self,
        prompts: Sequence[Sequence[int]],
        task_ids: Sequence[str],
        pool: PromptPool,
        *,
        write: Write,
        judge: Judge,
        group: int,
        decode_batch: int,
        seed: int,
        sampling: dict[str, Any],
        file: Path,
    ) -> None:
        self.prompts = prompts
        self.pool = pool
        self.verify_s = 0.0
        """Seconds that judging has taken, beside the writing or after it."""
        self._task_ids = task_ids
        self._write = write
        self._judge = judge
        self._group = group
        self._prompts_at_once = max(1, decode_batch // group)
        self._seed = seed
        self._sampling = sampling
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")
        self._waiting: list[tuple[list[Sample], Future[list[tuple[Verdict, Score]]]]] = []

    def __enter__(self) -> Rollouts:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def write(self, model: Any, tasks: Sequence[int], *, step: int, wave: int = 0) -> list[Sample]:
        """Let the model answer each task ``group`` times, and hand every chunk to the judge as soon as it is written.

        Returned by task, in the order of prompt length in which they were written.
        """
        order = sorted(tasks, key=lambda task: (len(self.prompts[task]), task))
        written: list[Sample] = []
        for chunk, start in enumerate(range(0, len(order), self._prompts_at_once)):
            rows = [(task, i) for task in order[start : start + self._prompts_at_once] for i in range(self._group)]
            seed = int(digest_json(["rollouts", self._seed, step, wave, chunk])[:16], 16) >> 1
            began = time.perf_counter()
            answers = self._write(model, [self.prompts[task] for task, _ in rows], seed)
            seconds = (time.perf_counter() - began) / len(rows)
            samples = [
                Sample(task, answer, self._completion(task, index, answer, step, seconds))
                for (task, index), answer in zip(rows, answers, strict=True)
            ]
            self._waiting.append((samples, self._thread.submit(self._judged, samples)))
            written += samples
        return written

    def judged(self, step: int) -> list[Group]:
        """Wait for the verdicts of everything written, keep it on disk, and tell the pool; groups as written."""
        waiting, self._waiting = self._waiting, []
        groups: list[Group] = []
        for samples, future in waiting:
            for group in _grouped(samples, future.result(), self._group):
                groups.append(group)
                if (rate := group.pass_rate) is not None:
                    self.pool.note(group.task, rate)
        rollouts = (
            Rollout(step=step, completion=sample.completion, verdict=verdict, score=score)
            for group in groups
            for sample, verdict, score in zip(group.samples, group.verdicts, group.scores, strict=True)
        )
        append_lines(self._file, [rollout.to_json() for rollout in rollouts])
        return groups

    def replaced(self, model: Any, groups: Sequence[Group], *, step: int) -> list[Group]:
        """More groups in place of those without signal, those without signal among them too."""
        wanted, room = sum(not group.has_signal for group in groups), len(groups)
        taken = {group.task for group in groups}
        more: list[Group] = []
        for wave in range(1, MOST_WAVES + 1):
            count = min(wanted, room, len(self.prompts) - len(taken))
            if count <= 0:
                break
            tasks = self.pool.draw(count, taken)
            self.write(model, tasks, step=step, wave=wave)
            fresh = self.judged(step)
            more += fresh
            taken.update(tasks)
            room -= count
            wanted -= sum(group.has_signal for group in fresh)
        return more

    def _completion(self, task: int, index: int, answer: Answer, step: int, seconds: float) -> Completion:
        return Completion(
            task_id=self._task_ids[task],
            sample_index=index,
            text=answer.text,
            prompt_tokens=len(self.prompts[task]),
            completion_tokens=len(answer.ids),
            finish_reason="stop" if answer.finished else "length",
            sampling=self._sampling,
            model_digest=f"step-{step}",
            seconds=seconds,
        )

    def _judged(self, samples: Sequence[Sample]) -> list[tuple[Verdict, Score]]:
        began = time.perf_counter()
        found = self._judge([(sample.task, sample.completion) for sample in samples])
        self.verify_s += time.perf_counter() - began
        return found


def _grouped(samples: Sequence[Sample], found: Sequence[tuple[Verdict, Score]], size: int) -> Iterator[Group]:
    for start in range(0, len(samples), size):
        of = slice(start, start + size)
        yield Group(
            samples[start].task,
            tuple(samples[of]),
            tuple(verdict for verdict, _ in found[of]),
            tuple(score for _, score in found[of]),
        )


def truncate_rollouts(file: Path, step: int) -> None:
    """Take out what was written in optimiser step ``step`` or later, and a torn last line: it will be written again."""
    if not file.exists():
        return
    kept = [line for line in read_lines(file) if Rollout.from_json(line).step < step]
    write_atomic(file, "".join(line + "\n" for line in kept))
