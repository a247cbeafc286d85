"""Write and judge rollouts: groups are drawn, written chunk by chunk, and verified at the same time.

A thread verifies finished answers while longer ones are still being decoded; the trainer waits only for verdicts that
are missing when everything is written (the verifier stall). Groups whose rewards are all equal may be replaced.

The random numbers of a chunk follow from seed, step and position, so a resumed run writes the same answers.
Not covered: sampling and rewards (both are passed in), the loss (`train.grpo.trainer`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.fsio import append_lines, digest_json
from burnish.records import Completion, Rollout, Score, Verdict
from burnish.records.files import read_records, write_records
from burnish.train.grpo.prompt_pool import PromptPool, Prompts

PARTS = 4
"""Parts of a chunk sent to the judge, several answers each, since programs are compiled together."""
MOST_WAVES = 5
"""Most draws that replace groups without signal; together they write at most one more batch."""


@dataclass(frozen=True)
class Answer:
    """Sampled answer to one prompt."""

    ids: list[int]
    """Tokens including the stop token, if any."""
    text: str
    finished: bool
    """Whether the model ended it."""
    logprobs: list[float] | None
    """Log-probabilities of ``ids`` from the sampler; None without them."""


Write = Callable[[Any, Sequence[Sequence[int]], int], Iterable[tuple[int, Answer]]]
"""``write(model, prompts, seed)`` yields one answer per prompt (token ids) with the prompt's index, as they
finish; it is deterministic."""
Judge = Callable[[Sequence[tuple[int, Completion]]], list[tuple[Verdict, Score]]]
"""``judge(pairs)`` judges pairs of task index and completion, in order; called from another thread, one call at
a time."""


@dataclass(frozen=True)
class Sample:
    """One completion with its position."""

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
        """Return the rewards; None is unscored, not zero."""
        return [score.value for score in self.scores]

    @property
    def has_signal(self) -> bool:
        """Return whether any two rewards differ."""
        return len({reward for reward in self.rewards if reward is not None}) > 1

    @property
    def pass_rate(self) -> float | None:
        """Return the share of passes among the judged completions; None without any."""
        judged = [verdict for verdict in self.verdicts if verdict.status != "infra"]
        return sum(verdict.status == "pass" for verdict in judged) / len(judged) if judged else None


class Rollouts:
    """Write and judge batches of groups; a context manager that ends the thread.

    Args:
        prompts: of all tasks.
        pool: draws tasks, and gets their pass rates.
        write: the sampler.
        judge: verdict and score of completions.
        stage: completions per prompt, completions per call of ``write``, and sampling options.
        seed: seed of the samples.
        file: file to which rollouts are appended.
    """

    def __init__(
        self,
        prompts: Prompts,
        pool: PromptPool,
        *,
        write: Write,
        judge: Judge,
        stage: GrpoStage,
        seed: int,
        file: Path,
    ) -> None:
        self.prompts = prompts.ids
        self.pool = pool
        self.verify_s = 0.0
        """Seconds of judging, during and after writing."""
        self._task_ids = prompts.task_ids
        self._write = write
        self._judge = judge
        self._group = stage.num_generations
        self._prompts_at_once = max(1, stage.decode_batch // stage.num_generations)
        self._seed = seed
        self._sampling = {
            "temperature": stage.temperature,
            "max_new_tokens": stage.max_completion_length,
            "seed": seed,
        }
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge")
        self._written: list[Sample] = []
        self._waiting: list[tuple[list[int], Future[list[tuple[Verdict, Score]]]]] = []
        """Indices of samples written since the last `judged`, with their pending verdicts."""

    def __enter__(self) -> Rollouts:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def write(self, model: Any, tasks: Sequence[int], *, step: int, wave: int = 0) -> list[Sample]:
        """Let the model answer each task ``group`` times, and pass finished answers to the judge.

        Return them by task, in the order of prompt length in which they were begun.
        """
        order = sorted(tasks, key=lambda task: (len(self.prompts[task]), task))
        before = len(self._written)
        for chunk, start in enumerate(range(0, len(order), self._prompts_at_once)):
            seed = int(digest_json(["rollouts", self._seed, step, wave, chunk])[:16], 16) >> 1
            self._written += self._chunk(model, order[start : start + self._prompts_at_once], seed, step)
        return self._written[before:]

    def _chunk(self, model: Any, tasks: Sequence[int], seed: int, step: int) -> list[Sample]:
        rows = [(task, index) for task in tasks for index in range(self._group)]
        began, first = time.perf_counter(), len(self._written)
        finished: dict[int, tuple[Answer, Completion]] = {}
        handed_on = 0

        def hand_on() -> None:
            nonlocal handed_on
            places = list(finished)[handed_on:]
            handed_on = len(finished)
            pairs = [(rows[place][0], finished[place][1]) for place in places]
            self._waiting.append(([first + place for place in places], self._thread.submit(self._judged, pairs)))

        for place, answer in self._write(model, [self.prompts[task] for task, _ in rows], seed):
            finished[place] = answer, self._completion(*rows[place], answer, step)
            if (len(finished) - handed_on) * PARTS >= len(rows):
                hand_on()
        if len(finished) > handed_on:
            hand_on()
        seconds = {"seconds": (time.perf_counter() - began) / len(rows)}
        answered = [(task, *finished[place]) for place, (task, _) in enumerate(rows)]
        return [Sample(task, answer, completion.model_copy(update=seconds)) for task, answer, completion in answered]

    def judged(self, step: int) -> list[Group]:
        """Wait for all verdicts, store them, and update the pool; return groups in the order of writing."""
        waiting, self._waiting = self._waiting, []
        written, self._written = self._written, []
        judgements: dict[int, tuple[Verdict, Score]] = {}
        for places, future in waiting:
            judgements |= zip(places, future.result(), strict=True)
        groups = list(_grouped(written, [judgements[place] for place in range(len(written))], self._group))
        for group in groups:
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
        """Write more groups in place of those without signal; return all of them, with signal or not."""
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

    def _completion(self, task: int, index: int, answer: Answer, step: int) -> Completion:
        return Completion(
            task_id=self._task_ids[task],
            sample_index=index,
            text=answer.text,
            prompt_tokens=len(self.prompts[task]),
            completion_tokens=len(answer.ids),
            finish_reason="stop" if answer.finished else "length",
            sampling=self._sampling,
            model_digest=f"step-{step}",
        )

    def _judged(self, pairs: Sequence[tuple[int, Completion]]) -> list[tuple[Verdict, Score]]:
        began = time.perf_counter()
        judgements = self._judge(pairs)
        self.verify_s += time.perf_counter() - began
        return judgements


def _grouped(samples: Sequence[Sample], judgements: Sequence[tuple[Verdict, Score]], size: int) -> Iterator[Group]:
    for start in range(0, len(samples), size):
        of = slice(start, start + size)
        yield Group(
            samples[start].task,
            tuple(samples[of]),
            tuple(verdict for verdict, _ in judgements[of]),
            tuple(score for _, score in judgements[of]),
        )


def truncate_rollouts(file: Path, step: int) -> None:
    """Remove rollouts of optimiser step ``step`` or later, and a torn last line; they will be written again."""
    if not file.exists():
        return
    kept = [rollout for rollout in read_records(Rollout, file) if rollout.step < step]
    write_records(file, kept)
